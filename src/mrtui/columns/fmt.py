"""Numbers and instants as a person reads them: short, with their unit, never localised."""

from __future__ import annotations

from datetime import datetime

from mrcore.model import base

GLYPHS = {
    base.Level.OK: "●",
    base.Level.WARN: "▲",
    base.Level.BAD: "✖",
    base.Level.UNKNOWN: "?",
}
STALE = "◌"
NONE = "-"

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def seconds(value_s: float) -> str:
    """A length of time in at most two units: `0.4s`, `41s`, `6m12s`, `2h05m`, `3d4h`."""
    if value_s < 0:
        return "0s"
    if value_s < 9.95 and value_s != int(value_s):
        return f"{value_s:.1f}s"
    whole = int(value_s)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    if whole < 10 * _DAY:
        return f"{whole // _DAY}d{whole % _DAY // _HOUR}h"
    return f"{whole // _DAY}d"


def age(at: datetime | None, now: datetime) -> str:
    """How long ago, in whole seconds; `-` when it never was, `in 3m50s` when it is to come."""
    if at is None:
        return NONE
    past_s = int((now - at).total_seconds())
    return seconds(past_s) if past_s >= 0 else f"in {seconds(-past_s)}"


def coarse(at: datetime | None, now: datetime) -> str:
    """How long ago in at most three characters, anew once a minute: `<1m`, `3m`, `2h`, `9d`."""
    if at is None:
        return NONE
    past_s = max(0, int((now - at).total_seconds()))
    for limit_s, unit_s, unit in (
        (_HOUR, _MINUTE, "m"),
        (_DAY, _HOUR, "h"),
        (100 * _DAY, _DAY, "d"),
    ):
        if past_s < limit_s:
            return f"{past_s // unit_s}{unit}" if past_s >= _MINUTE else "<1m"
    return "old"


def until(at: datetime | None, now: datetime) -> str:
    """How long until an instant: `3m50s`; `due` when it has passed."""
    if at is None:
        return NONE
    left_s = int((at - now).total_seconds())
    return seconds(left_s) if left_s > 0 else "due"


def clock(at: datetime | None) -> str:
    """Time of day in UTC: `14:02:11`."""
    return NONE if at is None else f"{at:%H:%M:%S}"


def moment(at: datetime, now: datetime) -> str:
    """An instant in UTC: `14:02:11Z`, with the date when that is another day."""
    day = "" if at.date() == now.date() else f"{at:%Y-%m-%d} "
    return f"{day}{at:%H:%M:%S}Z"


def count(value: float | None) -> str:
    """A whole number with thousands separators."""
    return NONE if value is None else f"{value:,.0f}"


def short(value: float | None) -> str:
    """A number in at most five characters: `412`, `1,204`, `12.3k`, `1.2M`."""
    if value is None:
        return NONE
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            scaled = value / (1e3 if unit == "k" else limit)
            return f"{scaled:.1f}{unit}" if scaled < 100 else f"{scaled:.0f}{unit}"
    return f"{value:,.0f}"


def size(value_bytes: float | None) -> str:
    """Bytes in powers of 1024: `512B`, `38MB`, `1.2GB`."""
    if value_bytes is None:
        return NONE
    value = float(value_bytes)
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < 1023.5 or unit == "TB":
            digits = 1 if value < 9.95 and unit != "B" else 0
            return f"{value:.{digits}f}{unit}"
        value /= 1024
    raise AssertionError("unreachable: TB takes the rest")


def rate(per_s: float | None) -> str:
    """Events a second: `0/s`, `4.1/s`, `38/s`, `1.2k/s`."""
    if per_s is None:
        return NONE
    if per_s >= 1000:
        return f"{per_s / 1000:.1f}k/s" if per_s < 99_950 else f"{per_s / 1000:.0f}k/s"
    return f"{per_s:.1f}/s" if 0.05 <= per_s < 9.95 else f"{per_s:.0f}/s"


def millis(value_ms: float | None) -> str:
    """Milliseconds: `0.3ms`, `12ms`, `1.2s`."""
    if value_ms is None:
        return NONE
    if value_ms >= 1000:
        return f"{value_ms / 1000:.1f}s"
    return f"{value_ms:.1f}ms" if value_ms < 9.95 else f"{value_ms:.0f}ms"


def percent(value: float | None) -> str:
    """A share in percent: `99.1%`, `100%`."""
    if value is None:
        return NONE
    return f"{value:.1f}%" if value < 99.95 else "100%"


def plural(number: int, word: str) -> str:
    """`1 job`, `2 jobs`, `3 processes`, `4 queries`."""
    if number == 1:
        return f"1 {word}"
    if word.endswith(("s", "ch", "x")):
        return f"{number:,} {word}es"
    return f"{number:,} {word[:-1]}ies" if word.endswith("ry") else f"{number:,} {word}s"


BARS = "▁▂▃▄▅▆▇█"


def spark(values: list[float], width: int) -> str:
    """The newest `width` values as bars from zero to their maximum, newest on the right."""
    newest = values[-width:]
    top = max(newest, default=0.0)
    if top <= 0:
        return BARS[0] * len(newest)
    return "".join(BARS[min(7, max(0, int(value / top * 7.999)))] for value in newest)
