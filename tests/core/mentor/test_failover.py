"""A plain address that leads to another Redis after a failover: nobody has to start anew."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import huey
import pytest
import redis
import rq
from rq import timeouts

from mrcore import journal, sources
from mrcore.cli import rqworker
from mrcore.mentor import config, health, links
from mrcore.model import base, queue
from mrcore.sources.redis import pool
from tests import servers, waiting
from tests.core.mentor import conftest


class Address:
    """A TCP address: connections stay where they are, new ones go to `port`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.own = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Address]:
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.own = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            ways = {
                asyncio.create_task(_pump(reader, back)),
                asyncio.create_task(_pump(there, writer)),
            }
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            back.transport.abort()
            writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[servers.Valkey, servers.Valkey]]:
    with servers.valkey(tmp_path / "one") as one, servers.valkey(tmp_path / "two") as two:
        yield one, two


@contextlib.asynccontextmanager
async def behind(server: servers.Valkey) -> AsyncIterator[Address]:
    async with Address(server.port).open() as address:
        yield address


def fail_over(address: Address, old: servers.Valkey, new: servers.Valkey) -> None:
    """The address leads to the new primary; the old one is its replica, and goes on to answer."""
    with contextlib.closing(redis.Redis(port=new.port)) as client:
        client.execute_command("REPLICAOF", "NO", "ONE")
    with contextlib.closing(redis.Redis(port=old.port)) as client:
        client.execute_command("REPLICAOF", "127.0.0.1", new.port)
    address.port = new.port


async def test_a_backend_writes_to_the_new_primary(
    pair: tuple[servers.Valkey, servers.Valkey],
) -> None:
    one, two = pair
    async with behind(one) as address:
        env = conftest.environment(
            "postgresql://u:p@127.0.0.1:1/x", f"redis://127.0.0.1:{address.own}/0"
        )
        kept = links.Links(config.Config.read(env), "blue")
        checker = health.Checker(kept, "blue")
        keeping = asyncio.create_task(kept.keep())
        try:
            for old, new in ((one, two), (two, one)):

                async def well() -> bool:
                    await checker.check()
                    return checker.redis.ok and checker.redis.misses == 0

                await waiting.until(well)
                await kept.redis.set("counted", "before")
                fail_over(address, old, new)
                await kept.redis.set("counted", f"on {new.port}")
                await waiting.until(well)
                with contextlib.closing(redis.Redis(port=new.port)) as client:
                    assert client.get("counted") == f"on {new.port}".encode()
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


async def test_a_worker_takes_jobs_from_the_new_primary(
    pair: tuple[servers.Valkey, servers.Valkey],
) -> None:
    one, two = pair
    async with behind(one) as address:
        connections = pool.plain(host="127.0.0.1", port=address.own)
        ran: list[str] = []
        refused: list[str] = []
        made: Any = huey.RedisHuey("otp", connection_pool=connections)
        book = journal.watch(made)

        @made.task()
        def send(word: str) -> None:
            ran.append(word)

        def step(word: str) -> None:
            """One turn of a consumer, which goes on whatever Redis says."""
            try:
                if word not in ran and not len(made):
                    send(word)
                if (claim := book.claim()) is not None:
                    book.run(claim)
            except redis.RedisError as error:
                refused.append(f"{word} {type(error).__name__}")

        for word, old, new in (("a", one, two), ("b", two, one)):

            async def done(word: str = word) -> bool:
                await asyncio.to_thread(step, word)
                return word in ran

            await waiting.until(done, what=f"job {word}")
            fail_over(address, old, new)
        await waiting.until(lambda: done("c"), what="job c")
        book.heart.stop()
        connections.disconnect()
        assert ran == ["a", "b", "c"]
        # Once a connection, which is closed then; not until something else happens to it.
        assert len([why for why in refused if why.endswith("ReadOnlyError")]) <= 6


BEGUN: list[str] = []
MAY_END = threading.Event()


def export(word: str) -> None:
    """A job that ends when it may."""
    BEGUN.append(word)
    MAY_END.wait(waiting.LONG_S)


def waits(client: redis.Redis) -> bool:
    """A worker waits for a job."""
    return any(each["cmd"] == "blmove" for each in client.client_list())


class Exporter(rqworker.Worker):
    """Runs in a thread: signals are of the main one."""

    WAIT_S = 1
    REFUSED_S = 0.1
    death_penalty_class = timeouts.TimerDeathPenalty

    def _install_signal_handlers(self) -> None:
        pass


async def test_an_rq_worker_goes_on_at_the_new_primary(
    pair: tuple[servers.Valkey, servers.Valkey],
) -> None:
    one, two = pair
    BEGUN.clear()
    MAY_END.clear()
    async with behind(one) as address:
        env = conftest.environment("postgresql://u:p@x:1/x", f"redis://127.0.0.1:{address.own}/0")

        def work() -> None:
            connection = rqworker.connect(config.Config.read(env).redis)
            Exporter(["exports"], connection=connection).work(max_jobs=2)

        working = asyncio.create_task(asyncio.to_thread(work))

        def enqueue(server: servers.Valkey, word: str) -> None:
            with contextlib.closing(redis.Redis(port=server.port)) as client:
                rq.Queue("exports", connection=client).enqueue(export, word)

        def begun() -> bool:
            assert not working.done(), "the worker has quit"
            with contextlib.closing(redis.Redis(port=address.port)) as client:
                return waits(client)

        await waiting.until(begun)
        fail_over(address, one, two)  # while it waits: UNBLOCKED
        enqueue(two, "a")
        await waiting.until(lambda: BEGUN == ["a"] or working.done(), what="job a")
        fail_over(address, two, one)  # while a job runs: READONLY when that ends
        MAY_END.set()
        enqueue(one, "b")
        await working
        assert BEGUN == ["a", "b"]


@pytest.mark.parametrize(
    ("setting", "wrong", "right", "why"),
    [
        ("maxmemory", 1, 0, "errorstat_OOM"),
        ("min-replicas-to-write", 1, 0, "errorstat_NOREPLICAS"),
    ],
)
async def test_an_rq_worker_waits_where_redis_takes_no_writes(
    tmp_path: Path, setting: str, wrong: int, right: int, why: str
) -> None:
    BEGUN.clear()
    MAY_END.set()
    with (
        servers.valkey(tmp_path) as server,
        contextlib.closing(redis.Redis(port=server.port)) as client,
        contextlib.closing(redis.Redis(port=server.port)) as its_own,
    ):
        worker = Exporter(["exports"], connection=its_own)
        working = asyncio.create_task(asyncio.to_thread(worker.work, max_jobs=1))

        def refused() -> bool:
            assert not working.done(), "the worker has quit"
            return client.info("errorstats").get(why, {"count": 0})["count"] >= 3

        try:
            await waiting.until(lambda: waits(client))
            client.config_set(setting, wrong)
            await waiting.until(refused, what="three refusals")
        finally:
            client.config_set(setting, right)
            rq.Queue("exports", connection=client).enqueue(export, "d")
            await working
        assert BEGUN == ["d"]


async def test_an_rq_worker_whose_key_has_gone_is_whole_again_while_it_waits(
    redis_url: str,
) -> None:
    MAY_END.set()
    with (
        contextlib.closing(redis.Redis.from_url(redis_url)) as client,
        contextlib.closing(redis.Redis.from_url(redis_url)) as its_own,
    ):
        worker = Exporter(["exports"], connection=its_own)
        working = asyncio.create_task(asyncio.to_thread(worker.work, max_jobs=1))

        def told() -> dict[Any, Any]:
            """What it has said of itself, but when."""
            facts = client.hgetall(worker.key)
            facts.pop(b"last_heartbeat", None)
            return facts

        try:
            await waiting.until(lambda: waits(client))
            before = told()
            client.delete(*client.keys("rq:worker*"))
            await waiting.until(lambda: told() == before, timeout_s=10, what="a whole worker")
            async with sources.build("rq", {"url": redis_url})[0] as source:
                entities = (await source.sample()).entities
            (row,) = (each for each in entities if isinstance(each, queue.Worker))
            assert (row.verdict, row.queues, row.pid) == (base.OK, ("exports",), worker.pid)
            assert client.ttl(worker.key) > worker.worker_ttl
        finally:
            rq.Queue("exports", connection=client).enqueue(export, "c")
            await working
