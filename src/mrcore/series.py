"""Points over time: the last hour in memory, means of 10 s and 1 min in the history."""

from __future__ import annotations

import asyncio
import logging
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from mrcore import catalogue, errors
from mrcore.model import base, wire
from mrcore.store import database, rollups

KEPT_S = 3600.0
TRACKS_MAX = 4_000
POINTS_MAX = 5_000
FLUSH_S = 10.0
_PRUNE_EVERY = 60
_PENDING_MAX = 100_000

log = logging.getLogger(__name__)

Key = tuple[str, base.Ref]


class _Track:
    """One metric of one ref: instants (s) and values, oldest first, for an hour."""

    def __init__(self) -> None:
        self.at_s = array("d")
        self.values = array("d")
        self.open: dict[int, tuple[int, float, int]] = {}

    def add(self, at_s: float, value: float) -> bool:
        """Add a point; False when that instant is known. A clock set back rewrites the end."""
        while self.at_s and self.at_s[-1] > at_s:
            self.at_s.pop()
            self.values.pop()
        if self.at_s and self.at_s[-1] == at_s:
            return False
        self.at_s.append(at_s)
        self.values.append(value)
        if self.at_s[0] < at_s - 1.25 * KEPT_S:
            old = bisect_left(self.at_s, at_s - KEPT_S)
            del self.at_s[:old]
            del self.values[:old]
        return True

    def roll(self, key: Key, at_s: float, value: float) -> list[rollups.Rollup]:
        """Count a point into its steps; returns the rollups that it ends."""
        ended = []
        for step_s in rollups.STEPS_S:
            start_s = int(at_s // step_s * step_s)
            before = self.open.get(step_s)
            if before and before[0] == start_s:
                self.open[step_s] = (start_s, before[1] + value, before[2] + 1)
                continue
            if before:
                ended.append(_rollup(key, step_s, *before))
            self.open[step_s] = (start_s, value, 1)
        return ended


class Series:
    """Every metric over time; `history` may fail without harm to what is in memory."""

    def __init__(self, history: database.Database, *, now: Callable[[], datetime]) -> None:
        self._history = history
        self._now = now
        self._tracks: dict[Key, _Track] = {}
        self._pending: list[rollups.Rollup] = []
        self._flushes = 0

    def record(self, points: Iterable[wire.Point]) -> None:
        """Take points; never blocks and never fails."""
        for point in points:
            key = point.metric, point.ref
            track = self._tracks.pop(key, None) or _Track()
            self._tracks[key] = track  # moved to the end: the first is the longest silent
            at_s = point.at.timestamp()
            if track.add(at_s, point.value):
                self._pending += track.roll(key, at_s, point.value)
        while len(self._tracks) > TRACKS_MAX:
            key = next(iter(self._tracks))
            self._pending += _ended(key, self._tracks.pop(key))
        del self._pending[:-_PENDING_MAX]

    async def points(
        self, metric: str, ref: base.Ref, start: datetime, end: datetime, step_s: float
    ) -> wire.Series:
        """Means a step from `start` to `end`, oldest first; steps without a point are left out.

        Raises BadRequest for an unknown metric, a span that is empty or has over 5,000 steps.
        """
        _refuse(metric, start, end, step_s)
        start_s, end_s = start.timestamp(), end.timestamp()
        sums: dict[int, tuple[float, int]] = {}
        memory_from_s = self._memory(metric, ref, start_s, end_s, step_s, sums)
        if start_s < memory_from_s:
            until_s = min(end_s, memory_from_s)
            await self._older(metric, ref, start_s, until_s, step_s, sums)
        points = tuple(
            (datetime.fromtimestamp(n * step_s, UTC), total / count)
            for n, (total, count) in sorted(sums.items())
        )
        unit = catalogue.METRICS[metric].unit
        return wire.Series(metric=metric, ref=ref, unit=unit, step_s=step_s, points=points)

    def recent(self, metric: str, ref: base.Ref, start: datetime) -> list[tuple[float, float]]:
        """The points in memory since `start`: (seconds of the epoch, value), oldest first."""
        track = self._tracks.get((metric, ref))
        if track is None:
            return []
        begin = bisect_left(track.at_s, start.timestamp())
        return list(zip(track.at_s[begin:], track.values[begin:], strict=True))

    async def run(self) -> None:
        """Write ended rollups into the history every 10 s until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_S)
            await self.flush()

    async def flush(self, *, everything: bool = False) -> None:
        """Write ended rollups, and open ones too when `everything` (at the end).

        What cannot be written is kept, up to a bound, and the history's `trouble` says so.
        """
        if everything:
            for key, track in self._tracks.items():
                self._pending += _ended(key, track)
        self._forget_silent()
        batch, self._pending = self._pending, []
        now_s = self._now().timestamp()
        prune = self._flushes % _PRUNE_EVERY == 0
        self._flushes += 1
        try:
            if prune:
                await self._history.run(lambda connection: rollups.prune(connection, now_s))
            if batch:
                await self._history.run(lambda connection: rollups.add(connection, batch))
        except errors.StoreError as error:
            log.warning("%s", error)
            self._pending = [*batch, *self._pending][-_PENDING_MAX:]
            self._flushes = 0  # the next one prunes, which may make space

    def _forget_silent(self) -> None:
        horizon_s = self._now().timestamp() - KEPT_S
        for key, track in list(self._tracks.items()):
            if track.at_s[-1] > horizon_s:
                break
            self._pending += _ended(key, self._tracks.pop(key))

    def _memory(
        self,
        metric: str,
        ref: base.Ref,
        start_s: float,
        end_s: float,
        step_s: float,
        sums: dict[int, tuple[float, int]],
    ) -> float:
        """Add what is in memory; returns from when on memory knows everything."""
        track = self._tracks.get((metric, ref))
        if track is None:
            return end_s
        for i in range(bisect_left(track.at_s, start_s), bisect_left(track.at_s, end_s)):
            _count(sums, int(track.at_s[i] // step_s), track.values[i], 1)
        return track.at_s[0]

    async def _older(
        self,
        metric: str,
        ref: base.Ref,
        start_s: float,
        end_s: float,
        step_s: float,
        sums: dict[int, tuple[float, int]],
    ) -> None:
        now_s = self._now().timestamp()
        width_s = 60 if step_s >= 60 or start_s < now_s - rollups.KEPT_S[10] else 10
        rows = await self._history.run(
            lambda connection: rollups.between(connection, metric, ref, width_s, start_s, end_s)
        )
        for at_s, mean, n in rows:
            _count(sums, int(at_s // step_s), mean, n)


def _refuse(metric: str, start: datetime, end: datetime, step_s: float) -> None:
    if metric not in catalogue.METRICS:
        raise errors.BadRequest(f"There is no metric {metric!r}.", fix="GET /catalogue has them.")
    if start.tzinfo is None or end.tzinfo is None:
        raise errors.BadRequest("`from` and `to` need a time zone, for example Z.")
    if start >= end or step_s <= 0:
        raise errors.BadRequest("`from` must be before `to`, and `step` more than 0.")
    if (end - start).total_seconds() / step_s > POINTS_MAX:
        raise errors.BadRequest(
            f"That span has more than {POINTS_MAX:,} steps.", fix="Ask for a longer step."
        )


def _count(sums: dict[int, tuple[float, int]], step: int, value: float, n: int) -> None:
    total, count = sums.get(step, (0.0, 0))
    sums[step] = (total + value * n, count + n)


def _rollup(key: Key, step_s: int, start_s: int, total: float, n: int) -> rollups.Rollup:
    return rollups.Rollup(*key, step_s, start_s, total / n, n)


def _ended(key: Key, track: _Track) -> list[rollups.Rollup]:
    """The track's open rollups, which are closed by this."""
    ended = [_rollup(key, step_s, *values) for step_s, values in track.open.items()]
    track.open.clear()
    return ended
