"""What a queue's past tells: how quickly jobs come and go, since when it grows. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mrcore.model import base
from mrcore.queues import truth

NO_RATES = truth.Rates()

_WINDOW = timedelta(seconds=truth.WINDOW_S)
_STEP = timedelta(seconds=truth.WINDOW_S / 15)
"""A window's looks that are kept are that far apart: more would say the same."""


@dataclass(frozen=True)
class Moves:
    """What a queue's past tells of it."""

    rates: truth.Rates = NO_RATES
    growing_since: datetime | None = None
    no_worker_since: datetime | None = None


class History:
    """What has to be remembered of the queues of one source from look to look."""

    def __init__(self) -> None:
        self._totals: dict[base.Ref, truth.Totals] = {}
        self._windows: dict[base.Ref, deque[truth.Totals]] = {}
        self._grows: dict[base.Ref, datetime] = {}
        self._alone: dict[base.Ref, datetime] = {}
        self._waiting: dict[base.Ref, int] = {}
        self._moves: dict[base.Ref, Moves] = {}

    def see(
        self,
        of: base.Ref,
        totals: truth.Totals,
        *,
        waiting: int,
        workers: int | None,
        worker_seen_at: datetime | None = None,
    ) -> Moves:
        """Take in a look at a queue; `worker_seen_at` is when its newest worker was seen last."""
        known = truth.rates(self._window(of, totals), totals)
        before = self._totals.get(of)
        if before is None or totals.at > before.at:
            self._totals[of] = totals
            self._grow(of, known, waiting, before, totals.at)
            self._waiting[of] = waiting
        if workers == 0:
            since = min(self._alone.get(of, totals.at), totals.at)
            self._alone[of] = worker_seen_at or since
        else:
            self._alone.pop(of, None)
        self._moves[of] = Moves(known, self._grows.get(of), self._alone.get(of))
        return self._moves[of]

    def last(self, of: base.Ref) -> Moves:
        """What the last look at a queue said."""
        return self._moves.get(of, Moves())

    def forget(self, there: set[base.Ref]) -> None:
        """Drop the queues that are not there any more."""
        gone = self._moves.keys() - there
        kept: tuple[dict[base.Ref, Any], ...]
        kept = (
            self._totals,
            self._windows,
            self._grows,
            self._alone,
            self._waiting,
            self._moves,
        )
        for known in kept:
            for of in gone:
                known.pop(of, None)

    def _window(self, of: base.Ref, totals: truth.Totals) -> deque[truth.Totals]:
        """The looks of the last minute, the oldest first, and this one where it is time for one."""
        window = self._windows.setdefault(of, deque())
        while window and totals.at < window[-1].at:  # the clock was set back
            window.pop()
        while len(window) > 1 and totals.at - window[1].at >= _WINDOW:
            window.popleft()
        if not window or totals.at - window[-1].at >= _STEP:
            window.append(totals)
        return window

    def _grow(
        self,
        of: base.Ref,
        known: truth.Rates,
        waiting: int,
        before: truth.Totals | None,
        at: datetime,
    ) -> None:
        """It grows as long as it is not empty and no look finds it smaller."""
        was = self._waiting.get(of)
        if before is None or was is None:
            return
        if known.in_per_s is not None and known.out_per_s is not None:
            grows = known.in_per_s > known.out_per_s + (known.fail_per_s or 0.0)
        else:
            grows = waiting > was
        if not waiting or waiting < was or not (grows or of in self._grows):
            self._grows.pop(of, None)
        elif grows:
            self._grows.setdefault(of, before.at)
