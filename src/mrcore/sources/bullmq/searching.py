"""The next jobs of all states of a queue, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mrcore.model import base, plans, queue, wire
from mrcore.sources.bullmq import asking, jobs, places, reading, trimming
from mrcore.sources.engine import searching, walking
from mrcore.sources.redis import link

_S = queue.JobState


async def found(
    client: link.Client,
    shelf: jobs.Jobs,
    place: places.Place,
    query: plans.Query,
    cursor: str | None,
    now: datetime,
    may: tuple[base.ActionId, ...] = (),
) -> wire.Page:
    """The next hits; `looked` counts from the newest job on, over all pages of the search.

    Raises Unsupported for a state that there is not, NotFound for a cursor that is not ours,
    BadRequest for what is no filter.
    """
    those = jobs.states(query.state)

    async def step(heads: searching.Heads) -> searching.Portion:
        portion = await _newest(client, place, those, heads)
        spots = [spot for spot, _ in portion]
        rows = await reading.read(client, shelf.maker, place, spots, payload=True, may=may)
        found = []
        for spot, passed in portion:
            row = rows.get(spot.id)
            head = walking.Spot(spot.state, spot.score, spot.id, passed)
            found.append((head, row.job if row else None, row.payload if row else None))
        return found, not portion

    walk = walking.Walk(query, now, searching.LOOKED)
    page = await searching.found(
        walk, those, cursor, lambda: shelf.total(client, place, those), step
    )
    return await trimming.on(client, place, page, now)


async def _newest(
    client: link.Client,
    place: places.Place,
    those: Sequence[queue.JobState],
    heads: searching.Heads,
) -> list[tuple[reading.Spot, int]]:
    """The next jobs, newest first over all states, and how many of their state are passed then.

    Of the head of each state so many are taken that none of another state's is newer: those before
    the newest of the states' last ones.
    """
    lists: list[list[tuple[float, reading.Spot, int]]] = []
    for state in those:
        start = await jobs.after(client, place, heads.get(state, walking.Spot(state)), newest=True)
        size = jobs.PORTION
        spots = await jobs.portion(client, place, state, start, size, newest=True)
        instants = await _instants(client, place, spots)
        lists.append([(instants[n], spot, start + n + 1) for n, spot in enumerate(spots)])
    # A state is left in its own order: what is older comes with what it stands before.
    for part in lists:
        for number in range(len(part) - 2, -1, -1):
            at, spot, passed = part[number]
            part[number] = (max(at, part[number + 1][0]), spot, passed)
    edge = max((part[-1][0] for part in lists if len(part) == jobs.PORTION), default=0.0)
    kept = [one for part in lists for one in part if one[0] >= edge]
    return [(spot, passed) for _, spot, passed in sorted(kept, key=lambda one: -one[0])]


async def _instants(
    client: link.Client, place: places.Place, spots: Sequence[reading.Spot]
) -> list[float]:
    """How new each is, in ms: when it ended, else when it was added."""
    scored = (_S.FAILED, _S.COMPLETED, _S.QUARANTINED, _S.WAITING_CHILDREN)
    asked = [s for s in spots if s.state not in scored]
    replies = iter(
        await asking.ask(client, *(("HGET", reading.hash_of(place, s), "timestamp") for s in asked))
    )
    return [
        asking.number(spot.score if spot.state in scored else next(replies)) or 0.0
        for spot in spots
    ]
