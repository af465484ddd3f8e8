"""What one sample of Postgres and Redis costs their servers, and a page of keys among many."""

from __future__ import annotations

import asyncio
import contextlib
import re
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import redis

from mrcore import sources
from mrcore.model import plans, wire
from mrcore.sources import base as source_base
from tests import servers, waiting
from tests.bench import pg_activity, pinger, table

pytestmark = pytest.mark.bench

ROUNDS = 50
IDLE, ACTIVE, IN_TX, BLOCKED = 120, 50, 10, 20
KEYS = 1_000_000 if table.FULL else 200_000

LOGGED = {
    "max_connections": "230",
    "log_min_duration_statement": "0",
    "log_line_prefix": "%a|",
}
_DURATION = r"^{}\|LOG:  duration: ([\d.]+) ms  (parse|bind|execute)"


@contextlib.asynccontextmanager
async def crowd(dsn: str) -> AsyncIterator[None]:
    """200 sessions as in the research: idle, active, idle in transaction, waiting for a lock."""
    many = [await asyncpg.connect(dsn) for _ in range(IDLE + ACTIVE + IN_TX + BLOCKED)]
    rest = iter(many)
    tasks = []
    await many[0].execute("CREATE TABLE held (i int)")
    for _ in range(IDLE):
        await next(rest).execute("SELECT 1")
    for _ in range(ACTIVE):
        tasks.append(asyncio.create_task(next(rest).execute("SELECT pg_sleep(600)")))
    for number in range(IN_TX):
        await next(rest).execute("BEGIN" if number else "BEGIN; LOCK TABLE held")
    for _ in range(BLOCKED):
        tasks.append(asyncio.create_task(next(rest).execute("SELECT * FROM held")))
    try:
        yield
    finally:
        for connection in many:
            connection.terminate()
        await asyncio.gather(*tasks, return_exceptions=True)


async def timed(source: source_base.Source) -> tuple[list[float], float]:
    """Milliseconds of each sample, and of our own CPU per sample."""
    walls = []
    cpu = time.process_time()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await source.sample()
        walls.append((time.perf_counter() - began) * 1000)
    return walls, (time.process_time() - cpu) * 1000 / ROUNDS


async def bench_postgres_sample(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        server = await asyncio.to_thread(stack.enter_context, servers.postgres(tmp_path, **LOGGED))
        log = tmp_path / "postgres.log"
        source = sources.build("pg", {"dsn": server.dsn()})[0]
        async with crowd(server.dsn()), source:
            await waiting.until(lambda: _blocked(source))
            begun = len(log.read_text())
            walls, cpu_ms = await timed(source)
            await pg_activity.refresh(server.dsn(), ROUNDS)
            written = log.read_text()[begun:]
    ours, theirs = _cost(written, "mrcore"), _cost(written, pg_activity.NAME)
    table.row(
        "Postgres sample at 200 sessions",
        f"{ours}, {statistics.median(walls):.1f} ms wall, {cpu_ms:.1f} ms own CPU",
        "≤ 2 statements, ≤ 2.5 ms",
        f"pg_activity here: {theirs}"
        if pg_activity.statements()
        else "pg_activity is not here (research: 4 statements, 3.5–7.0 ms)",
    )


def _cost(log: str, app: str) -> str:
    """Statements and milliseconds of the server in one round of an application."""
    lines = re.findall(_DURATION.format(app), log, re.MULTILINE)
    statements = sum(1 for _, phase in lines if phase == "execute") / ROUNDS
    server_ms = sum(float(took) for took, _ in lines) / ROUNDS
    return f"{statements:.0f} statements, {server_ms:.2f} ms of the server"


async def _blocked(source: source_base.Source) -> bool:
    sample = await source.sample()
    return _points(sample)["pg.blocked"] == BLOCKED


def _points(sample: wire.Sample) -> dict[str, float]:
    return {point.metric: point.value for point in sample.points}


async def bench_redis_sample(redis_url: str) -> None:
    with contextlib.closing(redis.Redis.from_url(redis_url)) as client:
        async with sources.build("redis", {"url": redis_url})[0] as source:
            await source.sample()
            client.config_resetstat()
            walls, cpu_ms = await timed(source)
            stats = client.info("commandstats")
    used = {name: s for name, s in stats.items() if not name.startswith("cmdstat_config")}
    server_ms = sum(s["usec"] for s in used.values()) / ROUNDS / 1000
    info_ms = stats["cmdstat_info"]["usec_per_call"] / 1000
    calls = sum(s["calls"] for s in used.values()) / ROUNDS
    table.row(
        "Redis sample",
        f"{calls:.0f} commands, {server_ms:.3f} ms of the server (INFO {info_ms:.3f}), "
        f"{statistics.median(walls):.1f} ms wall, {cpu_ms:.1f} ms own CPU",
        "INFO ≤ 0.15 ms",
    )


async def bench_redis_keys(redis_url: str) -> None:
    node = "redis/node/main"
    with contextlib.closing(redis.Redis.from_url(redis_url)) as client:
        for begin in range(0, KEYS, 10_000):
            client.mset({f"session:{i}": "x" * 50 for i in range(begin, begin + 10_000)})
        client.set("needle", "x")
        async with sources.build("redis", {"url": redis_url})[0] as source:
            await source.page(node, "keys", plans.Query(), None, 0)
            client.config_set("slowlog-max-len", 100_000)
            client.config_set("slowlog-log-slower-than", 0)
            client.slowlog_reset()
            began = time.perf_counter()
            await source.page(node, "keys", plans.Query(), None, 0)
            first_ms = (time.perf_counter() - began) * 1000
            took, pages, cursor = [], 0, None
            while pages == 0 or cursor is not None:
                began = time.perf_counter()
                page = await source.page(node, "keys", plans.Query(prefix="needle"), cursor, 0)
                took.append((time.perf_counter() - began) * 1000)
                cursor, pages = page.cursor, pages + 1
            worst_us = max(
                entry["duration"]
                for entry in client.slowlog_get(100_000)
                if entry["command"].split()[0] in (b"SCAN", b"TYPE", b"MEMORY", b"STRLEN")
            )
            client.config_set("slowlog-log-slower-than", 10_000)
        idle, ours, theirs = await _others(redis_url)
    table.row(
        f"Keys: 100 of {KEYS:,}; one by prefix; longest block",
        f"{first_ms:.0f} ms; {sum(took):.0f} ms in {pages} pages, the longest {max(took):.0f} ms;"
        f" {worst_us / 1000:.1f} ms",
        "a page ≤ 250 ms, a block ≤ 50 ms",
        f"KEYS needle*: another client waits {theirs.longest_ms:.0f} ms",
    )
    table.row(
        f"another client of {KEYS:,} Redis keys while pages are read",
        str(ours),
        "p99 ≤ 1.5 × idle in protected mode (not built yet)",
        f"idle {idle}; SCAN without pauses: {_scan_s(redis_url):.1f} s for all",
    )
    table.row(f"tree of {KEYS:,} Redis keys", "not built yet", "≤ 2 s for a million", "not here")


async def _others(url: str) -> tuple[pinger.Waits, pinger.Waits, pinger.Waits]:
    """What another client waits: for nothing, for our pages, for KEYS."""
    with pinger.pinging(url) as idle:
        await asyncio.sleep(2)
    async with sources.build("redis", {"url": url})[0] as source:
        with pinger.pinging(url) as ours:
            for _ in range(20):
                await source.page("redis/node/main", "keys", plans.Query(text="no such"), None, 0)
    with contextlib.closing(redis.Redis.from_url(url)) as client, pinger.pinging(url) as theirs:
        for _ in range(5):
            client.keys("needle*")
    return idle, ours, theirs


def _scan_s(url: str) -> float:
    """Seconds of redis-cli --scan, in Python."""
    with contextlib.closing(redis.Redis.from_url(url)) as client:
        began = time.perf_counter()
        assert sum(1 for _ in client.scan_iter(count=1_000)) == KEYS + 1
        return time.perf_counter() - began
