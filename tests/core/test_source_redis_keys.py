"""Keys of the source `redis`: every one once, its row, its value; on a real Valkey."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
from collections.abc import AsyncIterator, Iterator

import pytest
import redis

from mrcore import errors, sources
from mrcore.model import plans, ref, wire
from mrcore.model import redis as model
from mrcore.sources import base as source_base
from mrcore.sources import redis as sources_redis
from mrcore.sources.redis import decode, keys, scan

NODE = "redis/node/main"


def build(url: str) -> source_base.Source:
    return sources.build("redis", {"url": url})[0]


@pytest.fixture
def data(redis_url: str) -> Iterator[redis.Redis]:
    """A client of this test's own database."""
    with contextlib.closing(redis.Redis.from_url(redis_url)) as client:
        yield client


async def all_pages(source: source_base.Source, query: plans.Query) -> AsyncIterator[wire.Page]:
    cursor = None
    while True:
        page = await source.page(NODE, "keys", query, cursor, 0)
        yield page
        if (cursor := page.cursor) is None:
            return


async def names(source: source_base.Source, query: plans.Query) -> list[str]:
    return [
        row.name
        async for page in all_pages(source, query)
        for row in page.rows
        if isinstance(row, model.Key)
    ]


async def test_every_key_comes_once_in_pages(redis_url: str, data: redis.Redis) -> None:
    expected = {b"key:%d" % i for i in range(3000)} | {b"a/b%c?d \xff\xfe", b"", b"\n\x1b[2J"}
    data.mset(dict.fromkeys(expected, "v"))
    async with build(redis_url) as source:
        await source.sample()
        found: list[bytes] = []
        async for page in all_pages(source, plans.Query(limit=70)):
            assert len(page.rows) <= 70
            found += [ref.parse(row.ref).ids[0] for row in page.rows]
            assert page.looked.total == 3004
            assert page.looked.complete is (page.cursor is None)
        assert sorted(found) == sorted(expected | {b"mr:canary:core"})


async def test_a_prefix_means_itself(redis_url: str, data: redis.Redis) -> None:
    data.mset({"a*b:1": "", "a[b]:1": "", "axb:1": "", "a\\b": "", "other": ""})
    async with build(redis_url) as source:
        assert await names(source, plans.Query(prefix="a*b")) == ["a*b:1"]
        assert await names(source, plans.Query(prefix="a[b]")) == ["a[b]:1"]
        assert await names(source, plans.Query(prefix="a\\")) == ["a\\b"]
        assert await names(source, plans.Query(prefix="a^")) == []


async def test_text_is_a_regular_expression_and_can_be_inverted(
    redis_url: str, data: redis.Redis
) -> None:
    data.mset({"user:1": "", "USER:2": "", "cart:1": ""})
    async with build(redis_url) as source:
        assert sorted(await names(source, plans.Query(text=r"^user:\d"))) == ["USER:2", "user:1"]
        assert await names(source, plans.Query(text="!user")) == ["cart:1"]
        with pytest.raises(errors.BadRequest, match="not a regular expression"):
            await names(source, plans.Query(text="("))


async def test_a_costly_expression_lets_others_run_and_loses_nothing(
    redis_url: str, data: redis.Redis
) -> None:
    data.mset({f"{i}{'a' * 500}": "" for i in range(40)})
    async with build(redis_url) as source:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        turning = asyncio.create_task(turn())
        pages = [p async for p in all_pages(source, plans.Query(text="(.*){499}a$"))]
        turning.cancel()
        assert sum(len(page.rows) for page in pages) == 40
        assert turns > 20
        assert await names(source, plans.Query(text="(a+)+b$")) == []


async def test_a_rare_match_in_many_keys_is_found_within_the_budget(
    redis_url: str, data: redis.Redis
) -> None:
    data.mset({f"noise:{i}": "" for i in range(60_000)} | {"needle": "x"})
    async with build(redis_url) as source:
        pages = [page async for page in all_pages(source, plans.Query(prefix="needle"))]
        assert [row.ref for page in pages for row in page.rows] == ["redis/key/needle"]
        assert pages[-1].looked == wire.Looked(scanned=60_001, total=60_001, complete=True)
        for earlier in pages[:-1]:
            assert 0 < earlier.looked.scanned < 60_001
            assert not earlier.looked.complete


@pytest.mark.parametrize("cursor", ["x", "1.2", "0.0.999", "1.1.1.1", "-1.0."])
async def test_a_cursor_that_is_not_ours_leads_nowhere(redis_url: str, cursor: str) -> None:
    async with build(redis_url) as source:
        with pytest.raises(errors.NotFound, match="cursor"):
            await source.page(NODE, "keys", plans.Query(), cursor, 0)


async def test_rows_say_type_size_memory_and_expiry(redis_url: str, data: redis.Redis) -> None:
    data.set("s", "12345", ex=1000)
    data.rpush("l", *range(7))
    data.hset("h", mapping={"a": "1", "b": "2"})
    data.sadd("t", "x")
    data.zadd("z", {"m": 1.5})
    data.xadd("x", {"f": "v"})
    async with build(redis_url) as source:
        page = await source.page(NODE, "keys", plans.Query(), None, 0)
        rows = {row.name: row for row in page.rows if isinstance(row, model.Key)}
        assert {name: (row.type, row.size) for name, row in rows.items()} == {
            "s": ("string", 5),
            "l": ("list", 7),
            "h": ("hash", 2),
            "t": ("set", 1),
            "z": ("zset", 1),
            "x": ("stream", 1),
        }
        assert all(row.memory_bytes for row in rows.values())
        expires = data.execute_command("PEXPIRETIME", "s") / 1000
        assert rows["s"].expires_at is not None
        assert rows["s"].expires_at.timestamp() == pytest.approx(expires, abs=0.002)
        assert rows["l"].expires_at is None
        again = await source.page(NODE, "keys", plans.Query(), None, 0)
        assert again.rows == page.rows


async def test_an_older_server_tells_expiry_from_now(redis_url: str, data: redis.Redis) -> None:
    data.set("s", "1", px=100_000)
    async with build(redis_url) as source:
        assert isinstance(source, sources_redis.Redis)
        now = source_base.utc_now()

        async def look(client: sources_redis.link.Client) -> list[model.Key]:
            client.expiry = "PTTL"
            return await keys.rows(client, "redis", [b"s"], now)

        (row,) = await source._hand.run(look)
        assert row.expires_at is not None
        assert 99 < (row.expires_at - now).total_seconds() <= 100


class Bomb:
    """A pickle that would say so if anybody loaded it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("the pickle was executed",))


async def values(source: source_base.Source, name: str) -> wire.Section:
    detail = await source.detail(ref.make("redis", "key", name))
    return {section.id: section for section in detail.sections}["value"]


async def test_values_of_every_type_decoded(redis_url: str, data: redis.Redis) -> None:
    data.set("json", '{"a": [1, {"password": "hunter2"}]}')
    data.set("text", "plain, token=hunter2 and more")
    data.set("bytes", b"\xff\x00\x01ab")
    data.set("pickle", pickle.dumps(Bomb()))
    data.hset("h", mapping={"name": "n", "api_key": "hunter2", "j": '{"secret": "hunter2"}'})
    data.rpush("l", "one", "two")
    data.sadd("t", "x")
    data.zadd("z", {"low": 1, "high": 2.5})
    data.xadd("x", {"f": "1", "token": "hunter2"}, id="1-1")
    data.xadd("x", {"f": "2"}, id="2-1")
    async with build(redis_url) as source:
        json = await values(source, "json")
        assert (json.form, json.data) == ("json", {"a": [1, {"password": "password:•••"}]})
        assert (await values(source, "text")).text == "plain, token=token:••• and more"
        assert "ff 00 01 61 62" in (await values(source, "bytes")).text
        listed = await values(source, "pickle")
        assert "not loaded" in listed.title
        assert "REDUCE" in listed.text
        fields = {
            name: [(f.name, f.value) for f in (await values(source, name)).fields]
            for name in "hltzx"
        }
        assert sorted(fields["h"]) == [
            ("api_key", "apikey:•••"),
            ("j", '{"secret": "secret:•••"}'),
            ("name", "n"),
        ]
        assert fields["l"] == [("0", "one"), ("1", "two")]
        assert fields["t"] == [("0", "x")]
        assert fields["z"] == [("1", "low"), ("2.5", "high")]
        assert fields["x"] == [("2-1", "f=2"), ("1-1", "f=1 token=token:•••")]


async def test_large_values_are_shown_in_part(redis_url: str, data: redis.Redis) -> None:
    data.set("s", "y" * 1_000_000)
    data.rpush("l", *range(10_000))
    data.hset("h", mapping={f"f{i}": "v" * 100 for i in range(5000)})
    data.rpush("heavy", *["w" * 3_000_000] * 3)
    data.xadd("x", {"f": "v" * 100_000})
    async with build(redis_url) as source:
        string = await values(source, "s")
        assert len(string.text) == 16 * 1024
        assert "first 16,384 of 1,000,000 bytes" in string.title
        assert (await values(source, "l")).title == "list (first 100 of 10000)"
        assert len((await values(source, "l")).fields) == 100
        assert len((await values(source, "h")).fields) == 100
        assert "too large" in (await values(source, "heavy")).text
        assert len(str((await values(source, "x")).fields[0].value)) < 2100


async def test_a_key_whose_name_is_a_secret_is_masked(redis_url: str, data: redis.Redis) -> None:
    data.set("session:token:42", "hunter2")
    async with build(redis_url) as source:
        section = await values(source, "session:token:42")
        assert "hunter2" not in section.text
        assert "•••" in section.text


async def test_reading_a_key_does_not_use_it(redis_url: str, data: redis.Redis) -> None:
    data.set("quiet", "v")
    async with build(redis_url) as source:
        await source.detail("redis/key/quiet")
        flags = [row["flags"] for row in data.client_list() if row["name"] == "mrcore"]
        assert flags
        assert all("T" in flag for flag in flags)  # T: no-touch


@pytest.mark.parametrize(
    ("raw", "how"),
    [
        (b"", "text"),
        (b"{broken", "text"),
        (b"[1]", "JSON"),
        (b"\x80\x04garbage", "pickle"),
        (b"\xff", "hex"),
    ],
)
def test_anything_can_be_read(raw: bytes, how: str) -> None:
    assert decode.decode(raw).how.startswith(how)
    assert isinstance(decode.short(raw), str)


def test_json_that_is_too_deep_is_text() -> None:
    assert decode.decode(b"[" * 100_000).how == "text"


def test_names_are_readable_and_whole() -> None:
    assert scan.readable(b"a\xff") == "a\\xff"
