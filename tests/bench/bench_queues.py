"""20 huey queues, one with 100,000 failed jobs: overview, first page, a retry of 10,000.

The retry goes the whole way: a plan with guards, the ledger, chunks of 500, the audit.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huey
import pytest
import redis

from mrcore import client, journal, sources
from mrcore.journal import record
from mrcore.model import core, plans
from mrcore.sources import base as source_base
from tests import servers, waiting
from tests.bench import pinger, table
from tests.core import harness

pytestmark = pytest.mark.bench

NAMES = [f"queue{n}" for n in range(20)]
FIRST = f"huey/queue/{NAMES[0]}"
FAILED, RETRIED, FEW = 100_000, 10_000, 50
SIZES = {NAMES[0]: FAILED, NAMES[1]: RETRIED}
LOOKS, CROWD = 60, 1_000
FAILURE = "OSError: 535 5.7.8 BadCredentials"
TRACE = "Traceback (most recent call last):\n" + "".join(
    f'  File "/srv/app/mentor/step{n}.py", line {n}, in send\n    client.login(user, password)\n'
    for n in range(12)
)
QUERY = plans.Query(state="failed")


def fill(pool: redis.ConnectionPool, name: str, count: int, state: str = "failed") -> None:
    """A queue as the journal leaves it after `count` jobs failed for good, or when they wait."""
    made: Any = huey.RedisHuey(name, connection_pool=pool)
    book = journal.watch(made, keep_failed=None)

    @made.task(name="send")
    def send(to: str) -> None: ...

    keys, failed = book.place.queue, state == "failed"
    pipe = redis.Redis(connection_pool=pool).pipeline(transaction=False)
    pipe.sadd(keys.root.queues, name)
    pipe.hset(keys.meta, mapping=book.meta())
    for number in range(count):
        task = send.task_class((f"user{number}@example.org",), id=f"job-{number}")
        told = book.pen.described(made._registry.create_message(task))
        fields: dict[str, Any] = {key: value for key, value in told.items() if value is not None}
        at, message = 1_700_000_000 + number, made.serialize_task(task)
        fields |= {"state": state, "attempts": int(failed), "enqueued_at": at}
        if failed:
            fields |= {"finished_at": at, "error": f"{FAILURE} of user {number}"}
            fields |= {"message": message, "attempt:1": _attempt(at)}
        else:
            pipe.lpush(book.place.waiting, message)
        pipe.hset(keys.job(task.id), mapping=fields)
        pipe.zadd(keys.state(state), {task.id: at})
        if number % 2_000 == 1_999:
            pipe.execute()
    pipe.execute()
    book.heart.stop()


def _attempt(at: float) -> str:
    """An attempt as the journal keeps it, with a trace of 1 KB."""
    made = record.Attempt(1, "worker", at - 1, at, "failed", FAILURE, f"{TRACE}{FAILURE}\n")
    return made.dump()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis with these queues."""
    with servers.valkey(tmp_path_factory.mktemp("queues")) as server:
        pool = redis.ConnectionPool.from_url(server.url())
        for name in NAMES:
            fill(pool, name, SIZES.get(name, FEW))
        pool.disconnect()
        pinger.prefer(server.pid)
        yield server.url()


async def looked(source: source_base.Source) -> str:
    """p95 of the overview."""
    times = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        await source.sample()
        times.append((time.perf_counter() - began) * 1000)
    return f"{table.p95(times):.1f} ms"


@contextlib.contextmanager
def crowd(url: str) -> Iterator[None]:
    """Other connections that have said something and stay."""
    port = redis.connection.parse_url(url)["port"]
    with contextlib.ExitStack() as stack:
        for _ in range(CROWD):
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            wire.sendall(b"PING\r\n")
            wire.recv(64)
        yield


async def bench_overview(filled: str) -> None:
    async with sources.build("huey", {"url": filled})[0] as source:
        await source.sample()
        alone = await looked(source)
        with crowd(filled):
            amid = await looked(source)
        pages = []
        for _ in range(LOOKS):
            began = time.perf_counter()
            await source.page(FIRST, "jobs", QUERY, None, 0)
            pages.append((time.perf_counter() - began) * 1000)
    what = "20 huey queues, one with 100k failed (p95): "
    table.row(f"{what}overview; with 1,000 other clients", f"{alone}; {amid}", "≤ 25 ms; ≤ 25 ms")
    beside = f"all 100k read by a script, HGETALL each: {_read_all(filled):.1f} s"
    table.row(f"{what}first page", f"{table.p95(pages):.1f} ms", "≤ 100 ms", beside)


async def bench_groups(filled: str) -> None:
    """From nothing, as a person waits for it; and again after one more has failed."""
    query = plans.Query()
    with pinger.pinging(filled) as busy:
        async with sources.build("huey", {"url": filled})[0] as source:
            await source.sample()
            began, pages = time.perf_counter(), []
            while not pages or pages[-1][1].looked.scanned < RETRIED:
                at = time.perf_counter()
                page = await source.page(FIRST, "groups", query, None, 0)
                pages.append(((time.perf_counter() - at) * 1000, page))
            whole_ms = (time.perf_counter() - began) * 1000
            began = time.perf_counter()
            await source.page(FIRST, "groups", query, None, 0)
            again_ms = (time.perf_counter() - began) * 1000
            found = await source.page(FIRST, "found", plans.Query(text="nobody"), None, 0)
    longest = max(took_ms for took_ms, _ in pages)
    table.row(
        "newest 10k of 100k failed, grouped: all; a page; asked again",
        f"{whole_ms:.0f} ms; {longest:.0f} ms; {again_ms:.0f} ms",
        "≤ 500 ms; ≤ 250 ms; —",
        f"a page of a search looked at {found.looked.scanned:,};"
        f" another client of that Redis waited {busy}",
    )


def _read_all(url: str) -> float:
    """Seconds of what one writes without tools: every key of the failed jobs, one HGETALL each."""
    with contextlib.closing(redis.Redis.from_url(url)) as conn:
        began = time.perf_counter()
        pipe = conn.pipeline(transaction=False)
        for key in conn.scan_iter(match="*job*", count=1_000):
            pipe.hgetall(key)
            if len(pipe) >= 1_000:
                pipe.execute()
        pipe.execute()
        return time.perf_counter() - began


async def bench_retry(filled: str, tmp_path: Path) -> None:
    tables = {"huey": {"kind": "huey", "url": filled}}
    with pinger.pinging(filled) as idle:
        await asyncio.sleep(2)
    with pinger.pinging(filled) as busy:
        async with harness.running(tmp_path / "core", sources=tables) as here, here.client() as own:
            await waiting.until(lambda: _watching(own))
            refs = await _refs(own, RETRIED)
            targets = await _retried(own, plans.Selection(refs=refs))
            whole = plans.Selection(ref=f"huey/queue/{NAMES[1]}", collection="jobs", query=QUERY)
            state = await _retried(own, whole)
    table.row(
        "retry 10k failed huey jobs with plan, guards, ledger, audit: whole state; by targets",
        f"{state}; {targets}",
        "≤ 3 s",
        f"enqueued again with huey alone, without any of it: {_plainly(filled):.1f} s;"
        " Bull Board 1.1–1.8 s; rq requeue --all 29–32 s (research)",
    )
    table.row(
        "longest that another client of that Redis waits meanwhile",
        str(busy),
        "≤ 50 ms",
        f"on the idle server: {idle}",
    )


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
    return status.get("huey") == "watching"


async def _refs(own: client.CoreClient, count: int) -> tuple[str, ...]:
    refs: list[str] = []
    cursor = None
    query = QUERY.model_copy(update={"limit": 300})
    while len(refs) < count:
        page = await own.page(FIRST, "jobs", query, cursor)
        refs += [row.ref for row in page.rows]
        cursor = page.cursor
    return tuple(refs[:count])


async def _ended(own: client.CoreClient, ref: str) -> core.Operation | None:
    entity = (await own.detail(ref)).entity
    assert isinstance(entity, core.Operation)
    return entity if entity.finished_at else None


def _plainly(url: str) -> float:
    """Seconds to enqueue as many tasks with huey alone."""
    with contextlib.closing(redis.ConnectionPool.from_url(url)) as pool:
        plain: Any = huey.RedisHuey("plain", connection_pool=pool)

        @plain.task(name="send")
        def send(to: str) -> None: ...

        tasks = [send.task_class((f"user{n}@example.org",)) for n in range(RETRIED)]
        began = time.perf_counter()
        for task in tasks:
            plain.enqueue(task)
        return time.perf_counter() - began
