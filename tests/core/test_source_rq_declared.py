"""Schedules that the settings declare: found where RQ has another, and registered where it can."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import rq

from mrcore import sources
from mrcore.model import base, plans, queue, ref
from mrcore.sources import base as source_base
from tests.contract import rq_desk, rq_jobs

QUEUE, RAVI = "clock", plans.By(login="ravi", reason="a test", operation=5)


@pytest.fixture
def desk(redis_url: str) -> Iterator[rq_desk.Desk]:
    with contextlib.closing(rq_desk.Desk(redis_url)) as made:
        yield made


@contextlib.asynccontextmanager
async def opened(url: str, **schedules: dict[str, Any]) -> AsyncIterator[source_base.Source]:
    async with sources.build("rq", {"url": url, "schedules": schedules})[0] as source:
        yield source


async def rows(source: source_base.Source) -> dict[str, queue.Schedule]:
    found = [e for e in (await source.sample()).entities if isinstance(e, queue.Schedule)]
    return {ref.parse(one.ref).id: one for one in found}


async def plan(
    source: source_base.Source, of: base.Ref
) -> plans.Target | plans.LeftOut | plans.Remark:
    selection = plans.Selection(refs=(of,))
    planned = source.plan("schedule.register", selection, {}, lambda n, total: None)
    (part, *_) = [p async for p in planned]
    return part


async def register(source: source_base.Source, of: base.Ref) -> plans.TargetOutcome | str:
    part = await plan(source, of)
    if isinstance(part, plans.LeftOut):
        return part.why
    assert isinstance(part, plans.Target)
    (outcome,) = await source.apply("schedule.register", [part], {}, RAVI)
    return outcome


async def test_a_cron_job_that_is_otherwise_is_found_and_left_to_its_code(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    desk.cron(QUEUE, "hourly", "steady")
    day = {"queue": QUEUE, "every_s": 86_400}
    hour = {"queue": QUEUE, "every_s": 3_600}
    night = {"queue": QUEUE, "cron": "59 23 * * *"}
    async with opened(redis_url, hourly=day, steady=hour, nightly=night) as source:
        found = await rows(source)
        assert (found["hourly"].verdict.code, found["hourly"].actions) == (
            "interval_off",
            ("schedule.run",),
        )
        assert found["hourly"].verdict.why == "declared every 24 h, registered every 1 h"
        assert found["steady"].verdict == base.OK
        missing = found["nightly"]
        assert (missing.verdict.code, missing.registered, missing.actions) == ("missing", 0, ())
        assert "lives in the code of its scheduler" in missing.verdict.why
        assert "cron" in str(await register(source, missing.ref))


async def test_a_job_that_repeats_is_registered_as_rq_does_it(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    wanted = {
        "queue": QUEUE, "every_s": 86_400, "job": "tests.contract.rq_jobs.send_otp", "data": ["all"]
    }  # fmt: skip
    nameless, odd = {**wanted, "job": ""}, {**wanted}
    more = {"nameless": nameless, "odd name": odd}
    async with opened(redis_url, digest=wanted, **more) as source:
        found = await rows(source)
        assert found["repeat:clock:digest"].actions == ("schedule.register",)
        assert found["repeat:clock:nameless"].actions == ()
        assert found["repeat:clock:odd name"].actions == ()
        done = await register(source, found["repeat:clock:digest"].ref)
        assert isinstance(done, plans.TargetOutcome)
        assert done.outcome is plans.Outcome.DONE
        row = (await rows(source))["repeat:clock:digest"]
        assert (row.verdict, row.declared, row.registered) == (base.OK, "every 24 h", 1)
        job = rq.job.Job.fetch("digest", connection=desk.conn)
        assert (job.func_name, job.args, job.repeat_intervals) == (
            "tests.contract.rq_jobs.send_otp",
            ("all",),
            [86_400],
        )
        assert "as it is declared" in str(await register(source, row.ref))
        desk.due(QUEUE, "digest")
        await asyncio.to_thread(desk.run_all, QUEUE)
        again = rq.job.Job.fetch("digest", connection=desk.conn)
        assert again.get_status() == "scheduled"
        assert again.latest_result().return_value == rq_jobs.send_otp("all")


async def test_what_is_declared_no_more_is_left_as_it_is(redis_url: str) -> None:
    """An operation may go on in a core that was started with other settings."""
    wanted = {"queue": QUEUE, "every_s": 3_600, "job": "tests.contract.rq_jobs.send_otp"}
    async with opened(redis_url, digest=wanted) as source:
        of = (await rows(source))["repeat:clock:digest"].ref
        target = await plan(source, of)
        assert isinstance(target, plans.Target)
    async with opened(redis_url) as source:
        (outcome,) = await source.apply("schedule.register", [target], {}, RAVI)
        assert (outcome.outcome, outcome.why.split(":")[0]) == (
            plans.Outcome.SKIPPED,
            "It has moved on",
        )
    async with opened(redis_url, digest=wanted) as source:
        done = await register(source, of)
    assert isinstance(done, plans.TargetOutcome)
    undoable = plans.Undoable(target=target, memento=done.memento)
    async with opened(redis_url) as source:
        (outcome,) = await source.undo("schedule.register", [undoable], RAVI)
        assert (outcome.outcome, outcome.why.split(":")[0]) == (
            plans.Outcome.SKIPPED,
            "It has moved on",
        )
