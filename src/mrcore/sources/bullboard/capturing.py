"""Failed runs, from the pages of failed jobs: they stay known when the host has trimmed them.

A board tells no events, and each page costs it a whole overview: there is one question of 100 jobs
at a time, begun with a sample, which does not wait for it. Of each queue the newest 1,000 are read
at first; whenever its count has changed, and every 30 s, what has failed since, newest first as the
board has them. What has succeeded is not captured.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mrcore import errors
from mrcore.model import queue, ref, wire
from mrcore.queues import capture
from mrcore.sources.bullboard import jobs, rows, shape

PORTION = 100
FIRST_MOST = 1_000
MOST = 3_000
"""How deep one walk goes after the first; what failed in between and lies deeper is counted."""

AGAIN = timedelta(seconds=30)
"""A queue that trims has always as many: it is looked at without a change, too."""

LONGEST_S = 60.0
KNOWN_MAX = 3_000
"""Of the newest ends, which lie too close for their order to tell what was captured."""

_SKEW_MS = 60_000
"""How far the clocks of workers may lie apart: failed jobs are in the order of their ends."""

ONLY = "a board tells no runs that succeeded: only failed ones are kept"


@dataclass(slots=True)
class _Walk:
    """One queue: `passed` is where a walk goes on, None between two walks; ends are epoch ms."""

    passed: int | None = None
    begun_at: datetime | None = None
    asked: int = 0
    counted: int = 0
    rise: int = 0
    fresh: int = 0
    mark_ms: float | None = None
    top_ms: float = 0.0
    gap_at: datetime | None = None
    hot: bool = False
    known: dict[str, float] = field(default_factory=dict)

    def due(self, count: int, now: datetime) -> bool:
        if self.passed is not None:
            return True
        if not count or self.begun_at is None:
            return count > 0
        rested = not timedelta(0) <= now - self.begun_at < AGAIN
        return self.hot or rested or count != self.counted

    def begin(self, count: int, now: datetime) -> None:
        if self.begun_at is not None:
            self.mark_ms = self.top_ms
        self.rise = count - self.counted if self.mark_ms is not None else 0
        self.passed, self.begun_at, self.counted, self.fresh = 0, now, count, 0

    def news(self, ended: Iterable[tuple[shape.App, float]]) -> Iterator[tuple[shape.App, float]]:
        """Those that were not captured before."""
        since_ms = (self.mark_ms or 0.0) - _SKEW_MS
        for raw, at_ms in ended:
            self.top_ms = max(self.top_ms, at_ms)
            of = rows.job_id(raw)
            if at_ms < since_ms or self.known.get(of) == at_ms:
                continue
            self.fresh += 1
            self.known[of] = at_ms
            yield raw, at_ms

    def go_on(self, got: int, oldest_ms: float) -> int:
        """After a page: on to the next one, or to the end; how many it could not see."""
        self.passed = (self.passed or 0) + got
        mark_ms, most = self.mark_ms, FIRST_MOST if self.mark_ms is None else MOST
        reached = mark_ms is not None and oldest_ms < mark_ms - _SKEW_MS
        if got == PORTION and not reached and self.passed < most:
            return 0
        self.passed = None
        recent = sorted((at_ms, of) for of, at_ms in self.known.items())[-KNOWN_MAX:]
        self.known = {of: at_ms for at_ms, of in recent if at_ms >= self.top_ms - _SKEW_MS}
        # Where all has failed since the last walk, more may have been trimmed in between.
        self.hot = mark_ms is not None and bool(got) and oldest_ms > mark_ms
        if self.hot and self.rise >= 0:
            self.gap_at = self.begun_at
        deeper = got == PORTION and not reached and mark_ms is not None
        return max(0, self.rise - self.fresh) if deeper else 0


class Tail:
    """Follows the failed jobs of all queues of one board."""

    def __init__(self, shelf: jobs.Jobs) -> None:
        self._shelf = shelf
        self._walks: dict[str, _Walk] = {}
        self._found: list[queue.Captured] = []
        self._unseen = 0
        self._asked = 0
        self._task: asyncio.Task[None] | None = None
        self._refused = ""

    def sentences(self) -> tuple[str, ...]:
        """What is kept, and what keeps runs from being captured."""
        gaps = (
            f"failed runs of {name} may have been trimmed unseen before {walk.gap_at:%H:%M} UTC"
            for name, walk in self._walks.items()
            if walk.gap_at
        )
        refused = (f"runs are not kept: {self._refused}",) if self._refused else ()
        return (ONLY, *refused, *gaps)

    async def stop(self) -> None:
        """End the question that is open."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def add(self, sample: wire.Sample, apps: Mapping[str, shape.App], now: datetime) -> wire.Sample:
        """The sample with what was captured since the last one; the next question is begun."""
        found, unseen, self._found, self._unseen = self._found, self._unseen, [], 0
        self._walks = {name: self._walks.get(name, _Walk()) for name in apps}
        idle = self._task is None or self._task.done()
        if idle and (name := self._next(apps, now)) is not None:
            self._task = asyncio.create_task(self._ask(name))
        return sample.model_copy(update={"captured": tuple(found), "uncaptured": unseen})

    def _next(self, apps: Mapping[str, shape.App], now: datetime) -> str | None:
        """The queue to ask for: what is new before what is old, then who has waited longest."""
        counts = {name: rows.count(app, "failed") for name, app in apps.items()}
        due = [name for name, count in counts.items() if self._walks[name].due(count, now)]
        if not due:
            return None
        walks = self._walks
        name = min(due, key=lambda one: (walks[one].mark_ms is None, walks[one].asked))
        if walks[name].passed is None:
            walks[name].begin(counts[name], now)
        self._asked += 1
        walks[name].asked = self._asked
        return name

    async def _ask(self, name: str) -> None:
        walk = self._walks[name]
        page = (walk.passed or 0) // PORTION + 1
        try:
            async with asyncio.timeout(LONGEST_S):
                app = await self._shelf.read(name, queue.JobState.FAILED, page, PORTION)
        except TimeoutError:
            return self._give_up(walk, f"the board took over {LONGEST_S:.0f} s")
        except errors.NotFound:  # the queue has gone meanwhile
            return self._give_up(walk, "")
        except errors.SourceError as error:
            return self._give_up(walk, error.sentence)
        self._refused = ""
        told = [(raw, rows.number(raw.get("finishedOn")) or 0.0) for raw in jobs.told(app)]
        ended = [(raw, at_ms) for raw, at_ms in told if at_ms]
        found = []
        for raw, at_ms in walk.news(ended):
            found.append(self._run(app, name, raw, at_ms))
            await asyncio.sleep(0)  # a trace takes a while to redact
        self._found += [run for run in found if run is not None]
        oldest_ms = min((at_ms for _, at_ms in ended), default=0.0)
        self._unseen += walk.go_on(len(told), oldest_ms)

    def _give_up(self, walk: _Walk, why: str) -> None:
        """A walk that is not at its end is gone again from its beginning."""
        self._refused, walk.passed, walk.top_ms = why, None, walk.mark_ms or 0.0
        walk.hot = walk.mark_ms is not None

    def _run(
        self, app: shape.App, name: str, raw: shape.App, at_ms: float
    ) -> queue.Captured | None:
        finished_at = rows.instant(at_ms)
        if finished_at is None:
            return None
        of = rows.job_id(raw)
        return capture.run(
            ref.make(self._shelf.maker.source, "job", name, of),
            engine=rows.text(app.get("type")) or "bullmq",
            queue_name=name,
            job_id=of,
            name=rows.text(raw.get("name")),
            failed=True,
            finished_at=finished_at,
            attempts=int(rows.number(raw.get("attempts")) or 0),
            error=rows.text(raw.get("failedReason")),
            trace=next(iter(rows.traces(raw, shape.of(app))), ""),
            enqueued_at=rows.instant(raw.get("timestamp")),
            started_at=rows.instant(raw.get("processedOn")),
        )
