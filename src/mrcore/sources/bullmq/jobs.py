"""Pages of jobs: by state, filtered, newest or oldest first, from where the last page ended.

A cursor is JSON: the state, the id and score of the last row, and in a list how many rows were
passed. It goes on after that row even when rows have come and gone before it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from mrcore import errors, match
from mrcore.model import base, plans, queue, wire
from mrcore.queues import search
from mrcore.sources.bullmq import asking, places, reading, rows, trimming
from mrcore.sources.redis import link

BUDGET_S = 0.2
PORTION = 100
_S = queue.JobState
LISTS = {_S.WAITING: "wait", _S.PAUSED: "paused", _S.ACTIVE: "active"}
ZSETS = {
    _S.PRIORITIZED: "prioritized",
    _S.DELAYED: "delayed",
    _S.FAILED: "failed",
    _S.COMPLETED: "completed",
    _S.WAITING_CHILDREN: "waiting-children",
}
ORDER = (
    _S.ACTIVE, _S.FAILED, _S.WAITING, _S.PAUSED, _S.PRIORITIZED, _S.DELAYED,
    _S.WAITING_CHILDREN, _S.QUARANTINED, _S.COMPLETED,
)  # fmt: skip
"""The states in which a page without one goes through them."""

_SLACK = 2_000
"""How far beyond its old place the last row of a list is looked for."""


def key(place: places.Place, state: queue.JobState) -> str:
    """Where the ids of a state are."""
    if state is _S.QUARANTINED:
        return f"{place.ours}quarantine"
    return place.base + (LISTS.get(state) or ZSETS[state])


def states(state: str) -> tuple[queue.JobState, ...]:
    """The states that a query means. Raises Unsupported."""
    if state and state not in {one.value for one in ORDER}:
        raise errors.Unsupported(
            f"BullMQ has no jobs that are {state}.",
            fix=f"It has {', '.join(one.value for one in ORDER)}.",
        )
    return (_S(state),) if state else ORDER


class Mark(NamedTuple):
    """Where a page goes on: after which row of a state; `passed` rows of a list are behind it."""

    state: queue.JobState
    id: str = ""
    score: str = ""
    passed: int = 0

    def dump(self) -> str:
        return json.dumps([self.state.value, self.id, self.score, self.passed])

    @classmethod
    def load(cls, cursor: str) -> Mark:
        """Raises NotFound for a cursor that is not ours."""
        try:
            state, job_id, score, passed = json.loads(cursor)
            mark = cls(_S(str(state)), str(job_id), str(score), int(passed))
            known = mark.passed >= 0 and (not mark.score or float(mark.score) == float(mark.score))
        except (ValueError, TypeError) as error:
            raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.") from error
        if not known:
            raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.")
        return mark


@dataclass
class Walk:
    """A page in the making: what it wants, and what it has found so far."""

    query: plans.Query
    now: datetime
    keep: match.Matches = field(init=False)
    began: float = field(default_factory=time.perf_counter)
    found: list[reading.Row] = field(default_factory=list)
    scanned: int = 0

    def __post_init__(self) -> None:
        self.keep = match.of(self.query.text)

    @property
    def full(self) -> bool:
        """Whether to stop here: enough rows, or no time left."""
        late = self.scanned > 0 and time.perf_counter() - self.began > BUDGET_S
        return len(self.found) >= self.query.limit or late

    @property
    def filters(self) -> bool:
        """Whether rows are left out, so that more have to be read than are shown."""
        asked = self.query
        spans = (asked.younger_s, asked.older_s)
        return bool(asked.text or asked.name or asked.fingerprint) or spans != (None, None)

    def take(self, row: reading.Row) -> None:
        """Look at one row."""
        self.scanned += 1
        if meant(self.query, self.now)(row.job) and (
            not self.query.text or search.matches(self.keep, row.job, row.payload)
        ):
            self.found.append(row)


def meant(query: plans.Query, now: datetime) -> Callable[[queue.Job], bool]:
    """Whether a query means a row, but for its text."""
    inside = span(query, now)

    def those(job: queue.Job) -> bool:
        return (
            (not query.name or job.name == query.name)
            and (not query.fingerprint or job.fingerprint == query.fingerprint)
            and inside(job.finished_at or job.enqueued_at)
        )

    return those


def span(query: plans.Query, now: datetime) -> Callable[[datetime | None], bool]:
    """Whether an instant is as young and as old as a query wants it."""
    after = None if query.younger_s is None else now - timedelta(seconds=query.younger_s)
    before = None if query.older_s is None else now - timedelta(seconds=query.older_s)

    def inside(at: datetime | None) -> bool:
        if at is None:
            return after is None and before is None
        return (after is None or at >= after) and (before is None or at <= before)

    return inside


class Jobs:
    """Reads the jobs of one source's queues."""

    def __init__(self, maker: rows.Maker) -> None:
        self.maker = maker

    async def page(
        self,
        client: link.Client,
        place: places.Place,
        query: plans.Query,
        cursor: str | None,
        now: datetime,
        may: tuple[base.ActionId, ...] = (),
    ) -> wire.Page:
        """One page; it returns within 250 ms with what it has.

        Raises Unsupported for a state that there is not, NotFound for a cursor that is not ours,
        BadRequest for what is no filter.
        """
        those, walk = states(query.state), Walk(query, now)
        mark = Mark.load(cursor) if cursor else Mark(those[0])
        if mark.state not in those:
            raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.")
        total = await self.total(client, place, those)
        after: Mark | None = mark
        for state in those[those.index(mark.state) :]:
            start = mark if state is mark.state else Mark(state)
            after = await self._state(client, place, start, walk, may)
            if after is None and walk.full and state is not those[-1]:
                after = Mark(those[those.index(state) + 1])
            if after is not None:
                break
        looked = wire.Looked(scanned=walk.scanned, total=total, complete=after is None)
        dumped = None if after is None else after.dump()
        listed = await trimming.dated(client, place, walk.found, now)
        return wire.Page(at=now, rows=tuple(listed), cursor=dumped, looked=looked)

    async def total(
        self, client: link.Client, place: places.Place, those: Sequence[queue.JobState]
    ) -> int:
        """How many jobs are in these states."""
        counts = await asking.ask(
            client,
            *(("LLEN" if state in LISTS else "ZCARD", key(place, state)) for state in those),
        )
        return sum(asking.whole(count) for count in counts)

    async def _state(
        self,
        client: link.Client,
        place: places.Place,
        mark: Mark,
        walk: Walk,
        may: tuple[base.ActionId, ...],
    ) -> Mark | None:
        """Walk through one state; where to go on in it, or None at its end."""
        newest = walk.query.order != "oldest"
        start = await after(client, place, mark, newest=newest)
        while not walk.full:
            size = PORTION if walk.filters else walk.query.limit - len(walk.found)
            spots = await portion(client, place, mark.state, start, size, newest=newest)
            payload = bool(walk.query.text)
            found = await reading.read(client, self.maker, place, spots, payload=payload, may=may)
            taken = 0
            for spot in spots:
                taken += 1
                if spot.id in found:
                    walk.take(found[spot.id])
                mark = Mark(mark.state, spot.id, spot.score, start + taken)
                if walk.full:
                    break
            if len(spots) < size and taken == len(spots):
                return None
            start += taken
            await asyncio.sleep(0)
        return mark


async def after(client: link.Client, place: places.Place, mark: Mark, *, newest: bool) -> int:
    """How many rows are before the next one, also when the last one shown has left."""
    if not mark.id:
        return 0
    of = key(place, mark.state)
    if mark.state in LISTS:
        rank = 1 if newest else -1
        most = mark.passed + _SLACK
        (at,) = await asking.ask(client, ("LPOS", of, mark.id, "RANK", rank, "MAXLEN", most))
        if not isinstance(at, int):
            return mark.passed
        if newest:
            return at + 1
        (size,) = await asking.ask(client, ("LLEN", of))
        return max(0, asking.whole(size) - at)
    before = (f"({mark.score}", "+inf") if newest else ("-inf", f"({mark.score}")
    rank, passed = await asking.ask(
        client, ("ZREVRANK" if newest else "ZRANK", of, mark.id), ("ZCOUNT", of, *before)
    )
    return rank + 1 if isinstance(rank, int) else asking.whole(passed)


async def portion(
    client: link.Client,
    place: places.Place,
    state: queue.JobState,
    start: int,
    size: int,
    *,
    newest: bool,
) -> list[reading.Spot]:
    """Some jobs of a state: the head of a list is its newest.

    A marker of BullMQ 3 or 4 is among them: it has no hash, so that it makes no row.
    """
    of, last = key(place, state), start + size - 1
    if state in LISTS:
        bounds = (start, last) if newest else (-last - 1, -start - 1)
        (reply,) = await asking.ask(client, ("LRANGE", of, *bounds))
        ids = [asking.text(one) for one in asking.items(reply)]
        return [reading.Spot(state, one) for one in (ids if newest else ids[::-1])]
    command = "ZREVRANGE" if newest else "ZRANGE"
    (reply,) = await asking.ask(client, (command, of, start, last, "WITHSCORES"))
    return [
        reading.Spot(state, asking.text(member), score.decode())
        for member, score in asking.pairs(reply)
    ]
