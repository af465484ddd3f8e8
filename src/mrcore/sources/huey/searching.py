"""Search over all states of a queue, newest first, and the jobs that are like one.

A page looks at 3,000 jobs at most, for 200 ms, and says how far it has come; its cursor goes on.
"""

from __future__ import annotations

import heapq
import json
import time
from collections.abc import Sequence
from datetime import datetime

from mrcore import errors, match
from mrcore.model import plans, queue, wire
from mrcore.sources.huey import asking, discover, jobs, walking
from mrcore.sources.redis import link

LOOKED = 3_000
"""Jobs that one page looks at."""

FIRST, PORTION, QUICK_S = 20, 160, 0.03
"""Jobs that are read at once: few, more while they are read quickly."""

LIKE = 10
_Spots = dict[str, tuple[str, str]]
"""By state: score and id of the last job that was looked at."""


async def found(
    client: link.Client,
    shelf: jobs.Jobs,
    place: discover.Place,
    query: plans.Query,
    cursor: str | None,
    now: datetime,
) -> wire.Page:
    """The next hits; `looked` counts from the newest job on, over all pages of the search.

    Raises Unsupported for a state that there is not, NotFound for a cursor that is not ours,
    BadRequest for what is no filter. Jobs that the journal has not are found where a queue has
    such: then state after state is gone through.
    """
    states = jobs.states(place, query.state)
    keep = match.of(query.text)
    if not place.journalled or await _strangers(client, shelf, place, states):
        return await shelf.page(client, place, query, cursor, now)
    spots, before = _load(cursor, states)
    total = await shelf.total(client, place, states)
    walk = walking.Walk(query, keep, now)
    done, size = False, FIRST
    while not walk.full() and walk.scanned < LOOKED and not done:
        began = time.perf_counter()
        newest = await _newest(client, shelf, place, states, spots, size)
        read = await shelf.read(client, place.name, [i for _, _, i in newest], payload=True)
        for state, score, job_id in newest:
            if job_id in read:
                await walk.take(*read[job_id])
            spots[state] = (score, job_id)
            if walk.full():
                break
        else:
            done = len(newest) < size
        size = min(PORTION, size * 2) if time.perf_counter() - began < QUICK_S else FIRST
    scanned = before + walk.scanned
    looked = wire.Looked(scanned=scanned, total=total, complete=done)
    after = None if done else json.dumps([scanned, spots])
    return wire.Page(at=now, rows=tuple(walk.found), cursor=after, looked=looked)


async def _newest(
    client: link.Client,
    shelf: jobs.Jobs,
    place: discover.Place,
    states: Sequence[str],
    spots: _Spots,
    size: int,
) -> list[tuple[str, str, str]]:
    """State, score and id of the next jobs, newest first, over all states."""
    at = shelf.root.queue(place.name)
    asked = []
    for state in states:
        spot = walking.Spot(state, *spots.get(state, ("", "")))
        start = await jobs.after_rank(client, at.state(state), spot, newest=True)
        asked.append(("ZREVRANGE", at.state(state), start, start + size - 1, "WITHSCORES"))
    lists = [
        [(-float(s), state, s, m.decode("utf-8", "replace")) for m, s in jobs.scored(reply)]
        for state, reply in zip(states, await asking.ask(client, *asked), strict=True)
    ]
    merged = heapq.merge(*lists, key=lambda one: one[0])
    return [(state, score, job_id) for _, state, score, job_id in list(merged)[:size]]


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


def _load(cursor: str | None, states: Sequence[str]) -> tuple[_Spots, int]:
    if not cursor:
        return {}, 0
    try:
        scanned, spots = json.loads(cursor)
        loaded = {str(state): (str(s), str(i)) for state, (s, i) in spots.items()}
        if isinstance(scanned, int) and all(
            state in states and float(s) == float(s) for state, (s, _) in loaded.items()
        ):
            return loaded, scanned
    except (ValueError, TypeError, AttributeError):
        pass
    raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.")


async def like(
    client: link.Client,
    shelf: jobs.Jobs,
    place: discover.Place,
    job: queue.Job,
    query: plans.Query,
    now: datetime,
) -> wire.Page:
    """The newest succeeded jobs of the same name, 10 at most, to see what differs.

    It looks for 200 ms: `looked` says how far. Raises BadRequest for what is no filter.
    """
    began = time.perf_counter()
    rows: list[queue.Job] = []
    scanned, cursor = 0, None
    wanted = min(LIKE, query.limit)
    named = query.model_copy(
        update={"state": "completed", "name": job.name, "limit": wanted, "order": "newest"}
    )
    page = wire.Page(at=now)
    while len(rows) < wanted and time.perf_counter() - began < walking.BUDGET_S:
        page = await shelf.page(client, place, named, cursor, now)
        scanned += page.looked.scanned
        rows += [
            row for row in page.rows if isinstance(row, queue.Job) and not row.verdict.code
        ]  # revoked and cancelled ones have a verdict
        if (cursor := page.cursor) is None:
            break
    looked = wire.Looked(scanned=scanned, total=page.looked.total, complete=True)
    return wire.Page(at=now, rows=tuple(rows[:wanted]), looked=looked)
