"""What a queue's points and its workers say, on every engine: drain, and what is done now."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from mrcore import sources
from mrcore.model import queue
from mrcore.sources import base as source_base
from mrtui.columns import worker as columns
from tests import servers, waiting
from tests.contract import rq_desk, rq_jobs
from tests.core import harness, journals
from tests.lives import engine, opening, script
from tests.node import engines

QUEUE = "busy"


@pytest.fixture(params=opening.KINDS)
def on(request: pytest.FixtureRequest, redis_url: str, tmp_path: Path) -> Iterator[engine.Engine]:
    with opening.opened(request.param, redis_url, tmp_path) as made:
        yield made


async def points(source: source_base.Source, name: str) -> dict[str, float]:
    sample = await source.sample()
    return {p.metric: p.value for p in sample.points if p.ref.endswith(f"/queue/{name}")}


async def test_when_a_queue_is_empty_is_a_point(on: engine.Engine, state: Path) -> None:
    async with opening.source(on) as source:
        on.send(script.jobs(script.SMALL)[:3])

        async def waits() -> bool:
            return (await points(source, on.queue)).get("queue.waiting", 0) > 0

        await waiting.until(waits, what="waiting jobs")

        async def stuck() -> bool:
            found = await points(source, on.queue)
            return found.get("queue.drains_never") == 1 and "queue.drain_s" not in found

        await waiting.until(stuck, what="no worker: it is never empty")
    async with harness.running(state, sources={on.kind: on.table()}):
        at = json.loads((state / "core.json").read_text())["socket"]
        transport = httpx.AsyncHTTPTransport(uds=at)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://mrcore", timeout=waiting.LONG_S
        ) as http:
            name = f'mr_queue_drains_never{{ref="{on.kind}/queue/{on.queue}"}} 1.0'

            async def told() -> bool:
                return name in (await http.get("/metrics")).text

            await waiting.until(told, what=name)


async def at_work(source: source_base.Source) -> queue.Worker:
    async def found() -> queue.Worker | None:
        those = [e for e in (await source.sample()).entities if isinstance(e, queue.Worker)]
        return next((one for one in those if one.busy_with), None)

    return await waiting.until(found, what="a worker at work")


def says(one: queue.Worker, name: str) -> None:
    assert one.does == (name,)
    assert columns._busy(one).text.startswith(f"{name} {QUEUE}/")


async def test_a_worker_of_rq_says_what_it_does(redis_url: str) -> None:
    with contextlib.closing(rq_desk.Desk(redis_url)) as desk:
        desk.queue(QUEUE).enqueue(rq_jobs.linger, 1.0)
        async with sources.build("rq", {"url": redis_url})[0] as source:
            running = asyncio.create_task(asyncio.to_thread(desk.run_all, QUEUE))
            says(await at_work(source), "linger")
            await running


async def test_a_worker_of_bullmq_says_what_it_does(
    valkey: servers.Valkey, redis_url: str, node_modules: object
) -> None:
    db = int(redis_url.rpartition("/")[2])
    with contextlib.closing(engines.Engine(valkey.port, db=db)) as node:
        node.add(QUEUE, "sendOtp", {"takes_ms": 60_000})
        node("crew", QUEUE, name="mailer")
        async with sources.build("bullmq", {"url": redis_url})[0] as source:
            says(await at_work(source), "sendOtp")


async def test_a_worker_of_huey_says_what_it_does(redis_url: str) -> None:
    go = threading.Event()
    with journals.desk(redis_url, QUEUE) as desk:

        @desk.huey.task(name="sendOtp")  # type: ignore[untyped-decorator]
        def send() -> None:
            assert go.wait(timedelta(seconds=20).total_seconds())

        desk.journal.heart.beat_s = 0.05
        desk.journal.heart.start()
        send()
        async with sources.build("huey", {"url": redis_url})[0] as source:
            running = asyncio.create_task(asyncio.to_thread(desk.run_all))
            says(await at_work(source), "sendOtp")
            go.set()
            await running
