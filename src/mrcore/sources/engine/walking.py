"""A page in the making, and where the next one goes on."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mrcore import errors, match
from mrcore.model import plans, queue, wire
from mrcore.queues import search
from mrcore.sources.engine import asking
from mrcore.sources.redis import link

BUDGET_S = 0.2
_LARGE_BYTES = 1024
_ENDED = (queue.JobState.FAILED, queue.JobState.COMPLETED)

Payload = Any
"""What is searched beside a row: bytes or JSON, None for nothing."""


@dataclass
class Walk:
    """A page in the making; it ends where `most` jobs were looked at."""

    query: plans.Query
    now: datetime
    most: int | None = None
    keep: match.Matches = field(init=False)
    began: float = field(default_factory=time.perf_counter)
    found: list[queue.Job] = field(default_factory=list)
    refs: set[str] = field(default_factory=set)
    scanned: int = 0

    def __post_init__(self) -> None:
        """Raises BadRequest for what is no filter."""
        self.keep = match.of(self.query.text)

    def full(self) -> bool:
        """Whether to read no more: enough rows, enough looked at, or no time left."""
        return self._enough() or (self.scanned > 0 and self._late())

    def leaves(self) -> bool:
        """Whether rows that are read already are left to the next page.

        Where no text is searched, looking at them costs nothing: a slow answer is shown whole.
        """
        return self._enough() or (bool(self.query.text) and self._late())

    def _enough(self) -> bool:
        if len(self.found) >= self.query.limit:
            return True
        return self.most is not None and self.scanned >= self.most

    def _late(self) -> bool:
        return time.perf_counter() - self.began > BUDGET_S

    @property
    def filters(self) -> bool:
        """Whether rows are left out, so that more have to be read than are shown."""
        return filters(self.query)

    async def take(self, row: queue.Job, payload: Payload) -> None:
        """Look at one row; a job that is there twice is one row. After a large one others run."""
        self.scanned += 1
        if row.ref in self.refs or not meant(self.query, row, self.now):
            return
        if isinstance(payload, bytes) and len(payload) > _LARGE_BYTES:
            await asyncio.sleep(0)
        if not self.query.text or search.matches(self.keep, row, payload):
            self.found.append(row)
            self.refs.add(row.ref)

    def page(self, after: str | None, total: int, before: int = 0) -> wire.Page:
        """What was found; `before` is how many were looked at by the pages before."""
        scanned = before + self.scanned
        looked = wire.Looked(scanned=scanned, total=total, complete=after is None)
        return wire.Page(at=self.now, rows=tuple(self.found), cursor=after, looked=looked)


def filters(query: plans.Query) -> bool:
    """Whether a query means only some jobs of a state."""
    ages = (query.younger_s, query.older_s)
    return bool(query.text or query.name or query.fingerprint) or ages != (None, None)


def meant(query: plans.Query, row: queue.Job, now: datetime) -> bool:
    """Whether a query means a job, but for its text."""
    if (query.name and row.name != query.name) or (
        query.fingerprint and row.fingerprint != query.fingerprint
    ):
        return False
    at = row.finished_at if row.state in _ENDED else row.enqueued_at
    return spans(query, at, now)


def spans(query: plans.Query, at: datetime | None, now: datetime) -> bool:
    """Whether an instant is as long ago as a query wants; an unknown one is not."""
    younger_s, older_s = query.younger_s, query.older_s
    if younger_s is None and older_s is None:
        return True
    if at is None:
        return False
    ago = now - at
    return (younger_s is None or ago <= timedelta(seconds=younger_s)) and (
        older_s is None or ago >= timedelta(seconds=older_s)
    )


@dataclass(frozen=True)
class Spot:
    """Where a page goes on: after which row of a state, and where in a list, after how many.

    `skipped` is -1 where rows are not counted.
    """

    state: str
    score: str = ""
    job_id: str = ""
    skipped: int = -1

    def dump(self) -> str:
        return json.dumps([self.state, self.score, self.job_id, self.skipped])

    @classmethod
    def load(cls, cursor: str, states: Sequence[str]) -> Spot:
        """Raises NotFound for a cursor that is not ours."""
        try:
            spot = cls.of(json.loads(cursor), states)
        except (ValueError, TypeError):
            spot = None
        if spot is None:
            raise nowhere(cursor)
        return spot

    @classmethod
    def of(cls, parts: Any, states: Sequence[str]) -> Spot | None:
        """From what was dumped; None for what was not. Raises ValueError and TypeError."""
        state, score, job_id, skipped = parts
        spot = cls(str(state), str(score), str(job_id), int(skipped))
        sound = spot.state in states and spot.skipped >= -1
        sound = sound and (not spot.score or float(spot.score) == float(spot.score))
        return spot if sound else None


def nowhere(cursor: str | None) -> errors.NotFound:
    """A cursor that is not ours."""
    return errors.NotFound(f"The cursor {cursor!r} leads nowhere.")


async def through(
    walk: Walk,
    states: Sequence[str],
    cursor: str | None,
    total: Callable[[], Awaitable[int]],
    step: Callable[[Spot, Walk], Awaitable[Spot | None]],
) -> wire.Page:
    """One page, state after state; `step` walks through one and says where to go on in it.

    It returns within 250 ms with what it has. Raises NotFound for a cursor that is not ours.
    """
    spot = Spot.load(cursor, states) if cursor else Spot(states[0])
    count = await total()
    after: Spot | None = spot
    for state in states[states.index(spot.state) :]:
        after = await step(spot if state == spot.state else Spot(state), walk)
        if after is None and walk.full() and state != states[-1]:
            after = Spot(states[states.index(state) + 1])
        if after is not None:
            break
    return walk.page(None if after is None else after.dump(), count)


async def rank(
    ask: asking.Ask,
    client: link.Client,
    zset: str,
    spot: Spot,
    *,
    newest: bool,
) -> int:
    """The rank after the row where the last page ended, also when that row has left."""
    if not spot.job_id:
        return 0
    before = (f"({spot.score}", "+inf") if newest else ("-inf", f"({spot.score}")
    at, passed = await ask(
        client, ("ZREVRANK" if newest else "ZRANK", zset, spot.job_id), ("ZCOUNT", zset, *before)
    )
    return at + 1 if isinstance(at, int) else asking.whole(passed)
