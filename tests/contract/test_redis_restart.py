"""Redis is killed in the middle of huey's jobs and starts again: none is lost, or runs silently."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
import redis

from mrcore import sources
from mrcore.journal import keys, record
from mrcore.model import queue
from tests import restartable, waiting
from tests.core import test_worker, worker_app

JOBS = 150


@pytest.mark.proof
@pytest.mark.timeout(240)
async def test_the_journal_survives_a_restart_of_redis(tmp_path: Path) -> None:
    server = restartable.Valkey(tmp_path, durable=True)
    server.start()
    try:
        with contextlib.closing(redis.ConnectionPool.from_url(server.url())) as pool:
            await life(server, pool)
    finally:
        server.close()


async def life(server: restartable.Valkey, pool: redis.ConnectionPool) -> None:
    conn: Any = redis.Redis(connection_pool=pool)
    hueys = worker_app.hueys(pool)
    sent = {}
    for n in range(JOBS):
        name = worker_app.NAMES[n % len(worker_app.NAMES)]
        note = next(t for n, t in hueys[name]._registry._registry.items() if n.endswith("note"))
        task = note((f"ran:{n}",), {})
        hueys[name].enqueue(task)
        sent[task.id] = (name, n)

    def ended() -> int:
        queues = [keys.Root().queue(name) for name in worker_app.NAMES]
        return sum(conn.zcard(q.state(s)) for q in queues for s in ("completed", "failed"))

    def ran(n: int) -> int:
        return int(conn.get(f"ran:{n}") or 0)

    with test_worker.running(server.url(), "--schedules", "") as worker:
        await waiting.until(lambda: ended() >= JOBS // 10, what="the first jobs")
        server.kill()
        pool.disconnect()
        server.spawn()
        await asyncio.to_thread(server.wait)
        assert ended() < JOBS, "it was killed in the middle"
        assert worker.child.poll() is None, "the worker waits for it"
        await waiting.until(lambda: ended() >= JOBS, timeout_s=60, what="every job")
        for job_id, (name, n) in sent.items():
            job = record.whole(job_id, conn.hgetall(keys.Root().queue(name).job(job_id)))
            assert job is not None, "a job is lost"
            # One whose own call to Redis broke has failed, and says so.
            assert job.state == "completed" or "ConnectionError" in job.error, job
            least = int(job.state == "completed")
            assert least <= ran(n) <= len(job.attempt), "it ran twice in silence"
        async with sources.build("huey", {"url": server.url()})[0] as source:
            queues = [e for e in (await source.sample()).entities if isinstance(e, queue.Queue)]
            assert sum(q.counts.completed + q.counts.failed for q in queues) == JOBS
            assert not any(q.counts.waiting or q.counts.active for q in queues)
