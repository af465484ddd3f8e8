"""What a board's schedulers do, as far as looks tell: it says when they run next. Pure."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from mrcore.queues import ticks
from mrcore.sources.bullboard import rows, shape

KEPT = 20
"""Runs of a scheduler that are remembered."""

ROUND_S = 60.0
NEAR_S = 3.0
"""How far from whole minutes the time between two runs may be, to be taken for an interval."""

_Key = tuple[str, str]


class Pasts:
    """Remembers from look to look when each scheduler was due."""

    def __init__(self) -> None:
        self._due: dict[_Key, deque[datetime]] = {}
        self._count: dict[_Key, float | None] = {}

    def see(self, app: shape.App, now: datetime) -> ticks.Truth:
        """Take in what the board says of a scheduler, and hold it against what it declares."""
        every, last_at = rows.number(app.get("every")), rows.instant(app.get("lastRun"))
        next_at = rows.instant(app.get("next"))
        known = self._seen(app, next_at)
        declared_s = every / 1000 if every else None
        passed = [at for at in known if at <= now]
        told = ticks.Told(
            declared_s=declared_s,
            registered_s=between(last_at, next_at) if declared_s else None,
            line="" if declared_s else rows.text(app.get("pattern")),
            zone=rows.text(app.get("tz")),
            ticks=passed,
            missed=0,  # a tick between two looks that are far apart is not seen
        )
        return ticks.truth(told)

    def forget(self, there: set[_Key]) -> None:
        """Drop the schedulers that are not there any more."""
        for gone in self._due.keys() - there:
            del self._due[gone]
            self._count.pop(gone, None)

    def _seen(self, app: shape.App, next_at: datetime | None) -> deque[datetime]:
        """When it was due, the oldest first; runs between two looks lie evenly between them."""
        key = of(app)
        known = self._due.setdefault(key, deque(maxlen=KEPT))
        count, before = rows.number(app.get("iterationCount")), self._count.get(key)
        self._count[key] = count
        if next_at is None or (known and next_at == known[-1]):
            return known
        if known and next_at < known[-1]:  # it was registered anew
            known.clear()
        runs = int(count - before) if count is not None and before is not None else 1
        if known and 1 < runs <= KEPT:
            step = (next_at - known[-1]) / runs
            first = known[-1]
            known.extend(first + n * step for n in range(1, runs))
        known.append(next_at)
        return known


def of(app: shape.App) -> _Key:
    """The queue and the id of a scheduler."""
    return rows.text(app.get("queueName")), rows.text(app.get("id"))


def between(last_at: datetime | None, next_at: datetime | None) -> float | None:
    """The interval from the last run to the next, where that is whole minutes.

    Right after a boot the next run comes at no full interval: that is hardly ever a round one.
    """
    if last_at is None or next_at is None or next_at <= last_at:
        return None
    gap_s = (next_at - last_at) / timedelta(seconds=1)
    whole_s = round(gap_s / ROUND_S) * ROUND_S
    return whole_s if whole_s and abs(gap_s - whole_s) <= NEAR_S else None
