"""When a log line says it was written."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone

_ISO = re.compile(
    rb"(?:\x1b\[[0-9;]*m)*[\[(<]?(\d{4})[-/](\d\d)[-/](\d\d)[T ]"
    rb"(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?"
    rb"(?: ?(Z|UTC|GMT|[+-]\d\d:?\d\d)(?![0-9A-Za-z]))?"
)
_VALKEY = re.compile(rb"\d+:[XCSM] (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d)\.(\d{3}) ")
_JSON = re.compile(
    rb'"(?:time|timestamp|ts|@timestamp|datetime|asctime)"\s*:\s*("?)([^",}\s][^",}]*)'
)
_LOGFMT = re.compile(rb'(?:^|\s)(?:time|ts)="?(\d[^\s"]*)')
_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec").split(), start=1
    )
}
_HEAD = 4096


def of(line: bytes) -> float | None:
    """Seconds since the epoch that a line says, or None.

    ISO 8601 (also with a space, a comma, in brackets, as Python, Postgres and nginx write it),
    Valkey's, `time`/`ts` of JSON and logfmt (also numbers: seconds or milliseconds). A time
    without a zone, or with one that only people know (IST), is taken as this machine's.
    """
    first = line[:1]
    if first.isdigit() or first in b"[(<\x1b":
        if match := _ISO.match(line):
            return _iso(match)
        if match := _VALKEY.match(line):
            return _valkey(match)
    if first == b"{":
        return _json(line)
    if b"=" in line[:64] and (match := _LOGFMT.search(line[:_HEAD])):
        return _value(match[1])
    return None


def _iso(match: re.Match[bytes]) -> float | None:
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    fields = (int(year), int(month), int(day), int(hour), int(minute), int(second))
    return _seconds(fields, fraction, zone)


def _valkey(match: re.Match[bytes]) -> float | None:
    day, month, year, hour, minute, second, fraction = match.groups()
    fields = (int(year), _MONTHS.get(month, 0), int(day), int(hour), int(minute), int(second))
    return _seconds(fields, fraction, None)


def _json(line: bytes) -> float | None:
    match = _JSON.search(line[:_HEAD])
    return _value(match[2]) if match else None


def _value(text: bytes) -> float | None:
    if match := _ISO.match(text):
        return _iso(match)
    try:
        number = float(text)
    except ValueError:
        return None
    # From 2001 on: 1e9 seconds, 1e12 milliseconds.
    if 1e12 <= number < 1e13:
        number /= 1000
    return number if 1e9 <= number < 1e10 else None


def _seconds(
    fields: tuple[int, int, int, int, int, int], fraction: bytes | None, zone: bytes | None
) -> float | None:
    try:
        if zone is None:
            whole = time.mktime((*fields, 0, 0, -1)) if _plausible(fields) else None
        else:
            whole = datetime(*fields, tzinfo=_zone(zone)).timestamp()
    except (ValueError, OverflowError):
        return None
    if whole is None:
        return None
    return whole + (int(fraction) / 10 ** len(fraction) if fraction else 0.0)


def _plausible(fields: tuple[int, int, int, int, int, int]) -> bool:
    _, month, day, hour, minute, second = fields
    return 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61


def _zone(name: bytes) -> timezone:
    if name in (b"Z", b"UTC", b"GMT"):
        return UTC
    minutes = int(name[1:3]) * 60 + int(name[-2:])
    return timezone(timedelta(minutes=-minutes if name[:1] == b"-" else minutes))
