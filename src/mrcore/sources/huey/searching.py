"""The next jobs of all states of a queue, newest first."""

from __future__ import annotations

import heapq
import time
from collections.abc import Sequence
from datetime import datetime

from mrcore.model import plans, wire
from mrcore.sources.engine import asking as replies
from mrcore.sources.engine import searching, walking
from mrcore.sources.huey import asking, discover, jobs
from mrcore.sources.redis import link

FIRST, PORTION, QUICK_S = 20, 160, 0.03
"""Jobs that are read at once: few, more while they are read quickly."""


async def found(
    client: link.Client,
    shelf: jobs.Jobs,
    place: discover.Place,
    query: plans.Query,
    cursor: str | None,
    now: datetime,
) -> wire.Page:
    """The next hits of a search.

    Raises Unsupported for a state that there is not, NotFound for a cursor that is not ours,
    BadRequest for what is no filter. Jobs that the journal has not are found where a queue has
    such: then state after state is gone through.
    """
    states = jobs.states(place, query.state)
    walk = walking.Walk(query, now, searching.LOOKED)
    if not place.journalled or await _strangers(client, shelf, place, states):
        return await shelf.page(client, place, query, cursor, now)
    size = FIRST

    async def step(heads: searching.Heads) -> searching.Portion:
        nonlocal size
        began = time.perf_counter()
        newest = await _newest(client, shelf, place, states, heads, size)
        read = await shelf.read(client, place.name, [s.job_id for s in newest], payload=True)
        last = len(newest) < size
        size = min(PORTION, size * 2) if time.perf_counter() - began < QUICK_S else FIRST
        return [(spot, *read.get(spot.job_id, (None, None))) for spot in newest], last

    return await searching.found(
        walk, states, cursor, lambda: shelf.total(client, place, states), step
    )


async def _newest(
    client: link.Client,
    shelf: jobs.Jobs,
    place: discover.Place,
    states: Sequence[str],
    heads: searching.Heads,
    size: int,
) -> list[walking.Spot]:
    """The next jobs, newest first, over all states."""
    at = shelf.root.queue(place.name)
    asked = []
    for state in states:
        spot, zset = heads.get(state, walking.Spot(state)), at.state(state)
        start = await walking.rank(asking.ask, client, zset, spot, newest=True)
        asked.append(("ZREVRANGE", zset, start, start + size - 1, "WITHSCORES"))
    lists = [
        [(-float(score), walking.Spot(state, score, i)) for i, score in replies.scored(reply)]
        for state, reply in zip(states, await asking.ask(client, *asked), strict=True)
    ]
    merged = heapq.merge(*lists, key=lambda one: one[0])
    return [spot for _, spot in list(merged)[:size]]


async def _strangers(
    client: link.Client, shelf: jobs.Jobs, place: discover.Place, states: Sequence[str]
) -> bool:
    """Whether huey has messages that the journal does not know."""
    at = shelf.root.queue(place.name)
    for state, truth in (("waiting", place.waiting), ("delayed", ("ZCARD", place.schedule))):
        if state in states:
            there, known = await asking.ask(client, truth, ("ZCARD", at.state(state)))
            if (there or 0) > (known or 0):
                return True
    return False
