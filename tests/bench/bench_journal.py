"""What the journal costs a job, and what an idle worker costs."""

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

from mrcore import journal
from tests import waiting
from tests.bench import table

pytestmark = pytest.mark.bench

JOBS = 400
ROUNDS = 9
IDLE_S = 10


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
