"""Sources over Sentinels: a primary that dies, hangs or becomes a replica while they act."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import huey
import pytest
import redis
from pydantic import SecretStr
from redis import sentinel

from mrcore import errors, journal, sources
from mrcore.model import base, plans, queue, wire
from mrcore.sources import base as source_base
from mrcore.sources.redis import link, pool
from tests import topologies, waiting
from tests.contract import bull_jobs, rq_desk

pytestmark = pytest.mark.xdist_group("cluster")

RAVI = plans.By(login="ravi", reason="a test", operation=3)
KINDS = ("redis", "bullmq", "rq", "huey")
LONGER_S = 40.0
"""For what a Sentinel decides: other tests run on the same cores."""


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[topologies.Watched]:
    with topologies.watched(tmp_path) as made:
        yield made


@contextlib.contextmanager
def admin(node: topologies.Node) -> Iterator[redis.Redis]:
    with contextlib.closing(redis.Redis(port=node.port)) as client:
        yield client


def build(kind: str, url: str) -> source_base.Source:
    return sources.build(kind, {"url": url})[0]


def filled(node: topologies.Node) -> bull_jobs.Desk:
    """A queue of BullMQ with failed jobs, one of RQ, and all of it on the replica too."""
    client = redis.Redis(port=node.port)
    made = bull_jobs.Desk(client)
    client.hset(made.key("otp", "meta"), mapping={"version": "bullmq:6.0.0"})
    for _ in range(3):
        made.add("otp", "failed")
    desk = rq_desk.Desk(f"redis://127.0.0.1:{node.port}/0")
    desk.send("mail")
    desk.close()
    assert client.wait(1, 10_000) == 1
    return made


async def told(source: source_base.Source) -> wire.Sample | errors.SourceError:
    """A sample, or why there is none."""
    try:
        return await source.sample()
    except errors.SourceError as error:
        return error


def works(kind: str, said: wire.Sample | errors.SourceError) -> bool:
    """Whether what was there before the failover is seen."""
    if isinstance(said, errors.SourceError):
        return False
    if kind == "redis":
        return any(getattr(one, "canary_ok", False) for one in said.entities)
    names = {one.name for one in said.entities if isinstance(one, queue.Queue)}
    return {"bullmq": {"otp"}, "rq": {"mail"}, "huey": set[str]()}[kind] == names


@contextlib.asynccontextmanager
async def looking(url: str) -> AsyncIterator[dict[str, source_base.Source]]:
    """All sources that read a Redis, and all see what is there."""
    async with contextlib.AsyncExitStack() as stack:
        made = {kind: await stack.enter_async_context(build(kind, url)) for kind in KINDS}
        for kind, source in made.items():
            await back(kind, source)
        yield made


async def back(kind: str, source: source_base.Source) -> None:
    async def works_again() -> bool:
        return works(kind, await told(source))

    await waiting.until(works_again, timeout_s=LONGER_S, what=f"{kind} sees its server")


async def chosen(watched: topologies.Watched, node: topologies.Node) -> None:
    """Until the Sentinel names this one."""
    await waiting.until(
        lambda: watched.sentinel.primary() == node.port, timeout_s=LONGER_S, what="the failover"
    )


async def planned(of: source_base.Source, action: str, *refs: base.Ref) -> list[plans.Target]:
    selection = plans.Selection(refs=refs)
    parts = [p async for p in of.plan(action, selection, {}, lambda n, total: None)]
    return [part for part in parts if isinstance(part, plans.Target)]


async def test_every_source_comes_back_by_itself_when_the_primary_dies(
    watched: topologies.Watched,
) -> None:
    filled(watched.first)
    async with looking(watched.url) as made:
        watched.first.kill()
        for kind, source in made.items():
            said = await told(source)
            assert not works(kind, said), kind
            if isinstance(said, errors.SourceError):  # `redis` says it of its canary
                assert isinstance(said, errors.Unreachable)
                assert "Redis cannot be reached" in said.sentence
        await chosen(watched, watched.second)
        for kind, source in made.items():
            await back(kind, source)
        # The one that comes back is a replica, and nobody takes it for the primary.
        watched.first.spawn()
        await asyncio.to_thread(watched.first.wait)
        for kind, source in made.items():
            assert works(kind, await told(source)), kind


async def test_a_job_that_is_retried_while_the_primary_dies_is_neither_lost_nor_run_twice(
    watched: topologies.Watched,
) -> None:
    desk = filled(watched.first)
    ids = desk.ids("otp", "failed")
    desk.conn.close()
    async with build("bullmq", watched.url) as source:
        await back("bullmq", source)
        targets = await planned(source, "queue.retry", *(f"bullmq/job/otp/{one}" for one in ids))
        assert len(targets) == len(ids)
        watched.first.kill()
        with pytest.raises(errors.Unreachable):  # the door says of each: nobody knows
            await source.apply("queue.retry", targets, {}, RAVI)
        await chosen(watched, watched.second)
        again = RAVI.model_copy(update={"again": True})

        async def goes_on() -> list[plans.TargetOutcome]:
            with contextlib.suppress(errors.Unreachable):
                return list(await source.apply("queue.retry", targets, {}, again))
            return []

        outcomes = await waiting.until(goes_on, timeout_s=LONGER_S, what="the retry to go on")
        assert [one.outcome for one in outcomes] == [plans.Outcome.DONE] * 3
        twice = await goes_on()
        assert [one.outcome for one in twice] == [plans.Outcome.SKIPPED] * 3  # by their guards
    with admin(watched.second) as client:
        after = bull_jobs.Desk(client)
        assert [after.place("otp", one) for one in ids] == [("wait",)] * 3
        assert len(after.ids("otp", "wait")) == 3


async def test_a_write_to_a_primary_that_has_become_a_replica_fails_and_is_told(
    watched: topologies.Watched,
) -> None:
    desk = filled(watched.first)
    ids = desk.ids("otp", "failed")
    desk.conn.close()
    async with build("bullmq", watched.url) as source:
        await back("bullmq", source)
        targets = await planned(source, "queue.retry", f"bullmq/job/otp/{ids[0]}")
        watched.first.ask("REPLICAOF", "127.0.0.1", watched.second.port)
        (outcome,) = await source.apply("queue.retry", targets, {}, RAVI)
        assert outcome.outcome is plans.Outcome.FAILED
        assert "read only replica" in outcome.why
        with admin(watched.second) as client:
            assert bull_jobs.Desk(client).place("otp", ids[0]) == ("failed",)


async def test_a_primary_that_hangs_is_left_when_another_is_chosen(
    watched: topologies.Watched,
) -> None:
    filled(watched.first)
    async with build("bullmq", watched.url) as source:
        await back("bullmq", source)
        os.kill(watched.first.pid, signal.SIGSTOP)
        try:
            asked = asyncio.create_task(told(source))  # waits for an answer that does not come
            await chosen(watched, watched.second)
            said = await asyncio.wait_for(asked, LONGER_S)
            assert isinstance(said, errors.Unreachable)
            await back("bullmq", source)
        finally:
            os.kill(watched.first.pid, signal.SIGCONT)


async def test_the_doctor_says_what_is_wrong_with_sentinels(
    watched: topologies.Watched, redis_url: str
) -> None:
    async def reach(url: str) -> Any:
        found = {one.what: one for one in await sources.examine("redis", {"url": url})}
        return found["reach"]

    port = watched.sentinel.port
    assert (await reach(watched.url)).ok
    assert (
        await reach(f"redis+sentinel://127.0.0.1:{port},127.0.0.1:1/{topologies.SERVICE}")
    ).ok  # one of them is enough
    wrong = await reach(f"redis+sentinel://127.0.0.1:1,127.0.0.1:{port}/mails")
    assert not wrong.ok
    assert "no Sentinel names the primary of 'mails'" in wrong.sentence
    assert f"127.0.0.1:{port}: it watches queues" in wrong.sentence
    assert "127.0.0.1:1: " in wrong.sentence
    server = redis_url.removeprefix("redis://").rpartition("/")[0]
    no_sentinel = await reach(f"redis+sentinel://{server}/queues")
    assert f"{server}: this is no Sentinel" in no_sentinel.sentence


async def test_a_sentinel_with_a_password_is_asked_with_its_own(
    watched: topologies.Watched,
) -> None:
    watched.sentinel.ask("ACL", "SETUSER", "default", "resetpass", ">its-own")
    bare = link.Link(SecretStr(watched.url))
    with pytest.raises(errors.SourceError, match=r"add \?sentinel_password=") as caught:
        await bare.open()
    assert "its-own" not in str(caught.value)
    opener = link.Link(SecretStr(f"{watched.url}?sentinel_password=its-own"))
    opened = await opener.open()
    assert await opened.ask(("PING",)) == [b"PONG"]
    await opener.close(opened)


async def test_huey_jobs_are_run_once_each_over_a_failover(watched: topologies.Watched) -> None:
    """The journal on the pool of `mrcore worker`: what was enqueued before runs after it."""
    connections = pool.of(watched.url, "MR_QUEUES_URL")
    ran: list[int] = []
    made: Any = huey.RedisHuey("otp", connection_pool=connections)
    book = journal.watch(made)

    @made.task()
    def send(number: int) -> None:
        ran.append(number)

    def one() -> bool:
        try:
            claim = book.claim()
            if claim is not None:
                book.run(claim)
        except redis.RedisError:
            return False
        return claim is not None

    for number in range(3):
        send(number)
    assert await asyncio.to_thread(one)
    with admin(watched.first) as client:
        assert client.wait(1, 10_000) == 1
    watched.first.kill()
    assert not await asyncio.to_thread(one)
    await chosen(watched, watched.second)

    async def all_ran() -> bool:
        await asyncio.to_thread(one)
        return len(ran) >= 3

    await waiting.until(all_ran, timeout_s=LONGER_S, what="the other jobs")
    assert not await asyncio.to_thread(one)
    assert ran == [0, 1, 2]
    book.heart.stop()
    connections.disconnect()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis+cluster://h:1", "huey does not run on one"),
        ("redis+sentinel://:s3cr@h:1", "must name the service"),
        ("http://:s3cr@h:1", "redis+sentinel://host:port"),
    ],
)
def test_a_wrong_place_of_the_queues_is_named(url: str, said: str) -> None:
    with pytest.raises(errors.SettingsError, match=r"^MR_QUEUES_URL") as caught:
        pool.of(url, "MR_QUEUES_URL")
    assert said in str(caught.value)
    assert "s3cr" not in str(caught.value)


def test_the_pool_of_one_server_speaks_to_it(redis_url: str) -> None:
    with contextlib.closing(pool.of(redis_url, "MR_QUEUES_URL")) as connections:
        assert redis.Redis(connection_pool=connections).set("a", 1)


def test_the_pool_over_tls_is_all_tls() -> None:
    made: Any = pool.of("rediss+sentinel://:word@h:1/queues?ssl_cert_reqs=none", "MR_QUEUES_URL")
    assert issubclass(made.connection_class, sentinel.SentinelManagedSSLConnection)
    (asked,) = made.sentinel_manager.sentinels
    options = asked.connection_pool.connection_kwargs
    assert issubclass(asked.connection_pool.connection_class, redis.SSLConnection)
    assert options.get("password") is None
    assert made.connection_kwargs["password"] == "word"
