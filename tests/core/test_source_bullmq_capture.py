"""Runs of BullMQ that have ended are captured, also where nothing but their events is left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from mrcore import errors
from mrcore.model import queue
from mrcore.sources import base as source_base
from mrcore.sources import bullmq, honest
from mrcore.sources.bullmq import capturing
from tests import servers, waiting
from tests.node import engines


@pytest.fixture(params=["bullmq", "bullmq3"])
def engine(
    request: pytest.FixtureRequest, valkey: servers.Valkey, redis_url: str, node_modules: object
) -> Iterator[engines.Engine]:
    """The newest and the oldest layout over this test's Redis database."""
    db = int(redis_url.rpartition("/")[2])
    made = engines.Engine(valkey.port, db=db, module=request.param)
    yield made
    made.close()


def source(url: str, *queues: str) -> source_base.Source:
    settings = bullmq.Settings(url=SecretStr(url), queues=queues)
    return bullmq.open_source("bullmq", settings, now=source_base.utc_now)


async def captured(of: source_base.Source, least: int) -> list[queue.Captured]:
    """What the next samples have, until it is that much."""
    found: list[queue.Captured] = []

    async def enough() -> bool:
        sample = await of.sample()
        assert honest.check("bullmq", sample, source_base.utc_now()) is sample
        found.extend(sample.captured)
        return len(found) >= least

    await waiting.until(enough, what=f"{least} runs")
    return found


async def test_runs_are_captured_whole_and_without_a_hash_from_their_events(
    engine: engines.Engine, redis_url: str
) -> None:
    ids = {
        "kept": engine.add("life", "send", {"n": 1}),
        "gone": engine.add("life", "sendOtp", {"n": 2}, removeOnComplete=True),
        "failed": engine.add("life", "send", {"n": 3, "fails": -1}, attempts=2),
        "failed gone": engine.add("life", "sendBad", {"n": 4, "fails": -1}, removeOnFail=True),
    }
    async with source(redis_url) as of:
        engine("run", "life")
        found = {one.id: one for one in await captured(of, 4)}
        assert set(found) == set(ids.values())
        kept, gone, failed, lost = (found[ids[name]] for name in ids)
        job = engine("job", "life", id=kept.id)
        assert (kept.name, kept.state, kept.attempts) == ("send", "completed", 1)
        assert kept.finished_at.timestamp() * 1000 == pytest.approx(job["finishedOn"], abs=1)
        assert (gone.name, gone.state, gone.attempts) == ("sendOtp", "completed", 1)
        assert (failed.name, failed.state, failed.attempts) == ("send", "failed", 2)
        said = engine("job", "life", id=failed.id)
        assert failed.error == said["failedReason"]
        assert failed.trace == said["stacktrace"][-1]
        assert failed.fingerprint
        assert (lost.name, lost.state, lost.attempts) == ("sendBad", "failed", 1)
        assert lost.error
        for one in found.values():
            assert one.ref == f"bullmq/job/life/{one.id}"
            assert one.enqueued_at is not None
            assert one.started_at is not None
            assert one.enqueued_at <= one.started_at <= one.finished_at
        assert (await of.sample()).captured == (), "once"


async def test_events_that_were_trimmed_unread_are_said(
    engine: engines.Engine, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LEAST", "PORTION", "MOST"):
        monkeypatch.setattr(capturing, name, 5)
    conn: Any = redis.Redis.from_url(redis_url)
    with conn:
        async with source(redis_url) as of:
            for n in range(4):
                engine.add("life", "send", {"n": n})
            engine("run", "life")
            assert 1 <= len(await captured(of, 1)) < 4
            conn.xtrim("bull:life:events", maxlen=3, approximate=False)
            await of.sample()
            (said,) = [s for s in of.describe().capabilities if "trimmed unseen" in s]
            assert said.startswith("runs of life were trimmed unseen before ")


async def test_attempts_that_fail_and_go_again_are_a_storm(
    engine: engines.Engine, redis_url: str
) -> None:
    clock = [source_base.utc_now()]
    settings = bullmq.Settings(url=SecretStr(redis_url), queues=("life",))
    engine.add("life", "send", {"fails": -1}, attempts=30)
    engine("run", "life")  # before anybody looked: that is past
    async with bullmq.open_source("bullmq", settings, now=lambda: clock[0]) as of:
        codes = []
        for later_s in (0, 20, 20):
            clock[0] += timedelta(seconds=later_s)
            found = (await of.sample()).entities
            codes += [one.verdict.code for one in found if isinstance(one, queue.Queue)]
            engine.add("life", "send", {"fails": -1}, attempts=60)
            engine("run", "life")
            await of.sample()  # its events are read behind its figures
        assert codes == ["failing", "retry_storm", "retry_storm"]


def told(conn: Any, name: str, ids: range) -> None:
    """What BullMQ writes of jobs that run and are removed, trimmed as it trims."""
    with conn.pipeline(transaction=False) as pipe:
        pipe.hset(f"bull:{name}:meta", "version", "bullmq:6.7.0")
        for number in ids:
            for event in ("added", "waiting", "active", "completed"):
                fields = {"event": event, "jobId": str(number), "name": "send"}
                pipe.xadd(f"bull:{name}:events", fields, maxlen=10_000)
        pipe.execute()


async def test_a_busy_queue_is_read_to_its_end_among_many_quiet_ones(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capturing, "BUDGET_S", 60.0)  # however slow this machine is
    names = [f"quiet-{n}" for n in range(19)]
    conn: Any = redis.Redis.from_url(redis_url)
    with conn:
        for name in names:
            told(conn, name, range(1))
        async with source(redis_url, *names, "busy") as of:
            kept: set[str] = set()
            for n in range(30):
                told(conn, "busy", range(100 * n, 100 * n + 100))
                found = (await of.sample()).captured
                kept |= {one.id for one in found if one.queue == "busy"}
                assert not [said for said in of.describe().capabilities if "runs of" in said]
            assert len(kept) == 3_000


async def test_a_queue_that_is_read_late_is_said_before_anything_is_lost(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capturing, "MOST", 300)
    monkeypatch.setattr(capturing, "PORTION", 100)
    monkeypatch.setattr(capturing, "BUDGET_S", 60.0)
    conn: Any = redis.Redis.from_url(redis_url)
    with conn:
        told(conn, "busy", range(200))
        async with source(redis_url, "busy", "quiet") as of:
            kept, late = 0, []
            while kept < 200:
                sample = await of.sample()
                assert 0 < len(sample.captured) <= 100
                kept += len(sample.captured)
                late.append([said for said in of.describe().capabilities if "runs of" in said])
        assert [len(said) for said in late] == [1] * (len(late) - 1) + [0]
        assert late[0][0].startswith("runs of busy are read late: ")


async def test_ends_that_were_read_are_kept_when_redis_goes_away_before_their_hashes(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    conn: Any = redis.Redis.from_url(redis_url)
    with conn:
        told(conn, "busy", range(5))
        async with source(redis_url, "busy") as of:
            asked = capturing.asking.ask

            async def away(client: Any, *commands: Any) -> Any:
                if commands and commands[0][0] == "HMGET" and "stacktrace" in commands[0]:
                    raise errors.Unreachable("Redis went away.")
                return await asked(client, *commands)

            monkeypatch.setattr(capturing.asking, "ask", away)
            with pytest.raises(errors.Unreachable):
                await of.sample()
            monkeypatch.setattr(capturing.asking, "ask", asked)
            assert [one.id for one in (await of.sample()).captured] == list("01234")
            assert (await of.sample()).captured == ()


async def test_more_runs_than_a_sample_may_have_come_with_the_next_ones(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capturing, "BUDGET_S", 60.0)
    conn: Any = redis.Redis.from_url(redis_url)
    names = [f"q{n}" for n in range(6)]
    with conn:
        with conn.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hset(f"bull:{name}:meta", "version", "bullmq:6.7.0")
                for n in range(1_000):
                    pipe.xadd(f"bull:{name}:events", {"event": "completed", "jobId": str(n)})
            pipe.execute()
        async with source(redis_url, *names) as of:
            assert len({one.ref for one in await captured(of, 6_000)}) == 6_000
