"""When a cron line is due, in its own time zone, daylight saving included."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import cronsim

AROUND = timedelta(hours=4)
"""From so far away it is reckoned: from within the hour that comes twice cronsim finds ticks on the
wrong side of where it began."""

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
    later = _simulate(cron, tz, now + AROUND, reverse=True)
    return next(at for at in later if at <= now).astimezone(UTC)


def following(cron: str, tz: str, at: datetime) -> datetime:
    """The first tick after `at`, in UTC."""
    earlier = _simulate(cron, tz, at - AROUND, reverse=False)
    return next(tick for tick in earlier if tick > at).astimezone(UTC)


def _simulate(cron: str, tz: str, at: datetime, *, reverse: bool) -> Iterator[datetime]:
    return cronsim.CronSim(cron, at.astimezone(zoneinfo.ZoneInfo(tz)), reverse)
