"""10,000 failed jobs of huey, RQ and BullMQ retried in one run, beside what one would use instead.

Ours go the whole way: a plan with guards, the ledger, chunks, the audit. The others do without.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from mrcore import client
from mrcore.model import base, core, plans, ref
from tests import servers, waiting
from tests.bench import bench_queues, millions, pinger, table
from tests.contract import bull_jobs, rq_desk
from tests.core import harness
from tests.node import boards

pytestmark = pytest.mark.bench

RETRIED, THROUGH = 10_000, 2_000
OURS, THEIRS = "ours", "theirs"
BUDGETS = {"huey": "≤ 3 s", "rq": "≤ 8 s", "bullmq": "≤ 2 s"}
PICKED, PICKED_BUDGET = "picked", "≤ 5 s"


async def bench_retries(tmp_path: Path) -> None:
    with servers.valkey(tmp_path / "valkey") as server:
        url = server.url()
        with contextlib.closing(redis.ConnectionPool.from_url(url)) as pool:
            bench_queues.fill(pool, OURS, RETRIED)
        with contextlib.closing(rq_desk.Desk(url)) as desk:
            for name in (OURS, THEIRS):
                desk.heap(name, RETRIED)
                millions.bull(desk.conn, name, "failed", 1, RETRIED)
            millions.bull(desk.conn, PICKED, "failed", 1, RETRIED)
        pinger.prefer(server.pid)
        took = await _ours(url, tmp_path / "core")
        picked = took.pop(PICKED)
        beside = {
            "huey": "nothing else retries them",
            "rq": f"rq requeue --all: {await asyncio.to_thread(_requeue, url):.1f} s",
            "bullmq": await asyncio.to_thread(_board, tmp_path, server.port, url),
        }
    load = f"load {os.getloadavg()[0]:.1f}"
    for engine, words in took.items():
        what = f"retry 10k failed {engine} jobs with plan, guards, ledger, audit"
        table.row(what, words, BUDGETS[engine], f"{beside[engine]}; {load}")
    what = "the same 10k of bullmq by targets, each named in the selection"
    table.row(what, picked, PICKED_BUDGET, load)


async def _ours(url: str, state: Path) -> dict[str, str]:
    """The whole state of each queue, one after the other, through one core; and jobs by refs."""
    tables = {engine: {"kind": engine, "url": url} for engine in BUDGETS}
    query = plans.Query(state="failed")
    took = {}
    async with harness.running(state, sources=tables) as here, here.client() as own:
        for engine in BUDGETS:
            owner = ref.make(engine, "queue", OURS)
            await waiting.until(lambda: _there(own, owner))  # noqa: B023 (called at once)
            whole = plans.Selection(ref=owner, collection="jobs", query=query)
            took[engine] = await _retried(own, url, whole)
        refs = await _refs(own, ref.make("bullmq", "queue", PICKED))
        took[PICKED] = await _retried(own, url, plans.Selection(refs=refs))
    return took


async def _retried(own: client.CoreClient, url: str, selection: plans.Selection) -> str:
    """Plan, apply and wait for the end."""
    with pinger.pinging(url) as waits:
        began, used_s = time.perf_counter(), time.process_time()
        plan = await own.plan("queue.retry", selection)
        planned_s = time.perf_counter() - began
        operation = await own.apply(plan.plan_id, reason="bench")
        ended = await waiting.until(lambda: _ended(own, operation.ref), timeout_s=120)
        took_s = time.perf_counter() - began
        used_s = time.process_time() - used_s
    assert ended is not None
    assert ended.done == RETRIED
    of_it = f"plan {planned_s:.1f} s; {used_s:.1f} s of a core"
    return f"{took_s:.1f} s ({of_it}); others waited {waits}"


async def _refs(own: client.CoreClient, owner: base.Ref) -> tuple[base.Ref, ...]:
    """All failed jobs of it, page by page, as somebody marks them."""
    found: list[base.Ref] = []
    cursor, query = None, plans.Query(state="failed", limit=300)
    while True:
        page = await own.page(owner, "jobs", query, cursor)
        found += [row.ref for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            return tuple(found)


async def bench_retries_through_a_board(tmp_path: Path) -> None:
    """Job by job, and what the board's own process lets another request wait meanwhile."""
    with servers.valkey(tmp_path / "valkey") as server:
        with contextlib.closing(redis.Redis(port=server.port)) as conn:
            millions.bull(conn, OURS, "failed", 1, THROUGH)
        board = boards.Board(tmp_path, server.port, [OURS])
        try:
            board.server.start()
            owner = ref.make("bullboard", "queue", OURS)
            tables = {"bullboard": board.table()}
            async with (
                harness.running(tmp_path / "core", sources=tables) as here,
                here.client() as own,
            ):
                await waiting.until(lambda: _there(own, owner))
                query = plans.Query(state="failed")
                whole = plans.Selection(ref=owner, collection="jobs", query=query)
                with _asking(f"{board.origin}/ready") as waits_ms:
                    began, used_s = time.perf_counter(), time.process_time()
                    plan = await own.plan("queue.retry", whole)
                    operation = await own.apply(plan.plan_id, reason="bench")
                    ended = await waiting.until(lambda: _ended(own, operation.ref), timeout_s=120)
                    took_s = time.perf_counter() - began
                    used_s = time.process_time() - used_s
        finally:
            board.server.close()
    assert ended is not None
    assert ended.done == THROUGH
    words = f"{took_s:.1f} s ({used_s:.1f} s of a core)"
    waited = f"others of its process waited p95 {table.p95(waits_ms):.0f}, at most"
    beside = f"{waited} {max(waits_ms):.0f} ms; load {os.getloadavg()[0]:.1f}"
    table.row("retry 2k failed jobs through a Bull Board, one by one", words, "", beside)


@contextlib.contextmanager
def _asking(url: str) -> Iterator[list[float]]:
    """Asks for a page of the same process every 20 ms; how long each took, ms."""
    waits_ms: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.02):
            began = time.perf_counter()
            urllib.request.urlopen(url).close()
            waits_ms.append((time.perf_counter() - began) * 1000)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits_ms
    finally:
        over.set()
        thread.join()


async def _there(own: client.CoreClient, owner: str) -> bool:
    live = await own.live()
    return any(one.ref == owner for source in live.sources for one in source.upserts)


async def _ended(own: client.CoreClient, of: str) -> core.Operation | None:
    entity = (await own.detail(of)).entity
    assert isinstance(entity, core.Operation)
    return entity if entity.finished_at else None


def _requeue(url: str) -> float:
    argv = [sys.executable, "-m", "rq.cli", "requeue", "--all", "-u", url, "--queue", THEIRS]
    began = time.perf_counter()
    subprocess.run(argv, check=True, capture_output=True)
    return time.perf_counter() - began


def _board(folder: Path, port: int, url: str) -> str:
    """Bull Board 9's retry-all, and how long it lets another client wait."""
    board = boards.Board(folder, port, [THEIRS])
    try:
        board.server.start()
        where = f"{board.origin}/admin/queues/api/queues/{THEIRS}/retry/failed"
        request = urllib.request.Request(where, method="PUT")
        login = base64.b64encode(f"{boards.USER}:{servers.PASSWORD}".encode()).decode()
        request.add_header("Authorization", f"Basic {login}")
        with pinger.pinging(url) as waits:
            began = time.perf_counter()
            urllib.request.urlopen(request).close()
            took_s = time.perf_counter() - began
    finally:
        board.server.close()
    with contextlib.closing(redis.Redis.from_url(url)) as conn:
        assert len(bull_jobs.Desk(conn).ids(THEIRS, "wait")) == RETRIED
    return f"Bull Board 9 retry-all: {took_s:.1f} s, others waited {waits}"
