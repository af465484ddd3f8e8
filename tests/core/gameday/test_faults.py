"""Every fault breaks a real part, and is taken back whatever has happened."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest
import redis.asyncio
from redis import exceptions

from mrcore import errors
from mrcore.gameday import proxy
from mrcore.gameday.faults import base, clocks, host, links, postgres, processes, queues
from mrcore.gameday.faults import redis as of_redis
from mrcore.journal import keys
from mrcore.mentor import clock, kpi
from mrcore.mentor import queues as mentor_queues
from mrcore.sources import wishes
from mrcore.stack import mentor_names
from tests import servers, upstream, waiting
from tests.core.gameday import stages

IDLE = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state LIKE $2"
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0"


async def _writes(url: str) -> bool:
    """Whether a write is taken, within a fifth of a second."""
    async with redis.asyncio.Redis.from_url(url, socket_timeout=0.2) as client:
        try:
            return bool(await client.set("gameday:canary", "1"))
        except exceptions.RedisError:
            return False


@pytest.mark.parametrize(
    "fault",
    [
        of_redis.Pause(mode="write"),
        of_redis.Configured(name="maxmemory", value="1mb"),
        of_redis.Configured(name="min-replicas-to-write", value="1"),
        of_redis.Busy(),
    ],
    ids=["paused", "oom", "noreplicas", "busy"],
)
async def test_redis_takes_no_writes_and_takes_them_again(
    state: Path, tmp_path: Path, fault: base.Fault
) -> None:
    with servers.valkey(tmp_path / "own", "--busy-reply-threshold", "50") as server:
        url = server.url()
        async with stages.stage(state, redis_url=url) as stage:
            memo = json.loads(json.dumps(await fault.before(stage)))
            assert await _writes(url)
            await fault.inject(stage, memo)
            await waiting.until(lambda: _refused(url), what="a refused write")
            await waiting.until(lambda: _cleaned(fault, stage, memo), what="a clean-up")
        await waiting.until(lambda: _writes(url), what="a write")
        async with stages.stage(state, redis_url=url) as stage:
            await fault.clean(stage, memo)
        assert await _writes(url)


async def _refused(url: str) -> bool:
    return not await _writes(url)


async def _cleaned(fault: base.Fault, stage: base.Stage, memo: base.Memo) -> bool:
    await fault.clean(stage, memo)
    return True


@pytest.mark.parametrize(
    ("fault", "state_like", "count"),
    [
        (postgres.IdleInTransaction(count=2), "idle in transaction", 2),
        (postgres.IdleInTransaction(state="aborted"), "idle in transaction (aborted)", 1),
    ],
    ids=["idle", "aborted"],
)
async def test_transactions_are_left_open(
    state: Path, database: str, fault: base.Fault, state_like: str, count: int
) -> None:
    eye = await asyncpg.connect(database)
    async with stages.stage(state, database) as stage:
        await fault.inject(stage, {})
        assert await eye.fetchval(IDLE, postgres.APP, state_like) == count
        await fault.clean(stage, {})
        await fault.clean(stage, {})
        await waiting.until(lambda: _gone(eye), what="the end of every session")
    await eye.close()


async def _gone(eye: asyncpg.Connection) -> bool:
    return not await eye.fetchval(IDLE, postgres.APP, "%")


async def test_each_waits_for_the_one_before_it(state: Path, database: str) -> None:
    eye = await asyncpg.connect(database)
    fault = postgres.LockChain(length=4)
    async with stages.stage(state, database) as stage:
        await fault.inject(stage, {})
        await waiting.until(lambda: _blocked(eye, 3), what="three who wait")
        await fault.clean(stage, {})
        await waiting.until(lambda: _blocked(eye, 0), what="nobody who waits")
    await eye.close()


async def _blocked(eye: asyncpg.Connection, count: int) -> bool:
    return bool(await eye.fetchval(BLOCKED) == count)


async def test_a_queue_is_paused_and_fills(state: Path, redis_url: str) -> None:
    fault = queues.Pause(queue="emailQueue")
    jobs = queues.Jobs(
        queue="emailQueue", job="sendWelcome", payload={"to": "a@b.c"}, count=3, retries=0
    )
    at = keys.Root().queue("emailQueue")
    async with stages.stage(state, redis_url=redis_url) as stage:
        await fault.inject(stage, {})
        await jobs.inject(stage, {})
        async with stage.arena.redis() as client:
            assert float(await client.get(at.paused)) > 0
        built: Any = queues.producer(stage)["emailQueue"]
        assert isinstance(built, mentor_queues.JobQueue)
        assert len(built) == 3
        await fault.clean(stage, {})
        async with stage.arena.redis() as client:
            assert not await client.exists(at.paused, at.paused_by)
        assert built.dequeue().retries == 0


async def test_a_schedule_is_out_and_comes_back(state: Path, redis_url: str) -> None:
    fault = queues.StaleKpi()
    at = keys.schedule("kpi-dashboard")
    async with stages.stage(state, redis_url=redis_url) as stage, stage.arena.redis() as client:
        await client.hset(at, "declared", "every 15 min")
        await fault.inject(stage, {})
        assert set(await client.hgetall(at)) == {
            "declared", "removed_at", "removed_by", "removed_why",
        }  # fmt: skip
        revision = await client.get(keys.REVISION)
        await fault.clean(stage, {})
        assert set(await client.hgetall(at)) == {"declared"}
        assert await client.get(keys.REVISION) > revision
        assert not await client.exists("mentor:kpi:dashboard")
        await client.set("mentor:kpi:dashboard", "right")
        memo = await fault.before(stage)
        await fault.inject(stage, memo)
        assert "2026-01-01" in str(await client.get("mentor:kpi:dashboard"))
        await fault.clean(stage, memo)
        assert await client.get("mentor:kpi:dashboard") == "right"


async def test_the_way_to_a_service_is_bad_until_it_is_mended(state: Path, database: str) -> None:
    eye = await asyncpg.connect(database)
    await eye.execute("CREATE TABLE sync_configs (id text PRIMARY KEY, base_url text)")
    bad = links.Bad(toxic="reset_peer")
    async with upstream.running(200, {}) as there, stages.stage(state, database) as stage:
        with pytest.raises(errors.StackError, match="no address"):
            await bad.before(stage)
        await eye.execute("INSERT INTO sync_configs VALUES ('mrtest-main', $1)", there.url)
        memo = json.loads(json.dumps(await bad.before(stage)))
        await bad.inject(stage, memo)
        async with httpx.AsyncClient(trust_env=False) as client:
            way = await eye.fetchval("SELECT base_url FROM sync_configs")
            with pytest.raises(httpx.TransportError):
                await client.get(f"{way}/mrtest/v1/account")
            await links.Mended().inject(stage, {})
            assert (await client.get(f"{way}/mrtest/v1/account")).status_code == 200
        await bad.clean(stage, memo)
        assert await eye.fetchval("SELECT base_url FROM sync_configs") == there.url
    await eye.close()


async def test_a_clock_is_wrong_until_it_is_set_and_the_figures_are_those_from_before(
    state: Path, redis_url: str
) -> None:
    async with stages.stage(state, redis_url=redis_url) as stage, stage.arena.redis() as client:
        now = clock.of({"MR_CLOCK_FILE": str(stage.arena.state / mentor_names.CLOCK)})
        await client.set(kpi.DASHBOARD_KEY, "before")
        wrong = clocks.Ahead(by_s=86_400)
        memo = json.loads(json.dumps(await wrong.before(stage)))
        for mend in (clocks.Set().inject, wrong.clean):
            await wrong.inject(stage, memo)
            assert (now() - datetime.now(UTC)).total_seconds() == pytest.approx(86_400, abs=60)
            await client.set(kpi.DASHBOARD_KEY, "of tomorrow")
            await mend(stage, memo)
            assert (now() - datetime.now(UTC)).total_seconds() == pytest.approx(0, abs=60)
        assert await client.get(kpi.DASHBOARD_KEY) == "before"


def _process(state: Path) -> subprocess.Popen[bytes]:
    """A child that is in processes.json as the worker."""
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"])
    rows = {"processes": [{"name": "worker", "pid": child.pid}]}
    state.mkdir(exist_ok=True)
    (state / "processes.json").write_text(json.dumps(rows))
    return child


async def test_a_process_hangs_and_goes_on(state: Path) -> None:
    child = _process(state)
    async with stages.stage(state) as stage:
        fault = processes.Stop(process="worker")
        memo = await fault.before(stage)
        await fault.inject(stage, memo)
        await waiting.until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_STOPPED)
        await fault.clean(stage, memo)
        await fault.clean(stage, memo)
        await waiting.until(lambda: psutil.Process(child.pid).status() != psutil.STATUS_STOPPED)
    child.kill()
    assert child.wait(20) == -signal.SIGKILL


async def test_a_process_is_killed_whenever_it_has_come_back(state: Path) -> None:
    first = _process(state)
    async with stages.stage(state) as stage:
        await processes.Kill(process="worker", again=True).inject(stage, {})
        assert await asyncio.to_thread(first.wait, 20) == -signal.SIGKILL
        second = _process(state)
        assert await asyncio.to_thread(second.wait, 20) == -signal.SIGKILL


async def test_what_was_killed_again_and_again_does_not_keep_the_next_game_day_waiting(
    state: Path,
) -> None:
    """The supervisor is played by the test: its delays are none of these processes' business."""
    state.mkdir(exist_ok=True)

    def says(how: str, pid: int | None) -> None:
        rows = {"processes": [{"name": "worker", "state": how, "pid": pid}]}
        (state / "processes.json").write_text(json.dumps(rows))

    says("backoff", None)
    async with stages.stage(state) as stage:
        where = stage.arena.state
        with where.lock("stack.lock", "taken"):
            task = asyncio.create_task(
                processes.Kill(process="worker", again=True).clean(stage, {})
            )
            wished = state / wishes.FOLDER / "worker"
            await waiting.until(wished.exists, what="a wish")
            assert list(wishes.take(where)) == [wishes.Wish("worker", 0, "gameday")]
            says("ready", 7)
            await task


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")
async def test_a_process_finds_the_disk_full(state: Path) -> None:
    child = _process(state)
    async with stages.stage(state) as stage:
        fault = host.DiskFull(process="worker")
        memo = json.loads(json.dumps(await fault.before(stage)))
        await fault.inject(stage, memo)
        limits = psutil.Process(child.pid).rlimit(resource.RLIMIT_FSIZE)
        assert limits[0] < 10_000
        await fault.clean(stage, memo)
        assert psutil.Process(child.pid).rlimit(resource.RLIMIT_FSIZE) == tuple(memo["limits"])
    os.kill(child.pid, signal.SIGKILL)
    child.wait(20)


async def test_a_link_takes_only_known_toxics() -> None:
    with pytest.raises(ValueError, match="toxic"):
        links.Bad.model_validate({"toxic": "sour"})
    assert proxy.Toxic.of("down", {}).attributes == {}
