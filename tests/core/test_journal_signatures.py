"""Positional arguments by the names that the worker's functions give them."""

from __future__ import annotations

import json
from typing import Any

import redis
from huey import RedisHuey

from mrcore import journal, sources
from mrcore.journal import signatures
from mrcore.model import wire


def test_arguments_are_named_as_the_function_names_them() -> None:
    names = ["to", "otp", "*rest"]
    assert signatures.named(names, ["a", 1], {"x": 2}) == {"to": "a", "otp": 1, "x": 2}
    assert signatures.named(names, ["a", 1, 2, 3], {}) == {"to": "a", "otp": 1, "*rest": [2, 3]}
    assert signatures.named(names, [], {"to": "a"}) is None
    assert signatures.named(["to"], ["a", 1], {}) is None, "the function is another one by now"
    assert signatures.named(["to"], ["a"], {"to": "b"}) is None
    assert signatures.named([], ["a"], {}) is None
    assert signatures.read(b"no JSON") == signatures.read(b'{"a": 1}') == []


async def test_a_job_shows_its_arguments_by_name_and_hides_those_that_are_secret(
    redis_url: str,
) -> None:
    pool = redis.ConnectionPool.from_url(redis_url)
    huey = RedisHuey("mailQueue", connection_pool=pool)
    kept = journal.watch(huey)

    @huey.task(context=True)
    def send(to: str, otp: str, *more: int, urgent: bool = False, task: Any = None) -> None: ...

    @huey.task()
    def plain() -> None: ...

    job_id = send("asha@example.org", "123456", 7, urgent=True).id
    part = f"huey/job/mailQueue/{job_id}"

    async def shown() -> dict[str, wire.Section]:
        async with sources.build("huey", {"url": redis_url})[0] as source:
            return {one.id: one for one in (await source.detail(part)).sections}

    try:
        before = await shown()
        assert "arguments" not in before
        kept.heart.beat()
        told = {
            key.decode().rpartition(".")[2]: json.loads(value)
            for key, value in redis.Redis(connection_pool=pool)
            .hgetall(kept.place.queue.signatures)
            .items()
        }
        assert told == {"send": ["to", "otp", "*more"]}
        after = await shown()
        by_name: Any = after["arguments"].data
        assert list(by_name) == ["to", "otp", "*more", "urgent"]
        assert (by_name["*more"], by_name["urgent"]) == ([7], True)
        assert "123456" not in json.dumps([after["arguments"].data, after["payload"].data])
        payload: Any = after["payload"].data
        assert payload["args"][2] == 7
        assert payload["args"][1] == by_name["otp"]
    finally:
        pool.disconnect()
