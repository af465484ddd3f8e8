"""A missing value is computed once for all who wait, and again where that fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio

from mrcore.mentor import flight
from tests import waiting

KEY = "mentor:kpi:dashboard"


@pytest.fixture
def cache(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as made:
        yield made


@pytest.fixture
async def colours(redis_url: str) -> AsyncIterator[list[flight.Flight]]:
    """Two processes' readers."""
    clients = [redis.asyncio.from_url(redis_url, decode_responses=True) for _ in range(2)]
    yield [flight.Flight(client) for client in clients]
    for client in clients:
        await client.aclose()


class Figures:
    """Counts how often it is computed, and waits for the word to end."""

    def __init__(self) -> None:
        self.began = 0
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> dict[str, Any]:
        self.began += 1
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return {"students": self.began}


async def test_many_readers_of_two_processes_compute_once(
    colours: list[flight.Flight], cache: redis.Redis
) -> None:
    figures = Figures()
    readers = [asyncio.create_task(one.read(KEY, figures)) for one in colours for _ in range(25)]
    await waiting.until(lambda: figures.began == 1 and cache.exists(f"{KEY}:lock"))
    readers[0].cancel()
    figures.go.set()
    found = await asyncio.gather(*readers, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [{"students": 1}] * 49
    assert figures.began == 1
    assert json.loads(str(cache.get(KEY))) == {"students": 1}
    assert not cache.exists(f"{KEY}:lock")


async def test_what_is_cached_is_not_computed(
    colours: list[flight.Flight], cache: redis.Redis
) -> None:
    cache.set(KEY, '{"students": 7}')
    figures = Figures()
    assert await colours[0].read(KEY, figures) == {"students": 7}
    assert figures.began == 0


async def test_a_failure_is_told_to_all_and_the_next_reader_tries_again(
    colours: list[flight.Flight], cache: redis.Redis
) -> None:
    figures = Figures()
    figures.error = OSError("away")
    figures.go.set()
    found = await asyncio.gather(
        *(colours[0].read(KEY, figures) for _ in range(5)), return_exceptions=True
    )
    assert found == [figures.error] * 5
    assert figures.began == 1
    figures.error = None
    assert await colours[1].read(KEY, figures) == {"students": 2}


async def test_a_dead_readers_lock_ends_and_a_late_one_does_not_take_anothers(
    redis_url: str, cache: redis.Redis
) -> None:
    async with redis.asyncio.from_url(redis_url, decode_responses=True) as client:
        slow, figures = flight.Flight(client, lock_ms=50), Figures()
        first = asyncio.create_task(slow.read(KEY, figures))
        await waiting.until(lambda: figures.began == 1)
        second = asyncio.create_task(flight.Flight(client).read(KEY, figures))
        await waiting.until(lambda: figures.began == 2)
        held = cache.get(f"{KEY}:lock")
        assert held
        cache.set(f"{KEY}:lock", "a third's", keepttl=True)
        figures.go.set()
        await asyncio.gather(first, second)
        assert cache.get(f"{KEY}:lock") == "a third's"
