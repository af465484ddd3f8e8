"""The proxy makes real connections bad, each toxic in its own way."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import asyncpg
import pytest
import redis.asyncio
from redis import exceptions
from redis.asyncio import retry
from redis.backoff import NoBackoff

from mrcore import errors
from mrcore.gameday import proxy
from tests import servers

BIG = "x" * 200_000


def client(between: proxy.Proxy, **options: Any) -> redis.asyncio.Redis:
    """A client of the Valkey behind the proxy that tries once."""
    return redis.asyncio.Redis(
        port=between.port, retry=retry.Retry(NoBackoff(), 0), decode_responses=True, **options
    )


async def test_without_a_toxic_nothing_is_changed(valkey: servers.Valkey) -> None:
    async with proxy.Proxy("127.0.0.1", valkey.port) as between, client(between) as asking:
        assert await asking.set("proxy:big", BIG)
        assert await asking.get("proxy:big") == BIG


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("latency", {"latency": 30, "jitter": 10}),
        ("bandwidth", {"rate": 5_000}),
        ("slicer", {"average_size": 5_000, "delay": 10}),
        ("slow_close", {"delay": 10}),
    ],
)
async def test_what_is_slow_comes_whole(
    valkey: servers.Valkey, name: proxy.Name, attributes: dict[str, float]
) -> None:
    async with proxy.Proxy("127.0.0.1", valkey.port) as between, client(between) as asking:
        await asking.set("proxy:big", BIG)
        between.toxics.append(proxy.Toxic.of(name, attributes))
        assert await asking.get("proxy:big") == BIG


async def test_latency_is_at_least_what_was_asked(
    database: str, postgres: servers.Postgres
) -> None:
    async with proxy.Proxy("127.0.0.1", postgres.port) as between:
        far = await asyncpg.connect(database, host="127.0.0.1", port=between.port)
        between.toxics.append(proxy.Toxic.of("latency", {"latency": 60}))
        began_s = time.monotonic()
        assert await far.fetchval("SELECT 7") == 7
        assert time.monotonic() - began_s >= 0.06
        between.toxics.clear()
        await far.close()


async def test_a_timeout_says_nothing_for_ever(valkey: servers.Valkey) -> None:
    async with (
        proxy.Proxy("127.0.0.1", valkey.port) as between,
        client(between, socket_timeout=0.2) as asking,
    ):
        between.toxics.append(proxy.Toxic.of("timeout", {}))
        with pytest.raises(exceptions.TimeoutError):
            await asking.ping()


async def test_a_timeout_ends_the_connection_after_its_time(valkey: servers.Valkey) -> None:
    async with proxy.Proxy("127.0.0.1", valkey.port) as between, client(between) as asking:
        between.toxics.append(proxy.Toxic.of("timeout", {"timeout": 20}))
        with pytest.raises(exceptions.ConnectionError):
            await asking.ping()


async def test_a_peer_resets(valkey: servers.Valkey) -> None:
    async with proxy.Proxy("127.0.0.1", valkey.port) as between:
        between.toxics.append(proxy.Toxic.of("reset_peer", {"timeout": 10}))
        reader, writer = await asyncio.open_connection("127.0.0.1", between.port)
        with pytest.raises(ConnectionResetError):
            assert await reader.read(1)
        writer.close()


async def test_what_is_limited_ends_in_the_middle(valkey: servers.Valkey) -> None:
    async with proxy.Proxy("127.0.0.1", valkey.port) as between:
        reader, writer = await asyncio.open_connection("127.0.0.1", between.port)
        between.toxics.append(proxy.Toxic.of("limit_data", {"bytes": 3}))
        writer.write(b"PING\r\n")
        async with asyncio.timeout(20):
            assert await reader.read() == b"+PO"
        writer.close()


async def test_what_is_down_takes_nobody_and_loses_who_is_there(valkey: servers.Valkey) -> None:
    async with proxy.Proxy("127.0.0.1", valkey.port) as between:
        reader, writer = await asyncio.open_connection("127.0.0.1", between.port)
        writer.write(b"PING\r\n")
        assert await reader.readline() == b"+PONG\r\n"
        between.down()
        with pytest.raises(ConnectionResetError):
            assert await reader.read(1)
        writer.close()
        async with client(between) as asking:
            with pytest.raises(exceptions.ConnectionError):
                await asking.ping()
            between.toxics.clear()
            assert await asking.ping()


def test_a_toxic_has_its_attributes_and_no_others() -> None:
    with pytest.raises(errors.ScenarioError, match="latency has no 'delay'"):
        proxy.Toxic.of("latency", {"delay": 1})
