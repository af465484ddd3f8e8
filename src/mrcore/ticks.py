"""When a cron line is due, in its own time zone, daylight saving included."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import cronsim

AROUND = timedelta(hours=4)
"""From so far away it is reckoned: from within the hour that comes twice cronsim finds ticks on the
wrong side of where it began."""

ANY = "* * * * *"
"""A line that is due every minute."""

_MICROSECOND = timedelta(microseconds=1)
_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)


def check(cron: str, tz: str) -> None:
    """Raise ValueError, with a sentence, for a line or a zone that is none."""
    try:
        zoneinfo.ZoneInfo(tz)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{tz!r} is no time zone; write a name like Asia/Kolkata") from None
    try:
        next(cronsim.CronSim(cron, _ANY_TIME))
    except (cronsim.CronSimError, StopIteration):
        raise ValueError(f"{cron!r} is no cron line of five fields that is ever due") from None


def latest(cron: str, tz: str, now: datetime) -> datetime:
    """The newest tick at or before `now`, in UTC."""
    return next(before(cron, tz, now + _MICROSECOND))


def following(cron: str, tz: str, at: datetime) -> datetime:
    """The first tick after `at`, in UTC."""
    return next(after(cron, tz, at))


def after(cron: str, tz: str, at: datetime) -> Iterator[datetime]:
    """Every tick after `at`, in UTC, oldest first; without a `tz` in that of `at`."""
    return (tick for tick in _simulate(cron, tz, at, -AROUND) if tick > at)


def before(cron: str, tz: str, at: datetime) -> Iterator[datetime]:
    """Every tick before `at`, in UTC, newest first; without a `tz` in that of `at`."""
    return (tick for tick in _simulate(cron, tz, at, AROUND) if tick < at)


def _simulate(cron: str, tz: str, at: datetime, away: timedelta) -> Iterator[datetime]:
    zone = zoneinfo.ZoneInfo(tz) if tz else at.tzinfo
    begin = (at.astimezone(UTC) + away).astimezone(zone)
    # In UTC: Python compares instants of one zone by the wall, which shows an hour twice.
    for tick in cronsim.CronSim(cron, begin, away > timedelta(0)):
        yield tick.astimezone(UTC)
