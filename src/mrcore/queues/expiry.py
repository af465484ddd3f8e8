"""After what instant a job must not run any more: a code that has expired is never sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pydantic import JsonValue

from mrcore.queues import words

FIELDS = frozenset(
    {
        "expiresat", "expireat", "expires", "expiry", "expirytime", "expirydate", "expiration",
        "expirationtime", "expirationdate", "expireson", "exp", "validuntil", "validtill",
        "goodtill", "notafter",
    }
)  # fmt: skip
"""Fields of a payload that say so, without `_`, `-` and case."""

UNTIL = "until"
"""In the guard of a target: the instant after which it must not run any more."""

_AGO = re.compile(r"[Ii]ts code has expired ([0-9,]+) (s|min|h|days) ago\.?")
_UNITS = {"s": 1, "min": 60, "h": 3_600, "days": 86_400}

DEPTH = 5
NODES = 500
_EARLIEST, _LATEST = datetime(2001, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def expires_at(
    name: str,
    payload: JsonValue,
    enqueued_at: datetime | None,
    limits: Mapping[str, float],
) -> datetime | None:
    """The earliest of what the payload says and of the job's age limit; None: it never expires.

    `payload` is the raw one; fields are looked for 5 deep, an instant is ISO 8601 (UTC where no
    zone is given), epoch seconds or milliseconds. `limits` are seconds after it was enqueued, by
    job name, with or without its module.
    """
    said = list(_said(payload))
    limit_s = _limit_s(name, limits)
    if limit_s is not None and enqueued_at is not None:
        said.append(enqueued_at + timedelta(seconds=limit_s))
    return min(said, default=None)


def _limit_s(name: str, limits: Mapping[str, float]) -> float | None:
    """The age limit of a job; an engine may tell its name without the module that a limit has."""
    module, _, own = name.rpartition(".")
    if name in limits or module:
        return limits.get(name, limits.get(own))
    return min((s for key, s in limits.items() if key.rpartition(".")[2] == own), default=None)


def expired(at: datetime | None, now: datetime) -> str:
    """Why a job is left out, empty where it may run: `its code has expired 3 min ago`."""
    if at is None or at > now:
        return ""
    return f"its code has expired {words.age((now - at).total_seconds())} ago"


def renews(ops: JsonValue) -> bool:
    """Whether a patch (RFC 6902) writes another expiry: an edit without one is a retry like any."""
    changes = [op for op in ops if isinstance(op, dict)] if isinstance(ops, list) else []
    return any(
        op.get("op") != "test"
        and (
            _plain(str(op.get("path")).rpartition("/")[2]) in FIELDS or any(_said(op.get("value")))
        )
        for op in changes
    )


def guard(at: datetime | None) -> dict[str, JsonValue]:
    """What the guard of a target says of it, so that it is looked at again when it is acted on."""
    return {} if at is None else {UNTIL: at.isoformat()}


def late(guard: Mapping[str, JsonValue], now: datetime) -> str:
    """Why a target must not run any more, empty where it may; by what its guard says."""
    why = expired(instant(guard.get(UNTIL)), now)
    return f"{why[0].upper()}{why[1:]}." if why else ""


class Ago(NamedTuple):
    """How long ago codes expired, the youngest and the oldest, as `expired` said it."""

    least: tuple[int, str]
    most: tuple[int, str]

    def with_(self, other: Ago) -> Ago:
        """Both together."""
        return Ago(min(self.least, other.least), max(self.most, other.most))

    def why(self, count: int) -> str:
        """`Their codes expired 29 s to 18 min ago.`: one reason however many ages there are."""
        if count == 1:
            return f"Its code has expired {self.least[1]} ago."
        span = self.least[1] if self.least == self.most else f"{self.least[1]} to {self.most[1]}"
        return f"Their codes expired {span} ago."


def ago(why: str) -> Ago | None:
    """The age in a sentence of `expired`; None of any other sentence."""
    found = _AGO.fullmatch(why)
    if found is None:
        return None
    size_s = _UNITS[found[2]]
    age = int(found[1].replace(",", "")) * size_s, f"{found[1]} {found[2]}"
    return Ago(age, age)


def _said(payload: JsonValue) -> Iterator[datetime]:
    """Every instant in the payload under a name of an expiry."""
    level, left = [payload], NODES
    for _ in range(DEPTH):
        below: list[JsonValue] = []
        for item in level:
            left -= 1
            if left < 0:
                return
            if isinstance(item, list):
                below += item[:left]
            elif isinstance(item, dict):
                for key, value in item.items():
                    if _plain(key) in FIELDS and (at := instant(value)) is not None:
                        yield at
                    elif isinstance(value, dict | list):
                        below.append(value)
        level = below


def _plain(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


def instant(value: JsonValue) -> datetime | None:
    """An instant as payloads have it; None for what is none between 2001 and 2200."""
    at: datetime | None = None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            at = datetime.fromtimestamp(value / 1000 if abs(value) > 1e11 else value, UTC)
        elif isinstance(value, str) and value.isdecimal() and len(value) in (10, 13):
            return instant(int(value))
        elif isinstance(value, str) and len(value) <= 40:
            at = datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        return None
    if at is None:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return at if _EARLIEST <= at <= _LATEST else None
