"""Search over all states of a queue, newest first, and the jobs that are like one."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence

from mrcore.model import plans, queue, wire
from mrcore.sources.engine import walking

LOOKED = 3_000
"""Jobs that one page of a search looks at."""

LIKE = 10

Heads = dict[str, walking.Spot]
"""By state: after which job a search goes on."""

Portion = tuple[Sequence[tuple[walking.Spot, queue.Job | None, walking.Payload]], bool]
"""The next jobs, newest first, each with where it is; and whether there are no more."""


async def found(
    walk: walking.Walk,
    states: Sequence[str],
    cursor: str | None,
    total: Callable[[], Awaitable[int]],
    step: Callable[[Heads], Awaitable[Portion]],
) -> wire.Page:
    """The next hits; `looked` counts from the newest job on, over all pages of the search.

    Raises NotFound for a cursor that is not ours.
    """
    heads, before = _load(cursor, states)
    count = await total()
    done = False
    while not walk.full() and not done:
        portion, last = await step(heads)
        for spot, row, payload in portion:
            if row is not None:
                await walk.take(row, payload)
            heads[spot.state] = spot
            if walk.leaves():
                break
        else:
            done = last
    scanned = before + walk.scanned
    spots = [[s.state, s.score, s.job_id, s.skipped] for s in heads.values()]
    return walk.page(None if done else json.dumps([scanned, spots]), count, before)


def _load(cursor: str | None, states: Sequence[str]) -> tuple[Heads, int]:
    if not cursor:
        return {}, 0
    try:
        scanned, parts = json.loads(cursor)
        spots = [walking.Spot.of(part, states) for part in parts]
        if isinstance(scanned, int) and all(spots):
            return {spot.state: spot for spot in spots if spot}, scanned
    except (ValueError, TypeError):
        pass
    raise walking.nowhere(cursor)


async def like(
    page: Callable[[plans.Query, str | None], Awaitable[wire.Page]], name: str, query: plans.Query
) -> wire.Page:
    """The newest succeeded jobs of a name, 10 at most, to see what differs.

    It looks for 200 ms: `looked` says how far. Raises BadRequest for what is no filter.
    """
    began, wanted = time.perf_counter(), min(LIKE, query.limit)
    named = query.model_copy(
        update={"state": "completed", "name": name, "limit": wanted, "order": "newest"}
    )
    rows: list[queue.Job] = []
    scanned, cursor = 0, None
    while True:
        last = await page(named, cursor)
        scanned += last.looked.scanned
        # What was revoked, cancelled or given up has a verdict.
        rows += [r for r in last.rows if isinstance(r, queue.Job) and not r.verdict.code]
        cursor = last.cursor
        late = time.perf_counter() - began >= walking.BUDGET_S
        if cursor is None or len(rows) >= wanted or late:
            break
    looked = wire.Looked(scanned=scanned, total=last.looked.total, complete=True)
    return wire.Page(at=last.at, rows=tuple(rows[:wanted]), looked=looked)
