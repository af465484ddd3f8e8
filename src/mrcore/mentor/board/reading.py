"""What the board shows: queues, their jobs, logs, flows, workers, schedules, Redis."""

from __future__ import annotations

import asyncio

from pydantic import JsonValue

from mrcore import client, errors
from mrcore.mentor.board import call, problem, shapes
from mrcore.model import plans, queue, wire
from mrcore.model.queue import JobState as S

PER_PAGE, PER_PAGE_MOST = 10, 300
DEEPEST = 10_000
"""How many jobs of a state are gone through at most to come to a page: the core has no page
numbers."""

AT_ONCE = 8
_OPTIONAL = {S.PRIORITIZED, S.WAITING_CHILDREN, S.PAUSED}
"""States that not every engine has: they are looked into where something is counted in them."""


async def queues(asked: call.Call) -> call.Answer:
    """All queues, the active one with a page of its jobs."""
    status = asked.query.get("status")
    if status not in (None, shapes.LATEST) and shapes.state(status or "") is None:
        raise problem.invalid("status")
    page = _number(asked, "page", 1, None)
    size = _number(asked, "jobsPerPage", PER_PAGE, PER_PAGE_MOST)
    known = await asked.names()
    active = known.asked(asked.query.get("activeQueue", ""))
    shown: list[JsonValue] = []
    for name, of in known.listed.items():
        jobs: list[JsonValue] = []
        pagination: JsonValue = shapes.pagination(0, 1, size)
        if active is not None and of.ref == active.ref:
            of = await _fresh(asked.core, of)
            jobs, pagination = await _jobs(asked.core, of, status or shapes.LATEST, page, size)
        schedules = len(known.schedules(of))
        shown.append(shapes.app_queue(of, name, jobs, pagination, schedules, known.at))
    return call.Answer(200, {"queues": shown})


def _number(asked: call.Call, name: str, default: int, most: int | None) -> int:
    text = asked.query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10) or int(text) < 1:
        raise problem.invalid(name)
    if most is not None and int(text) > most:
        raise problem.invalid(name)
    return int(text)


async def _fresh(core: client.CoreClient, of: queue.Queue) -> queue.Queue:
    """The active queue is read anew: who has just acted there sees it."""
    found = (await core.detail(of.ref)).entity
    return found if isinstance(found, queue.Queue) else of


async def _jobs(
    core: client.CoreClient, of: queue.Queue, status: str, page: int, size: int
) -> tuple[list[JsonValue], JsonValue]:
    """One page of a state, or the newest of every state."""
    one = shapes.state(status)
    if one is None:
        found = await asyncio.gather(
            *(_rows(core, of, each, 1, size) for each in shapes.states(of))
        )
        rows = [row for part in found for row in part]
        return await _whole(core, of, rows), shapes.pagination(0, 1, size)
    rows = await _rows(core, of, one, page, size)
    return await _whole(core, of, rows), shapes.pagination(shapes.count(of, one), page, size)


async def _rows(
    core: client.CoreClient, of: queue.Queue, one: S, page: int, size: int
) -> list[queue.Job]:
    """The rows of a page, which is found by going through those before it."""
    if one in _OPTIONAL and not shapes.count(of, one):
        return []
    left = (page - 1) * size
    if left >= DEEPEST:
        said = f"The board goes {DEEPEST:,} jobs deep. Look further with mrtui, or filter there."
        raise problem.invalid("page", said)
    cursor: str | None = None
    found: list[queue.Job] = []
    while True:
        limit = min(PER_PAGE_MOST, left) if left else size - len(found)
        query = plans.Query(state=one.value, limit=limit)
        answer = await core.page(of.ref, "jobs", query, cursor)
        jobs = [row for row in answer.rows if isinstance(row, queue.Job)]
        if left:
            left -= len(jobs)
        else:
            found += jobs
        cursor = answer.cursor
        if cursor is None or len(found) >= size:
            return found


async def _whole(
    core: client.CoreClient, of: queue.Queue, rows: list[queue.Job]
) -> list[JsonValue]:
    """The jobs in full, a few at once; of one without a detail (any more) what its row says."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def read(row: queue.Job) -> JsonValue:
        async with turn:
            try:
                found = await core.detail(row.ref)
            except errors.NotFound:
                return shapes.app_job(row)
        return shapes.app_job(call.job_of(found), found.sections)

    return list(await asyncio.gather(*map(read, rows)))


async def job(asked: call.Call) -> call.Answer:
    found = await asked.job()
    return call.Answer(200, told(found))


def told(found: wire.Detail) -> JsonValue:
    """A job with its state."""
    job = call.job_of(found)
    return {"job": shapes.app_job(job, found.sections), "status": shapes.word(job.state)}


async def logs(asked: call.Call) -> call.Answer:
    return call.Answer(200, shapes.logs((await asked.job()).sections))


async def flow(asked: call.Call) -> call.Answer:
    """The parent, the job and its children; a flow is told three deep at most."""
    known = await asked.names()
    found = await call.detail(asked.core, known.find(asked.parts[0]), asked.parts[1])
    by_ref = {of.ref: name for name, of in {**known.listed, **known.unlisted}.items()}
    own_root = asked.query.get("root") == "node"
    return call.Answer(
        200, shapes.flow(call.job_of(found), found.sections, by_ref, own_root=own_root)
    )


async def metrics(asked: call.Call) -> call.Answer:
    """What was completed and failed in every minute of the last hour."""
    of = await asked.queue()

    async def rate(metric: str) -> JsonValue:
        return shapes.metrics(await asked.core.points(metric, of.ref, step_s=60))

    completed, failed = await asyncio.gather(rate("queue.out_rate"), rate("queue.fail_rate"))
    return call.Answer(200, {"completed": completed, "failed": failed})


async def nothing(asked: call.Call) -> call.Answer:
    """Default options and schemas of jobs: no engine here has them."""
    await asked.queue()
    return call.Answer(200, call.NOTHING)


async def workers(asked: call.Call) -> call.Answer:
    known = await asked.names()
    of = known.find(asked.parts[0])
    if of.workers is None:
        return call.Answer(200, {"workers": None})
    found: list[JsonValue] = [shapes.worker(one, known.at) for one in known.workers(of)]
    return call.Answer(200, {"workers": found})


async def rate_limit(asked: call.Call) -> call.Answer:
    """A limit is seen, and not set from here."""
    await asked.queue()
    return call.Answer(200, {"supported": False, "rateLimit": None})


async def schedules(asked: call.Call) -> call.Answer:
    """All schedules, or those of one queue."""
    known, wanted = await asked.names(), asked.query.get("queueName")
    shown = known.listed
    if wanted is not None:
        of = known.asked(wanted)
        shown = {} if of is None else {known.name(of.ref): of}
    found: list[JsonValue] = [
        shapes.schedule(one, name) for name, of in shown.items() for one in known.schedules(of)
    ]
    return call.Answer(200, {"schedulers": found})


async def redis_stats(asked: call.Call) -> call.Answer:
    """The first Redis that the core watches."""
    known = await asked.names()
    if not known.listed:
        return call.Answer(200, {})
    if not known.nodes:
        raise problem.Problem(404, "REDIS_STATS_UNAVAILABLE")
    node = known.nodes[0]
    figures = {p.metric: p.value for p in known.points if p.ref == node.ref}
    return call.Answer(200, shapes.redis_stats(node, figures, known.at))
