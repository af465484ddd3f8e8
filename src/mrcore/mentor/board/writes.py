"""What the board changes: each of Bull Board's routes as an action of the core's catalogue."""

from __future__ import annotations

import asyncio
import time

from pydantic import JsonValue

from mrcore import errors
from mrcore.mentor.board import call, doing, problem, shapes
from mrcore.model import base, plans, queue, ref
from mrcore.model.queue import JobState as S

GRACE_S = 5
"""What Bull Board's clean leaves: what ended within 5 s (its `GRACE_TIME_MS`)."""

_CLEANED = ("completed", "failed")
_REMOVED = ("delayed",)
_DRAINED = ("waiting", "prioritized", "paused", "waiting-children", "wait")


async def _writable(asked: call.Call) -> queue.Queue:
    of = await asked.queue()
    if shapes.is_read_only(of):
        raise problem.Problem(405, "QUEUE_READ_ONLY")
    return of


async def _job(asked: call.Call) -> queue.Job:
    """The job of the path in a queue that can be changed."""
    of = await _writable(asked)
    return call.job_of(await call.detail(asked.core, of, asked.parts[1]))


def _field(asked: call.Call, name: str) -> JsonValue:
    return asked.body.get(name) if isinstance(asked.body, dict) else None


def _bad(key: str, **options: JsonValue) -> problem.Problem:
    return problem.Problem(400, key, options=options, code="INVALID_REQUEST")


# One job.


async def retry(asked: call.Call) -> call.Answer:
    job = await _job(asked)
    if "queue.retry" not in job.actions:
        state: JsonValue = shapes.word(job.state)
        raise problem.Problem(400, "JOB_NOT_RETRIABLE", options={"state": state})
    done = await doing.act(asked, "queue.retry", doing.refs(job.ref))
    return done.answer(204)


async def remove(asked: call.Call) -> call.Answer:
    job = await _job(asked)
    if job.state is S.ACTIVE:
        said = problem.named("JOB_IS_ACTIVE_DETAILS", {"jobId": job.id})
        raise problem.Problem(409, "JOB_IS_ACTIVE", said)
    return (await doing.act(asked, "job.remove", doing.refs(job.ref))).answer(204)


async def promote(asked: call.Call) -> call.Answer:
    job = await _job(asked)
    if job.state is not S.DELAYED:
        said = f"Job {job.id} is not in the delayed state. promote"
        raise problem.Problem(500, "INTERNAL_SERVER_ERROR", said)
    return (await doing.act(asked, "job.promote", doing.refs(job.ref))).answer(204)


async def delay(asked: call.Call) -> call.Answer:
    run_at_ms = _field(asked, "runAt")
    if isinstance(run_at_ms, bool) or not isinstance(run_at_ms, int | float):
        raise _bad("INVALID_RUN_AT")
    job = await _job(asked)
    if job.state is not S.DELAYED:
        status: JsonValue = shapes.word(job.state)
        raise problem.Problem(400, "JOB_NOT_DELAYED", options={"status": status})
    by_s = max(0.0, run_at_ms / 1000 - time.time())
    return (await doing.act(asked, "job.delay", doing.refs(job.ref), {"by_s": by_s})).answer()


async def priority(asked: call.Call) -> call.Answer:
    wanted = _field(asked, "priority")
    most = shapes.PRIORITY_MAX
    if isinstance(wanted, bool) or not isinstance(wanted, int) or not 0 <= wanted <= most:
        raise _bad("INVALID_PRIORITY", max=most)
    job = await _job(asked)
    args: plans.Args = {"priority": wanted}
    return (await doing.act(asked, "job.priority", doing.refs(job.ref), args)).answer()


async def update_data(asked: call.Call) -> call.Answer:
    """Bull Board's edit leaves a job where it is; the core's runs it, so that it is asked there."""
    await _job(asked)
    said = "An edit runs the job here: do it with mrtui, which shows what changes."
    raise problem.Problem(400, "JOB_EDIT_NOT_SUPPORTED", said)


async def remove_children(asked: call.Call) -> call.Answer:
    await _job(asked)
    raise problem.Problem(400, "JOB_UNPROCESSED_CHILDREN_NOT_SUPPORTED")


# A queue's jobs.


def _all(of: queue.Queue, state: S, **more: float) -> plans.Selection:
    query = plans.Query(state=state.value, **more)
    return plans.Selection(ref=of.ref, collection="jobs", query=query)


async def retry_all(asked: call.Call) -> call.Answer:
    """Retry a state; what is left out, because it expired or for another reason, is skipped."""
    status = asked.parts[1]
    if status not in ("failed", "completed"):
        raise problem.Problem(400, "STATUS_NOT_RETRIABLE", options={"status": status})
    of = await _writable(asked)
    state = S(status)
    done = await doing.act(asked, "queue.retry", _all(of, state))
    skipped = done.skipped + done.failed + sum(left.count for left in done.left_out)
    told: dict[str, JsonValue] = {"retried": done.done, "skipped": skipped}
    if done.running:
        body = done.answer().body
        return call.Answer(202, {**told, **(body if isinstance(body, dict) else {})})
    return call.Answer(200, told | ({"message": done.said} if done.said else {}))


async def promote_all(asked: call.Call) -> call.Answer:
    of = await _writable(asked)
    done = await doing.act(asked, "job.promote", _all(of, S.DELAYED))
    return call.Answer(200, call.NOTHING) if done.nothing else done.answer()


async def clean(asked: call.Call) -> call.Answer:
    """Clean a state; a status that there is not is no error, as with Bull Board."""
    of, status = await _writable(asked), asked.parts[1]
    if status in _DRAINED:
        raise doing.critical(f"Cleaning what waits in {of.name}")
    if status in _CLEANED:
        args: plans.Args = {"state": status, "older_s": GRACE_S}
        done = await doing.act(asked, "queue.clean", doing.refs(of.ref), args)
    elif status in _REMOVED:
        done = await doing.act(asked, "job.remove", _all(of, S(status), older_s=GRACE_S))
    else:
        return call.Answer(200, call.NOTHING)
    return done.answer() if done.done or done.failed or done.running else call.Answer(200, {})


# A queue.


async def pause(asked: call.Call) -> call.Answer:
    return await _flip(asked, [await _writable(asked)], paused=True)


async def resume(asked: call.Call) -> call.Answer:
    return await _flip(asked, [await _writable(asked)], paused=False)


async def pause_all(asked: call.Call) -> call.Answer:
    return await _flip(asked, await _all_writable(asked), paused=True)


async def resume_all(asked: call.Call) -> call.Answer:
    return await _flip(asked, await _all_writable(asked), paused=False)


async def _all_writable(asked: call.Call) -> list[queue.Queue]:
    known = await asked.names()
    return [of for of in known.listed.values() if not shapes.is_read_only(of)]


async def _flip(asked: call.Call, queues: list[queue.Queue], *, paused: bool) -> call.Answer:
    """Pause or resume queues, one plan a source; what is so already is no error."""
    action = "queue.pause" if paused else "queue.resume"
    by_source: dict[str, list[base.Ref]] = {}
    for of in queues:
        by_source.setdefault(ref.source_of(of.ref), []).append(of.ref)
    work = [_flip_some(asked, action, refs, paused=paused) for refs in by_source.values()]
    unfinished = [answer for answer in await asyncio.gather(*work) if answer.status == 202]
    return unfinished[0] if unfinished else call.Answer(200, call.NOTHING)


async def _flip_some(
    asked: call.Call, action: base.ActionId, refs: list[base.Ref], *, paused: bool
) -> call.Answer:
    """All of one source. How they are is asked anew: what is live may be a second old."""
    done = await doing.act(asked, action, doing.refs(*refs))
    if done.nothing:
        found = [(await asked.core.detail(of)).entity for of in refs]
        if all(isinstance(q, queue.Queue) and shapes.is_paused(q) is paused for q in found):
            return call.Answer(200, call.NOTHING)
    return done.answer()


async def drain(asked: call.Call) -> call.Answer:
    """Plan it, so that the answer is the core's: it is critical."""
    of = await _writable(asked)
    return (await doing.act(asked, "queue.drain", doing.refs(of.ref))).answer()


async def obliterate(asked: call.Call) -> call.Answer:
    force = _field(asked, "force")
    if force is not None and not isinstance(force, bool):
        raise _bad("INVALID_REQUEST_BODY")
    of = await _writable(asked)
    if not force and not shapes.is_paused(of):
        raise problem.Problem(400, "QUEUE_NOT_PAUSED")
    if not force and of.counts.active:
        said = problem.named("QUEUE_HAS_ACTIVE_JOBS_DETAILS")
        raise problem.Problem(409, "QUEUE_HAS_ACTIVE_JOBS", said)
    raise doing.critical(f"Obliterating {of.name}")


async def add(asked: call.Call) -> call.Answer:
    """Jobs are enqueued by the application; a copy of one by mrtui."""
    if not isinstance(asked.body, dict):
        raise _bad("INVALID_REQUEST_BODY")
    await _writable(asked)
    said = "Jobs are enqueued by the application. mrtui duplicates one that there is."
    raise problem.Problem(403, "FORBIDDEN", said)


async def concurrency(asked: call.Call) -> call.Answer:
    wanted = _field(asked, "concurrency")
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 0:
        raise _bad("INVALID_CONCURRENCY")
    of = await _writable(asked)
    said = f"How many jobs of {of.name} run at once is a setting of its workers."
    raise problem.Problem(403, "FORBIDDEN", said)


async def set_rate_limit(asked: call.Call) -> call.Answer:
    given = [_field(asked, name) for name in ("max", "duration")]
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in given)
    removes = isinstance(asked.body, dict) and "max" in asked.body and given[0] is None
    if not whole and not removes:
        raise _bad("INVALID_RATE_LIMIT")
    return await release_rate_limit(asked)


async def release_rate_limit(asked: call.Call) -> call.Answer:
    await _writable(asked)
    raise problem.Problem(400, "RATE_LIMIT_NOT_SUPPORTED")


# A schedule.


async def _schedule(asked: call.Call) -> tuple[queue.Queue, queue.Schedule]:
    known = await asked.names()
    of = known.find(asked.parts[0])
    if shapes.is_read_only(of):
        raise problem.Problem(405, "QUEUE_READ_ONLY")
    for one in known.schedules(of):
        if shapes.schedule_id(one) == asked.parts[1]:
            return of, one
    raise problem.Problem(404, "JOB_SCHEDULER_NOT_FOUND")


async def remove_schedule(asked: call.Call) -> call.Answer:
    _, one = await _schedule(asked)
    return (await doing.act(asked, "schedule.remove", doing.refs(one.ref))).answer(204)


async def update_schedule(asked: call.Call) -> call.Answer:
    every, pattern = _field(asked, "every"), _field(asked, "pattern")
    if (every is None) is (pattern is None):
        raise _bad("INVALID_SCHEDULER_SCHEDULE")
    if every is not None and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
        raise _bad("INVALID_SCHEDULER_INTERVAL")
    if pattern is not None and not (isinstance(pattern, str) and pattern):
        raise _bad("INVALID_SCHEDULER_PATTERN")
    await _schedule(asked)
    said = "A schedule is declared by the application, which would declare it anew as it was."
    raise problem.Problem(405, "JOB_SCHEDULER_EDIT_NOT_SUPPORTED", said)


async def run_schedule(asked: call.Call) -> call.Answer:
    """Run it now; the job is the newest of its name, or the one that the outcome names."""
    of, one = await _schedule(asked)
    done = await doing.act(asked, "schedule.run", doing.refs(one.ref))
    answer = done.answer()
    if done.running:
        return answer
    for outcome in done.outcomes:
        for word in outcome.why.split():
            if word.startswith(ref.make(ref.source_of(of.ref), "job") + "/"):
                try:
                    found = await asked.core.detail(word)
                except errors.NotFound:
                    break  # it has run, and is not kept
                return call.Answer(200, {"job": shapes.app_job(call.job_of(found), found.sections)})
    query = plans.Query(name=one.job, limit=1)
    rows = (await asked.core.page(of.ref, "jobs", query)).rows
    newest = [shapes.app_job(row) for row in rows if isinstance(row, queue.Job)]
    return call.Answer(200, {"job": newest[0] if newest else None})
