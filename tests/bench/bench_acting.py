"""Plans of 100,000 targets, 10,000 removed and put back, one retried; and who waits meanwhile.

Everything goes the whole way: the API, a plan with guards, the ledger, chunks, the audit.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from mrcore import client
from mrcore.model import core, plans
from mrcore.sources import base as source_base
from tests import servers, waiting
from tests.bench import blocks, pinger, table
from tests.bench.bench_queues import fill
from tests.core import harness

pytestmark = pytest.mark.bench

MANY, FEWER, DEEP, ONES = 100_000, 10_000, 300, 20
STOP_AT = 20_000
PREFIX = "cache:"


@dataclass(frozen=True)
class Plane:
    """What is acted on: an action, and how to select everything or the first of it."""

    name: str
    action: str
    owner: str
    collection: str
    query: plans.Query

    @property
    def source(self) -> str:
        return self.owner.partition("/")[0]

    @property
    def everything(self) -> plans.Selection:
        return plans.Selection(ref=self.owner, collection=self.collection, query=self.query)


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    """What the tests' tools hold is not the core's garbage to look through."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def jobs(queue: str, action: str) -> Plane:
    failed = plans.Query(state="failed")
    return Plane("huey", action, f"huey/queue/{queue}", "jobs", failed)


def keys(prefix: str) -> Plane:
    return Plane("redis", "key.delete", "redis/node/main", "keys", plans.Query(prefix=prefix))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis with a queue of 100,000 failed jobs, one of 10,000, and as many keys."""
    with servers.valkey(tmp_path_factory.mktemp("acting")) as server:
        pool = redis.ConnectionPool.from_url(server.url())
        fill(pool, "many", MANY)
        fill(pool, "fewer", FEWER)
        fill(pool, "deep", MANY, "waiting")
        conn = redis.Redis(connection_pool=pool)
        for prefix, count in (("cache:", MANY), ("page:", FEWER)):
            for begin in range(0, count, 1_000):
                pipe = conn.pipeline(transaction=False)
                for number in range(begin, begin + 1_000):
                    pipe.hset(f"{prefix}{number}", mapping={"body": "x" * 200, "n": number})
                    pipe.expire(f"{prefix}{number}", 86_400)
                pipe.execute()
        pool.disconnect()
        yield server.url()


@contextlib.asynccontextmanager
async def watched(
    url: str, state: Path
) -> AsyncIterator[tuple[harness.Running, client.CoreClient]]:
    """A core that watches both, and a client of it."""
    tables = {name: {"kind": name, "url": url} for name in ("huey", "redis")}
    limits = {"dangerous_per_minute": 1_000}
    async with (
        harness.running(state, sources=tables, limits=limits) as here,
        here.client() as own,
    ):
        await waiting.until(lambda: _watching(own))
        yield here, own


async def _watching(own: client.CoreClient) -> bool:
    states = {status.name: status.state for status in (await own.sources()).sources}
    return states.get("huey") == states.get("redis") == "watching"


@dataclass
class Lag:
    """How much later than asked for a loop went on, ms."""

    late_ms: list[float] = field(default_factory=list)


@contextlib.asynccontextmanager
async def lagging() -> AsyncIterator[Lag]:
    """Ask the loop for a turn every 2 ms; the core and its client share it here."""
    lag = Lag()

    async def ask() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.002)
            lag.late_ms.append((time.perf_counter() - began) * 1000 - 2)

    task = asyncio.create_task(ask())
    try:
        yield lag
    finally:
        task.cancel()


@dataclass
class Planning:
    """One plan in the making: when it began, first said how far it is, and how far it got."""

    began: float = field(default_factory=time.perf_counter)
    first_s: float | None = None
    looked: int = 0

    def progress(self, looked: int, total: int | None) -> None:
        self.looked = looked
        if looked and self.first_s is None:
            self.first_s = time.perf_counter() - self.began


async def bench_planning(filled: str, tmp_path: Path) -> None:
    async with watched(filled, tmp_path / "core") as (here, own):
        for plane in (jobs("many", "queue.retry"), keys(PREFIX)):
            made = Planning()
            async with lagging() as lag:
                with pinger.pinging(filled) as waits:
                    cpu_s = time.process_time()
                    plan = await own.plan(plane.action, plane.everything, on_progress=made.progress)
                    took_s = time.perf_counter() - made.began
                    cpu_s = time.process_time() - cpu_s
            stopped = await _stopped(here, own, plane)
            with blocks.counting(filled) as longest:
                await own.plan(plane.action, plane.everything)
            table.row(
                f"plan {plane.action} of {plan.total:,} targets: first progress; all; stopped",
                f"{made.first_s or took_s:.2f} s; {took_s:.1f} s ({cpu_s:.1f} s CPU),"
                f" {plan.total / took_s:,.0f} targets/s; {stopped}",
                "",
                f"the core's loop late at most {max(lag.late_ms):.0f} ms; another client of that"
                f" Redis: {waits}; the longest packets by Redis itself: {longest}",
            )


async def _stopped(here: harness.Running, own: client.CoreClient, plane: Plane) -> str:
    """How long after its connection was closed a source plans on, and how far it got."""
    source = here.core.monitor.source(plane.source)
    original, ended, made = source.plan, asyncio.Event(), Planning()

    async def plan(
        action: str, selection: plans.Selection, args: plans.Args, progress: source_base.Progress
    ) -> AsyncIterator[source_base.Planned]:
        try:
            async with contextlib.aclosing(original(action, selection, args, progress)) as items:
                async for item in items:
                    yield item
        finally:
            ended.set()

    source.plan = plan
    try:
        asked = asyncio.create_task(
            own.plan(plane.action, plane.everything, on_progress=made.progress)
        )
        await waiting.until(lambda: made.looked >= STOP_AT, timeout_s=60)
        began = time.perf_counter()
        asked.cancel()
        await ended.wait()
    finally:
        del source.plan
    return f"{(time.perf_counter() - began) * 1000:.0f} ms after the connection was closed"


async def bench_done_and_undone(filled: str, tmp_path: Path) -> None:
    async with watched(filled, tmp_path / "core") as (_, own):
        for plane in (jobs("fewer", "job.remove"), keys("page:")):
            with pinger.pinging(filled) as waits:
                did, done = await _timed(own, plane.action, plane.everything)
                undid, _ = await _timed(own, "undo", plans.Selection(refs=(done.ref,)))
            with blocks.counting(filled) as longest:
                _, done = await _timed(own, plane.action, plane.everything)
                await _timed(own, "undo", plans.Selection(refs=(done.ref,)))
            table.row(
                f"{plane.action} of {done.done:,}, mementos encrypted; undo",
                f"{did}; {undid}",
                "",
                f"another client of that Redis: {waits}",
            )
            table.row(
                f"longest packets meanwhile, by Redis itself ({plane.action} and its undo)",
                str(longest),
                "≤ 50 ms",
            )


async def bench_deep(filled: str, tmp_path: Path) -> None:
    """Jobs that wait in the middle of a long queue: huey's list knows no ids."""
    some = range(MANY // 2, MANY // 2 + DEEP)
    middle = plans.Selection(refs=tuple(f"huey/job/deep/job-{number}" for number in some))
    async with watched(filled, tmp_path / "core") as (_, own):
        with pinger.pinging(filled) as waits, blocks.counting(filled) as longest:
            did, done = await _timed(own, "job.remove", middle)
            undid, _ = await _timed(own, "undo", plans.Selection(refs=(done.ref,)))
    table.row(
        f"job.remove of {DEEP} in the middle of {MANY:,} that wait; undo; longest packets by Redis",
        f"{did}; {undid}; {longest}",
        "≤ 50 ms",
        f"another client of that Redis: {waits}",
    )


async def _timed(
    own: client.CoreClient, action: str, selection: plans.Selection
) -> tuple[str, core.Operation]:
    """Plan, apply and wait for the end: how long, and what became of it."""
    began, cpu_s = time.perf_counter(), time.process_time()
    plan = await own.plan(action, selection)
    planned_s = time.perf_counter() - began
    operation = await own.apply(plan.plan_id, reason="bench")
    ended = await waiting.until(lambda: _ended(own, operation.ref), timeout_s=120)
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
    assert ended.done == plan.total, ended
    return f"{took_s:.1f} s (plan {planned_s:.1f} s, CPU {cpu_s:.1f} s)", ended


async def _ended(own: client.CoreClient, ref: str) -> core.Operation | None:
    entity = (await own.detail(ref)).entity
    assert isinstance(entity, core.Operation)
    return entity if entity.finished_at else None


async def bench_one(filled: str, tmp_path: Path) -> None:
    """What a person waits for after the key that retries one job."""
    plane = jobs("many", "queue.retry")
    planned, applied, ended = [], [], []
    async with watched(filled, tmp_path / "core") as (_, own):
        page = await own.page(plane.owner, plane.collection, plane.query)
        for row in page.rows[:ONES]:
            began = time.perf_counter()
            plan = await own.plan(plane.action, plans.Selection(refs=(row.ref,)))
            planned.append((time.perf_counter() - began) * 1000)
            operation = await own.apply(plan.plan_id)
            applied.append((time.perf_counter() - began) * 1000)
            await waiting.until(lambda ref=operation.ref: _ended(own, ref))
            ended.append((time.perf_counter() - began) * 1000)
    table.row(
        "retry one job: planned; intent on the disk; seen to have ended (median)",
        "; ".join(f"{statistics.median(some):.0f} ms" for some in (planned, applied, ended)),
        "",
        "five commits, each on the disk before it goes on",
    )
