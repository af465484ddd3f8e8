"""20 RQ queues, one with 100,000 failed jobs: overview, page, groups, and a retry of 10,000.

The retry goes the whole way (plan with guards, ledger, chunks, audit), beside `rq requeue --all`.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrcore import client, sources
from mrcore.model import base, core, plans
from mrcore.sources import base as source_base
from mrcore.sources import rq as rq_source
from tests import servers, waiting
from tests.bench import bench_queues, pinger, table
from tests.contract import rq_desk
from tests.core import harness

pytestmark = pytest.mark.bench

NAMES = [f"queue{n}" for n in range(20)]
FIRST, SECOND, THIRD = (f"rq/queue/{name}" for name in NAMES[:3])
FAILED, RETRIED, FEW, LOOKS, DEEP = 100_000, 10_000, 50, 60, 1_000_000
SIZES = {NAMES[0]: FAILED, NAMES[1]: RETRIED, NAMES[2]: RETRIED}
QUERY = plans.Query(state="failed")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis with these queues."""
    with servers.valkey(tmp_path_factory.mktemp("rq")) as server:
        with contextlib.closing(rq_desk.Desk(server.url())) as desk:
            for name in NAMES:
                desk.heap(name, SIZES.get(name, FEW))
        pinger.prefer(server.pid)
        yield server.url()


async def bench_overview(filled: str) -> None:
    with pinger.pinging(filled) as busy:
        async with sources.build("rq", {"url": filled})[0] as source:
            await source.sample()
            overview = await _p95(source, "sample")
            with bench_queues.crowd(filled):
                amid = await _p95(source, "sample")
            first = await _p95(source, "page")
            assert isinstance(source, rq_source.Rq)
            await source.tail.settled()
            began, spent = time.perf_counter(), time.process_time()
            page = await source.page(FIRST, "groups", plans.Query(), None, 0)
            soon = (time.perf_counter() - began) * 1000
            while page.looked.scanned < 10_000:
                page = await source.page(FIRST, "groups", plans.Query(), page.cursor, 1)
            whole = (time.perf_counter() - began) * 1000
            cpu = (time.process_time() - spent) * 1000
            began = time.perf_counter()
            await source.page(FIRST, "groups", plans.Query(), None, 0)
            again = (time.perf_counter() - began) * 1000
    table.row(
        "20 RQ queues, one with 100k failed (p95): overview; with 1,000 other clients; first page",
        f"{overview}; {amid}; {first}",
        "≤ 25 ms; ≤ 25 ms; ≤ 100 ms",
        f"another client of that Redis waited {busy}",
    )
    table.row(
        "newest 10k of 100k failed RQ jobs, grouped: first answer; all; asked again",
        f"{soon:.0f} ms; {whole:.0f} ms ({cpu:.0f} ms of CPU); {again:.0f} ms",
        "≤ 250 ms; ≤ 500 ms; —",
        "nothing else groups them",
    )


async def _p95(source: source_base.Source, what: str) -> str:
    """With the CPU time of this process beside: the machine may have others on it."""
    times, spent = [], time.process_time()
    for _ in range(LOOKS):
        began = time.perf_counter()
        if what == "sample":
            await source.sample()
        else:
            await source.page(FIRST, "jobs", QUERY, None, 0)
        times.append((time.perf_counter() - began) * 1000)
    cpu = (time.process_time() - spent) * 1000 / LOOKS
    return f"{table.p95(times):.1f} ms ({cpu:.1f} ms of CPU)"


async def bench_retry(filled: str, tmp_path: Path) -> None:
    tables = {"rq": {"kind": "rq", "url": filled}}
    with pinger.pinging(filled) as busy:
        async with harness.running(tmp_path / "core", sources=tables) as here, here.client() as own:
            await waiting.until(lambda: _watching(own))
            selection = plans.Selection(ref=SECOND, collection="jobs", query=QUERY)
            took = await _retried(own, selection)
    with contextlib.closing(rq_desk.Desk(filled)) as desk:
        queued, failed = desk.ids(NAMES[1], "queued"), desk.ids(NAMES[1], "failed")
    assert len(set(queued)) == len(queued) == RETRIED
    assert not failed
    argv = [sys.executable, "-m", "rq.cli", "requeue", "--all", "-u", filled, "--queue", NAMES[2]]
    began = time.perf_counter()
    await asyncio.to_thread(subprocess.run, argv, check=True, capture_output=True)
    theirs = time.perf_counter() - began
    table.row(
        "retry 10k failed RQ jobs with plan, guards, ledger, audit",
        took,
        "≤ 8 s",
        f"rq requeue --all, without any of it: {theirs:.1f} s",
    )
    table.row("longest that another client of that Redis waits meanwhile", str(busy), "≤ 50 ms")


async def bench_deep(tmp_path: Path) -> None:
    with servers.valkey(tmp_path) as server:
        with contextlib.closing(rq_desk.Desk(server.url())) as desk:
            ids = [desk.send(NAMES[0]) for _ in range(3)]
            key = desk.queue(NAMES[0]).key
            pipe = desk.conn.pipeline(transaction=False)
            for start in range(0, DEEP, 10_000):
                pipe.rpush(key, *(f"{number:036d}" for number in range(start, start + 10_000)))
            pipe.execute()
            desk.conn.rpoplpush(key, key)
            desk.conn.rpush(key, desk.conn.lpop(key))
        refs = tuple(f"rq/job/{NAMES[0]}/{job_id}" for job_id in ids)
        with pinger.pinging(server.url()) as removing:
            await _did(server.url(), "job.remove", plans.Selection(refs=refs))
    table.row(
        "1,000,000 waiting RQ jobs: another client waits while some are removed",
        str(removing),
        "≤ 50 ms",
    )


async def _did(url: str, action: base.ActionId, selection: plans.Selection) -> None:
    """Plan, apply and undo."""
    async with sources.build("rq", {"url": url})[0] as source:
        parts = source.plan(action, selection, {}, lambda done, total: None)
        targets = [part async for part in parts if isinstance(part, plans.Target)]
        by = plans.By(login="bench", operation=1)
        outcomes = await source.apply(action, targets, {}, by)
        pairs = zip(targets, outcomes, strict=True)
        done = [plans.Undoable(target=t, memento=o.memento or {}) for t, o in pairs]
        await source.undo(action, done, by)


async def _retried(own: client.CoreClient, selection: plans.Selection) -> str:
    """Plan, apply and wait for the end."""
    began = time.perf_counter()
    plan = await own.plan("queue.retry", selection)
    planned_s = time.perf_counter() - began
    operation = await own.apply(plan.plan_id, reason="bench")
    ended = await waiting.until(lambda: _ended(own, operation.ref), timeout_s=120)
    took_s = time.perf_counter() - began
    return f"{took_s:.1f} s (plan {planned_s:.1f} s, {ended.done:,} done)"


async def _watching(own: client.CoreClient) -> bool:
    status = {s.name: s.state for s in (await own.sources()).sources}
    return status.get("rq") == "watching"


async def _ended(own: client.CoreClient, ref: str) -> core.Operation | None:
    entity = (await own.detail(ref)).entity
    assert isinstance(entity, core.Operation)
    return entity if entity.finished_at else None
