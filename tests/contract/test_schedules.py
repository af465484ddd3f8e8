"""What schedules do, on every engine: how often, missed, overrun, and how often they are there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rq
from rq import cron

from mrcore import scheduler, sources
from mrcore.model import queue
from mrcore.sources import base as source_base
from tests import servers, waiting
from tests.contract import rq_desk, rq_jobs
from tests.core import journals
from tests.node import engines

TICK_S = 1.0
"""RQ's shortest interval."""


@pytest.fixture
def desk(redis_url: str) -> Iterator[rq_desk.Desk]:
    with contextlib.closing(rq_desk.Desk(redis_url)) as made:
        yield made


@pytest.fixture(params=["bullmq", "bullmq5", "bullmq4", "bullmq3"])
def node(
    request: pytest.FixtureRequest, valkey: servers.Valkey, redis_url: str, node_modules: object
) -> Iterator[engines.Engine]:
    db = int(redis_url.rpartition("/")[2])
    with contextlib.closing(engines.Engine(valkey.port, db=db, module=request.param)) as made:
        yield made


six = pytest.mark.parametrize("node", ["bullmq"], indirect=True)


async def schedules(source: source_base.Source) -> dict[str, queue.Schedule]:
    found = (await source.sample()).entities
    return {entity.name: entity for entity in found if isinstance(entity, queue.Schedule)}


async def until(
    source: source_base.Source, name: str, so: Callable[[queue.Schedule], bool]
) -> queue.Schedule:
    """The schedule of that name, once it is so."""

    async def found() -> queue.Schedule | None:
        one = (await schedules(source)).get(name)
        return one if one is not None and so(one) else None

    return await waiting.until(found, what=f"{name} is so")


# -- RQ


async def tick(made: cron.CronScheduler, desk: rq_desk.Desk, count: int) -> None:
    """Let rq's own cron scheduler enqueue so often, and a worker run it."""
    for _ in range(count):
        await waiting.until(made.enqueue_jobs, what="a tick of RQ's cron")
        desk.run_all("clock")
    made.save()


async def test_what_rqs_cron_does_is_held_against_what_it_declares(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    made = cron.CronScheduler(desk.conn, logging_level="CRITICAL")
    made.register(rq_jobs.send_otp, "clock", args=("all",), interval=1, name="digest")
    made.register(rq_jobs.send_otp, "clock", args=("all",), cron="0 9 * * 1", name="weekly")
    made.register_birth()
    async with sources.build("rq", {"url": redis_url})[0] as source:
        await tick(made, desk, 3)
        digest = (await schedules(source))["digest"]
        assert digest.observed_s == pytest.approx(TICK_S, rel=0.2)
        assert (digest.registered, digest.missed, digest.overrun) == (1, 0, 0)
        assert digest.last_succeeded_at is not None
        assert digest.last_enqueued_at is not None
        assert digest.last_succeeded_at >= digest.last_enqueued_at
        # Its scheduler was away for some ticks: nobody made up for them.
        edge = digest.last_enqueued_at + timedelta(seconds=3 * TICK_S)
        await waiting.until(lambda: datetime.now(UTC) >= edge, what="three ticks without it")
        await tick(made, desk, 1)
        digest = (await schedules(source))["digest"]
        assert (digest.missed, digest.verdict.code) == (2, "missed")
        assert digest.verdict.why.startswith("2 ticks were missed, the last before ")
        weekly = (await schedules(source))["weekly"]
        assert (weekly.interval_s, weekly.observed_s) == (7 * 86_400.0, None)


async def test_a_cron_of_rq_that_overruns_and_is_there_three_times(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    boots = [cron.CronScheduler(desk.conn, logging_level="CRITICAL") for _ in range(3)]
    for made in boots:
        made.register(rq_jobs.linger, "clock", args=(1.1,), interval=1, name="slow")
    boots[0].register_birth()
    async with sources.build("rq", {"url": redis_url})[0] as source:
        await tick(boots[0], desk, 1)
        slow = (await schedules(source))["slow"]
        assert (slow.overrun, slow.verdict.code) == (1, "overrun")
        for made in boots[1:]:
            made.register_birth()
        slow = (await schedules(source))["slow"]
        assert slow.registered == 3
        names = ", ".join(sorted(made.name for made in boots))
        assert slow.verdict.why == f"registered 3 times, so it runs that often: {names}"


async def test_a_job_of_rq_that_repeats_tells_of_its_runs(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    repeat = rq.Repeat(times=9, interval=1)
    job = desk.queue("clock").enqueue(rq_jobs.send_otp, "all", repeat=repeat)
    desk.run_all("clock")
    async with sources.build("rq", {"url": redis_url})[0] as source:
        for _ in range(2):
            score = desk.conn.zscore("rq:scheduled:clock", job.id)
            await waiting.until(lambda: datetime.now(UTC).timestamp() >= score, what="it is due")  # noqa: B023
            desk.due("clock", job.id)
            desk.run_all("clock")
        (one,) = (await schedules(source)).values()
        assert one.observed_s == pytest.approx(TICK_S, rel=0.9)
        assert one.last_succeeded_at is not None
        assert (one.registered, one.declared) == (1, "every 1 s, 6 more")


async def test_a_call_that_two_jobs_of_rq_repeat_is_there_twice(
    desk: rq_desk.Desk, redis_url: str
) -> None:
    for to in ("all", "all", "some"):
        repeat = rq.Repeat(times=9, interval=60)
        desk.queue("clock").enqueue(rq_jobs.send_otp, to, repeat=repeat)
    desk.run_all("clock")
    async with sources.build("rq", {"url": redis_url})[0] as source:
        found = sorted(s.registered for s in (await schedules(source)).values())
    assert found == [1, 2, 2]


# -- BullMQ


def declare(node: engines.Engine, name: str, every_ms: int, data: Any, **more: Any) -> None:
    """A scheduler, or a repeatable job where there are no schedulers."""
    if node("version", "clock")["version"].startswith(("bullmq:6", "6")):
        template = {"name": "tick", "data": data, "opts": more}
        args = [name, {"every": every_ms}, template]
        node("ask", "clock", method="upsertJobScheduler", args=args, silent=True)
    else:
        node.add("clock", "tick", data, repeat={"every": every_ms}, jobId=name, **more)


async def test_what_bullmqs_schedules_do_is_held_against_what_they_declare(
    node: engines.Engine, redis_url: str
) -> None:
    declare(node, "often", 300, {}, removeOnComplete=3)
    node("crew", "clock", name="one")
    async with sources.build("bullmq", {"url": redis_url})[0] as source:
        (name,) = await waiting.until(lambda: schedules(source), what="the schedule")
        often = await until(source, name, lambda one: (one.observed_s or 0) > 0)
        assert often.interval_s == 0.3
        assert often.observed_s == pytest.approx(0.3, rel=0.05)
        often = await until(source, name, lambda one: one.last_succeeded_at is not None)
        assert often.last_enqueued_at is not None
        assert often.next_at is not None
        assert often.last_enqueued_at < often.next_at
        assert (often.registered, often.overrun, often.verdict.level) == (1, 0, "ok")


async def test_ticks_that_no_worker_of_bullmq_was_there_for_are_missed(
    node: engines.Engine, redis_url: str
) -> None:
    declare(node, "often", 200, {})
    async with sources.build("bullmq", {"url": redis_url})[0] as source:
        (name,) = await waiting.until(lambda: schedules(source), what="the schedule")
        due = (await schedules(source))[name].next_at
        assert due is not None
        edge = due + timedelta(seconds=1)
        await waiting.until(lambda: datetime.now(UTC) >= edge, what="ticks without a worker")
        node("crew", "clock", name="one")
        missed = await until(source, name, lambda one: one.missed > 0)
        assert missed.missed >= 4
        assert missed.verdict.code == "missed"


@six
async def test_a_schedule_of_bullmq_that_overruns_and_is_there_twice(
    node: engines.Engine, redis_url: str
) -> None:
    for name, data in (("a", {"takes_ms": 400}), ("b", {"takes_ms": 400}), ("c", {})):
        declare(node, name, 200, data)
    async with sources.build("bullmq", {"url": redis_url})[0] as source:
        found = await waiting.until(lambda: schedules(source), what="the schedules")
        assert {name: one.registered for name, one in found.items()} == {"a": 2, "b": 2, "c": 1}
        assert found["a"].verdict.why == "registered 2 times, so it runs that often: a, b"
        node("crew", "clock", name="one")
        assert (await until(source, "a", lambda one: one.overrun > 0)).registered == 2


# -- huey


async def test_what_is_declared_to_huey_under_three_names_is_there_three_times(
    redis_url: str,
) -> None:
    every = timedelta(minutes=15)
    with journals.desk(redis_url, "clock") as desk:

        @desk.huey.task(name="sweep")  # type: ignore[untyped-decorator]
        def sweep(*args: object) -> None: ...

        same = [scheduler.Declared(f"boot {n}", "clock", "sweep", every=every) for n in range(3)]
        other = scheduler.Declared("other", "clock", "sweep", every=every, args=("all",))
        made = scheduler.Scheduler(
            {"clock": desk.huey}, [*same, other], owner="one", now=source_base.utc_now
        )
        assert made.tick() == 4
        async with sources.build("huey", {"url": redis_url})[0] as source:
            found = await schedules(source)
    assert {name: one.registered for name, one in found.items()} == {
        "boot 0": 3, "boot 1": 3, "boot 2": 3, "other": 1,
    }  # fmt: skip
    assert "registered 3 times" in found["boot 0"].verdict.why
