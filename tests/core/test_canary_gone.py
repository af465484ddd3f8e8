"""What a canary makes of jobs that are not there any more: removed is not succeeded."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
import redis

from mrcore import sources
from mrcore.acting import canary
from mrcore.model import plans, ref
from mrcore.sources import base as source_base
from tests import servers
from tests.contract import rq_desk
from tests.core import journals
from tests.node import engines

RAVI = plans.By(login="ravi", reason="a test", operation=3)
QUEUE = "mails"


@contextlib.asynccontextmanager
async def retried(kind: str, url: str, ids: Sequence[str]) -> AsyncIterator[Callable[[], Any]]:
    """Jobs that were retried; gives what asks how they fare."""
    async with sources.build(kind, {"url": url, "kind": kind})[0] as source:
        await source.sample()
        refs = tuple(ref.make(kind, "job", QUEUE, one) for one in ids)
        targets = await _targets(source, refs)
        outcomes = await source.apply("queue.retry", targets, {}, RAVI)
        assert {one.outcome for one in outcomes} == {plans.Outcome.DONE}

        async def fared() -> list[str]:
            found = await source.fared("queue.retry", targets)
            assert [one.ref for one in found] == list(refs)
            verdict = canary.Watched(found, 90).verdict(over=True, watch_s=60)
            if "well" not in {one.state for one in found}:
                assert verdict, "the rest follows nothing that went well"
            assert all(bool(one.fingerprint) is (one.state == "failed") for one in found)
            return [one.state for one in found]

        yield fared


async def _targets(source: source_base.Source, refs: tuple[str, ...]) -> list[plans.Target]:
    parts = source.plan("queue.retry", plans.Selection(refs=refs), {}, lambda n, total: None)
    return [part async for part in parts if isinstance(part, plans.Target)]


async def test_of_huey_the_journal_says_how_a_trimmed_job_ended(redis_url: str) -> None:
    with journals.desk(redis_url, QUEUE, keep_completed=0, keep_failed=3) as desk:
        broken = {"all": True}

        @desk.huey.task(name="send")
        def send(n: int) -> None:
            if broken["all"] or n == 9:
                raise OSError(f"550 mailbox {n} unavailable")

        ids = [send(n).id for n in (1, 2, 9)]
        desk.run_all()
        broken["all"] = False
        async with retried("huey", redis_url, ids) as fared:
            assert await fared() == ["pending"] * 3
            desk.run_all()
            assert await fared() == ["well", "well", "failed"]
            desk.conn.delete(desk.keys.job(ids[2]))  # retention trims failed ones, too
            assert await fared() == ["well", "well", "failed"]


async def test_of_huey_a_job_that_somebody_removed_is_gone(redis_url: str) -> None:
    with journals.desk(redis_url, QUEUE, keep_completed=0) as desk:

        @desk.huey.task(name="send")
        def send() -> None:
            raise OSError("550 mailbox unavailable")

        ids = [send().id for _ in range(3)]
        desk.run_all()
        async with retried("huey", redis_url, ids) as fared:
            for one in ids:
                desk.conn.delete(desk.keys.job(one))
            assert await fared() == ["gone"] * 3


async def test_of_bullmq_the_events_say_how_a_job_that_is_gone_ended(
    valkey: servers.Valkey, redis_url: str, node_modules: object
) -> None:
    engine = engines.Engine(valkey.port, db=int(redis_url.rpartition("/")[2]))
    conn: Any = redis.Redis.from_url(redis_url)
    try:
        more = {"removeOnComplete": True}
        ids = [engine.add(QUEUE, "send", {"n": n, "fails": 1}, **more) for n in range(2)]
        ids += [engine.add(QUEUE, "send", {"n": n, "fails": 1}) for n in range(2)]
        ids.append(engine.add(QUEUE, "send", {"fails": -1}))
        engine("run", QUEUE)
        async with retried("bullmq", redis_url, ids) as fared:
            assert await fared() == ["pending"] * 5
            engine("ask", QUEUE, method="remove", args=[ids[2]], silent=True)
            engine("run", QUEUE)
            assert await fared() == ["well", "well", "gone", "well", "failed"]
            for one in ids[3:]:
                engine("ask", QUEUE, method="remove", args=[one], silent=True)
            assert await fared() == ["well", "well", "gone", "well", "failed"]
            conn.delete(f"bull:{QUEUE}:events")
            assert await fared() == ["gone"] * 5
    finally:
        conn.close()
        engine.close()


@pytest.mark.parametrize("removed", [False, True])
async def test_of_rq_what_is_forgotten_is_gone(redis_url: str, removed: bool) -> None:
    with contextlib.closing(rq_desk.Desk(redis_url)) as desk:
        ids = desk.heap(QUEUE, 2)
        async with retried("rq", redis_url, ids) as fared:
            assert await fared() == ["pending"] * 2
            if removed:
                for one in ids:
                    desk.conn.delete(f"rq:job:{one}")
                    desk.conn.lrem(f"rq:queue:{QUEUE}", 0, one)
                assert await fared() == ["gone"] * 2
            else:
                desk.run_all(QUEUE)
                assert await fared() == ["failed"] * 2
