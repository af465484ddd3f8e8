"""Pages of jobs: by state, filtered, newest or oldest first, from where the last page ended.

A cursor is JSON: the state, the id and score of the last row, and in a list how many rows were
passed. It goes on after that row even when rows have come and gone before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from mrcore import errors
from mrcore.model import base, plans, queue, wire
from mrcore.sources.bullmq import asking, places, reading, rows, trimming
from mrcore.sources.engine import walking
from mrcore.sources.redis import link

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
        those = states(query.state)
        page = await walking.through(
            walking.Walk(query, now),
            those,
            cursor,
            lambda: self.total(client, place, those),
            lambda spot, walk: self._state(client, place, spot, walk, may),
        )
        return await trimming.on(client, place, page, now)

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
        mark: walking.Spot,
        walk: walking.Walk,
        may: tuple[base.ActionId, ...],
    ) -> walking.Spot | None:
        """Walk through one state; where to go on in it, or None at its end."""
        newest, state = walk.query.order != "oldest", _S(mark.state)
        start = await after(client, place, mark, newest=newest)
        while not walk.full():
            size = PORTION if walk.filters else walk.query.limit - len(walk.found)
            spots = await portion(client, place, state, start, size, newest=newest)
            payload = bool(walk.query.text)
            found = await reading.read(client, self.maker, place, spots, payload=payload, may=may)
            taken = 0
            for spot in spots:
                taken += 1
                if spot.id in found:
                    await walk.take(found[spot.id].job, found[spot.id].payload)
                mark = walking.Spot(state, spot.score, spot.id, start + taken)
                if walk.leaves():
                    break
            if len(spots) < size and taken == len(spots):
                return None
            start += taken
            await asyncio.sleep(0)
        return mark


async def after(
    client: link.Client, place: places.Place, mark: walking.Spot, *, newest: bool
) -> int:
    """How many rows are before the next one, also when the last one shown has left."""
    state = _S(mark.state)
    of = key(place, state)
    if not mark.job_id or state not in LISTS:
        return await walking.rank(asking.ask, client, of, mark, newest=newest)
    rank, most = 1 if newest else -1, mark.skipped + _SLACK
    (at,) = await asking.ask(client, ("LPOS", of, mark.job_id, "RANK", rank, "MAXLEN", most))
    if not isinstance(at, int):
        return max(0, mark.skipped)
    if newest:
        return at + 1
    (size,) = await asking.ask(client, ("LLEN", of))
    return max(0, asking.whole(size) - at)


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
