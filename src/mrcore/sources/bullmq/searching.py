"""Search over all states of a queue, newest first, and the jobs that are like one.

A page looks at 3,000 jobs at most, for 200 ms, and says how far it has come; its cursor goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime

from mrcore import errors, match
from mrcore.model import base, plans, queue, wire
from mrcore.sources.bullmq import asking, jobs, places, reading, trimming
from mrcore.sources.redis import link

LOOKED = 3_000
LIKE = 10
_S = queue.JobState
_Heads = dict[queue.JobState, jobs.Mark]
"""By state: after which job it goes on."""


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
    those, walk = jobs.states(query.state), jobs.Walk(query, now)
    heads, before = _load(cursor, those)
    total = await shelf.total(client, place, those)
    done = False
    while not walk.full and walk.scanned < LOOKED and not done:
        portion = await _newest(client, place, those, heads)
        rows = await reading.read(
            client, shelf.maker, place, [spot for spot, _ in portion], payload=True, may=may
        )
        for spot, passed in portion:
            if spot.id in rows:
                walk.take(rows[spot.id])
            heads[spot.state] = jobs.Mark(spot.state, spot.id, spot.score, passed)
            if walk.full:
                break
        else:
            done = not portion
    scanned = before + walk.scanned
    looked = wire.Looked(scanned=scanned, total=total, complete=done)
    marks = [list(head) for head in heads.values()]
    after = None if done else json.dumps([scanned, marks])
    listed = await trimming.dated(client, place, walk.found, now)
    return wire.Page(at=now, rows=tuple(listed), cursor=after, looked=looked)


async def _newest(
    client: link.Client,
    place: places.Place,
    those: Sequence[queue.JobState],
    heads: _Heads,
) -> list[tuple[reading.Spot, int]]:
    """The next jobs, newest first over all states, and how many of their state are passed then.

    Of the head of each state so many are taken that none of another state's is newer: those before
    the newest of the states' last ones.
    """
    lists: list[list[tuple[float, reading.Spot, int]]] = []
    for state in those:
        start = await jobs.after(client, place, heads.get(state, jobs.Mark(state)), newest=True)
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


def _load(cursor: str | None, those: Sequence[queue.JobState]) -> tuple[_Heads, int]:
    if not cursor:
        return {}, 0
    try:
        scanned, marks = json.loads(cursor)
        heads = {m.state: m for m in (jobs.Mark.load(json.dumps(mark)) for mark in marks)}
        if isinstance(scanned, int) and set(heads) <= set(those):
            return heads, scanned
    except (ValueError, TypeError):
        pass
    raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.")


async def like(
    client: link.Client,
    shelf: jobs.Jobs,
    place: places.Place,
    name: str,
    query: plans.Query,
    cursor: str | None,
    now: datetime,
) -> wire.Page:
    """The newest succeeded jobs of the same name, 10 at most, to see what differs.

    It looks for 200 ms: `looked` says how far. Raises BadRequest for what is no filter.
    """
    match.of(query.text)
    if cursor:
        raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.")
    began, wanted = time.perf_counter(), min(LIKE, query.limit)
    named = query.model_copy(
        update={"state": "completed", "name": name, "limit": wanted, "order": "newest"}
    )
    rows: list[base.Entity] = []
    scanned = 0
    page = wire.Page(at=now)
    while len(rows) < wanted and time.perf_counter() - began < jobs.BUDGET_S:
        page = await shelf.page(client, place, named, cursor, now)
        scanned += page.looked.scanned
        rows += page.rows
        if (cursor := page.cursor) is None:
            break
    looked = wire.Looked(scanned=scanned, total=page.looked.total, complete=True)
    return page.model_copy(update={"rows": tuple(rows[:wanted]), "looked": looked, "cursor": None})
