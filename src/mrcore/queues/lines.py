"""Cron lines: when they are due. Pure; every function takes what is no line, and says None."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from datetime import datetime

import cronsim

from mrcore import ticks

MOST = 1_000
"""Ticks that are counted at most: a line of every minute that was silent for a day is enough."""


@functools.lru_cache(maxsize=2_000)
def interval_s(line: str, zone: str, start: datetime) -> float | None:
    """Seconds between the next two ticks."""
    found = list(itertools.islice(_ticks(line, zone, start), 2))
    return (found[1] - found[0]).total_seconds() if len(found) == 2 else None


@functools.lru_cache(maxsize=2_000)
def before(line: str, zone: str, end: datetime, count: int) -> tuple[datetime, ...]:
    """The newest ticks before an instant, the newest first."""
    return tuple(itertools.islice(_ticks(line, zone, end, reverse=True), count))


def after(line: str, zone: str, start: datetime) -> datetime | None:
    """The first tick after an instant."""
    return next(_ticks(line, zone, start), None)


@functools.lru_cache(maxsize=10_000)
def between(line: str, zone: str, start: datetime, end: datetime) -> int | None:
    """How many ticks lie after `start`, up to `end`; at most 1,000 are counted."""
    later = itertools.islice(_ticks(line, zone, start), MOST)
    first = next(later, None)
    if first is None or first > end:
        return None if first is None else 0
    return 1 + sum(1 for _ in itertools.takewhile(lambda at: at <= end, later))


def _ticks(line: str, zone: str, start: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    """Every tick from an instant on, or back from it; none of what is no line of no zone."""
    try:
        yield from (ticks.before if reverse else ticks.after)(line, zone, start)
    except (cronsim.CronSimError, ValueError, KeyError, OSError):
        return
