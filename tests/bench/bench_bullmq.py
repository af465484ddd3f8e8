"""20 BullMQ queues, one with 100,000 failed jobs: overview, page and groups, beside Bull Board's.

The board is asked for what it shows of the same: `GET /queues`, which its page polls.
"""

from __future__ import annotations

import base64
import contextlib
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from mrcore import sources
from mrcore.model import plans
from tests import servers
from tests.bench import bench_queues, millions, pinger, table
from tests.node import boards

pytestmark = pytest.mark.bench

NAMES = [f"queue{n}" for n in range(20)]
FIRST = f"bullmq/queue/{NAMES[0]}"
FAILED, GROUPED, FEW, LOOKS = 100_000, 10_000, 50, 60
QUERY = plans.Query(state="failed")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Valkey]:
    """A Redis with these queues."""
    with servers.valkey(tmp_path_factory.mktemp("bullmq")) as server:
        with contextlib.closing(redis.Redis.from_url(server.url())) as conn:
            for name in NAMES:
                millions.bull(conn, name, "failed", 1, FAILED if name == NAMES[0] else FEW)
        pinger.prefer(server.pid)
        yield server


async def bench_overview(filled: servers.Valkey) -> None:
    url = filled.url()
    async with sources.build("bullmq", {"url": url})[0] as source:
        while len((await source.sample()).entities) < len(NAMES):
            pass  # the search for queues goes on in the background
        alone = await bench_queues.looked(source)
        with bench_queues.crowd(url):
            spent = time.process_time()
            amid = await bench_queues.looked(source)
            cpu = (time.process_time() - spent) * 1000 / bench_queues.LOOKS
        pages = []
        for _ in range(LOOKS):
            began = time.perf_counter()
            await source.page(FIRST, "jobs", QUERY, None, 0)
            pages.append((time.perf_counter() - began) * 1000)
        began, spent = time.perf_counter(), time.process_time()
        page = await source.page(FIRST, "groups", plans.Query(), None, 0)
        while page.looked.scanned < GROUPED:
            page = await source.page(FIRST, "groups", plans.Query(), page.cursor, 1)
        whole = (time.perf_counter() - began) * 1000
        of_it = (time.process_time() - spent) * 1000
    table.row(
        "20 BullMQ queues, one with 100k failed (p95): overview; with 1,000 other clients; page",
        f"{alone}; {amid} ({cpu:.1f} ms of CPU); {table.p95(pages):.1f} ms",
        "≤ 25 ms; ≤ 25 ms; ≤ 100 ms",
    )
    table.row(
        "newest 10k of 100k failed BullMQ jobs, grouped",
        f"{whole:.0f} ms ({of_it:.0f} ms of CPU)",
        "≤ 500 ms",
        "Bull Board groups nothing",
    )


def bench_board(filled: servers.Valkey, tmp_path: Path) -> None:
    board = boards.Board(tmp_path, filled.port, NAMES)
    try:
        board.server.start()
        alone, page = _asked(board, ""), _asked(board, f"activeQueue={NAMES[0]}&status=failed&")
        with bench_queues.crowd(filled.url()):
            amid = _asked(board, "")
    finally:
        board.server.close()
    table.row(
        "the same through Bull Board 9 (p95): overview; with 1,000 other clients; page of 10",
        f"{alone}; {amid}; {page}",
        "",
    )


def _asked(board: boards.Board, query: str) -> str:
    """p95 of what its page asks for."""
    url = f"{board.origin}/admin/queues/api/queues?{query}page=1&jobsPerPage=10"
    request = urllib.request.Request(url)
    login = base64.b64encode(f"{boards.USER}:{servers.PASSWORD}".encode()).decode()
    request.add_header("Authorization", f"Basic {login}")
    times = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        with urllib.request.urlopen(request) as answer:
            answer.read()
        times.append((time.perf_counter() - began) * 1000)
    return f"{table.p95(times):.1f} ms"
