"""What the journal costs a job, what an idle worker costs, and how fast many jobs are shown."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import huey
import psutil
import pytest
import redis

from mrcore import journal, sources
from mrcore.model import plans
from tests import waiting
from tests.bench import table

pytestmark = pytest.mark.bench

JOBS = 400
ROUNDS = 9
FAILED = 100_000
RETRIED = 10_000
IDLE_S = 10
FAILURE = "OSError: 535 5.7.8 BadCredentials"


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


class Bare:
    """huey as it comes: its enqueue, its BRPOP, its execute."""

    def __init__(self, pool: redis.ConnectionPool, name: str) -> None:
        self.huey: Any = huey.RedisHuey(name, connection_pool=pool, results=False)

        @self.huey.task(name="work")
        def work(to: str, work_s: float = 0.0) -> None:
            if work_s:
                threading.Event().wait(work_s)

        self.work = work

    def ms_a_job(self, jobs: int, work_s: float = 0.0) -> float:
        """Enqueue and run them; median milliseconds of wall for each."""
        enqueue = [_ms(lambda: self.work("asha@example.org", work_s)) for _ in range(jobs)]
        run = [_ms(lambda: self.huey.execute(self.huey.dequeue())) for _ in range(jobs)]
        return statistics.median(enqueue) + statistics.median(run)


class Watched(Bare):
    """The same with a journal."""

    def __init__(self, pool: redis.ConnectionPool, name: str) -> None:
        super().__init__(pool, name)
        journal.watch(self.huey, keep_completed=200)


def bench_journal_overhead(redis_url: str) -> None:
    with contextlib.closing(redis.ConnectionPool.from_url(redis_url)) as pool:
        bare, watched = Bare(pool, "bare"), Watched(pool, "watched")
        empty = [(bare.ms_a_job(JOBS), watched.ms_a_job(JOBS)) for _ in range(ROUNDS)]
        five = [(bare.ms_a_job(40, 0.005), watched.ms_a_job(40, 0.005)) for _ in range(ROUNDS)]
        journal.of(watched.huey).heart.stop()
    more = min(w for _, w in empty) - min(b for b, _ in empty)
    share = (min(w for _, w in five) / min(b for b, _ in five) - 1) * 100
    table.row(
        "huey journal",
        f"{more:.2f} ms a job, {share:.0f} % of a job of 5 ms",
        "≤ 0.5 ms, ≤ 15 %",
        f"huey alone {min(b for b, _ in empty):.2f} ms for enqueue and run",
    )


def fill(conn: Any, names: list[str], failed: int) -> None:
    """Queues as the journal would leave them, the first with many failed jobs."""
    for name in names:
        made: Any = huey.RedisHuey(name, connection_pool=conn.connection_pool)
        book = journal.watch(made, keep_failed=None)

        @made.task(name="send")
        def send(to: str) -> None: ...

        keys = book.place.queue
        conn.sadd(keys.root.queues, name)
        conn.hset(keys.meta, mapping=book.meta())
        pipe = conn.pipeline(transaction=False)
        count = failed if name == names[0] else 50
        for n in range(count):
            task = send.task_class((f"user{n}@example.org",), id=f"job-{n}")
            at = 1_700_000_000 + n
            pipe.hset(
                keys.job(task.id),
                mapping={
                    **{
                        k: v
                        for k, v in book.pen.described(made._registry.create_message(task)).items()
                        if v is not None
                    },
                    "state": "failed",
                    "attempts": 1,
                    "enqueued_at": at,
                    "finished_at": at,
                    "error": FAILURE,
                    "message": made.serialize_task(task),
                },
            )
            pipe.zadd(keys.state("failed"), {task.id: at})
            if n % 2_000 == 1_999:
                pipe.execute()
        pipe.execute()


async def bench_many_jobs(redis_url: str) -> None:
    names = [f"queue{n}" for n in range(20)]
    with contextlib.closing(redis.ConnectionPool.from_url(redis_url)) as pool:
        fill(redis.Redis(connection_pool=pool), names, FAILED)
        async with sources.build("huey", {"url": redis_url})[0] as source:
            await source.sample()
            looks, firsts = [], []
            first = plans.Query(state="failed", limit=100)
            for _ in range(40):
                began = time.perf_counter()
                await source.sample()
                looks.append((time.perf_counter() - began) * 1000)
                began = time.perf_counter()
                await source.page("huey/queue/queue0", "jobs", first, None, 0)
                firsts.append((time.perf_counter() - began) * 1000)
            table.row(
                "20 huey queues, one with 100k failed: overview; first page",
                f"{table.p95(looks):.1f} ms; {table.p95(firsts):.1f} ms p95",
                "≤ 25 ms; ≤ 100 ms",
            )
            began = time.perf_counter()
            selection = plans.Selection(
                ref="huey/queue/queue0", collection="jobs", query=plans.Query(state="failed")
            )
            targets = []
            async for one in source.plan("queue.retry", selection, {}, lambda done, total: None):
                if isinstance(one, plans.Target):
                    targets.append(one)
                if len(targets) == RETRIED:
                    break
            planned_s = time.perf_counter() - began
            began, done = time.perf_counter(), 0
            for start in range(0, RETRIED, 500):
                chunk = targets[start : start + 500]
                outcomes = await source.apply("queue.retry", chunk, {})
                done += sum(o.outcome is plans.Outcome.DONE for o in outcomes)
            applied_s = time.perf_counter() - began
    table.row(
        "retry 10k failed huey jobs, without the door",
        f"plan {planned_s:.1f} s, apply {applied_s:.1f} s ({done:,} done)",
        "≤ 3 s with plan, guards, audit",
        "Bull Board 1.1–1.8 s without any of it",
    )


async def bench_idle_worker(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = urlsplit(redis_url)
    monkeypatch.setenv("REDIS_HOST", str(parts.hostname))
    monkeypatch.setenv("REDIS_PORT", str(parts.port))
    monkeypatch.setenv("REDIS_DB", parts.path.removeprefix("/"))
    argv = [sys.executable, "-m", "mrcore", "worker", "--schedules", ""]
    with contextlib.closing(redis.Redis.from_url(redis_url)) as conn:
        child = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        try:
            await waiting.until(lambda: conn.hlen("mr:journal:workers"))
            process = psutil.Process(child.pid)
            process.cpu_percent()
            await asyncio.sleep(IDLE_S)
            cpu = process.cpu_percent()
            rss = process.memory_info().rss / 2**20
            used = [c for c in conn.client_list() if c["db"] == parts.path.removeprefix("/")]
        finally:
            child.terminate()
            child.wait(30)
    table.row(
        "idle worker, 21 queues",
        f"{cpu:.1f} % of a core, {len(used) - 1} connections, {rss:.0f} MB",
        "≤ 2 %",
    )
