"""Deleting keys on a real Valkey so that it can be undone: guards, trash, rights, what is said."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis

from mrcore import errors, sources
from mrcore.model import plans, ref, wire
from mrcore.model import redis as model
from mrcore.sources import base as source_base
from mrcore.sources import redis as sources_redis
from mrcore.sources.redis import facts, link, rights, trash
from tests import restartable, servers

NODE, DELETE = "redis/node/main", "key.delete"
ASHA = plans.By(login="asha", operation=7)
DONE, SKIPPED, FAILED = plans.Outcome.DONE, plans.Outcome.SKIPPED, plans.Outcome.FAILED
HOUR_MS = 3_600_000


@pytest.fixture
def data(redis_url: str) -> Iterator[redis.Redis]:
    """A client of this test's own database."""
    with contextlib.closing(redis.Redis.from_url(redis_url)) as client:
        yield client


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[restartable.Valkey]:
    """A server whose logins and settings these tests change."""
    with restartable.running(restartable.Valkey(tmp_path_factory.mktemp("valkey"))) as server:
        assert isinstance(server, restartable.Valkey)
        yield server


@pytest.fixture
def admin(strange: restartable.Valkey) -> Iterator[redis.Redis]:
    with contextlib.closing(strange.client()) as client:
        client.replicaof("NO", "ONE")
        client.flushall()
        yield client


def build(url: str, now: source_base.Now = source_base.utc_now) -> source_base.Source:
    made = sources_redis.Settings.model_validate({"url": url})
    return sources_redis.open_source("redis", made, now=now)


def key(name: str | bytes) -> str:
    return ref.make("redis", "key", name)


async def plan(source: source_base.Source, *names: str | bytes, **selection: Any) -> list[Any]:
    chosen = plans.Selection(refs=tuple(map(key, names)), **selection)
    return [part async for part in source.plan(DELETE, chosen, {}, lambda done, total: None)]


def targets(parts: list[Any]) -> list[plans.Target]:
    return [part for part in parts if isinstance(part, plans.Target)]


def left_out(parts: list[Any]) -> list[str]:
    return [part.why for part in parts if isinstance(part, plans.LeftOut)]


def remarks(parts: list[Any]) -> list[tuple[str, str]]:
    return [(part.text, part.level) for part in parts if isinstance(part, plans.Remark)]


async def delete(source: source_base.Source, *names: str | bytes) -> list[plans.Undoable]:
    """Delete them all; what undoing takes."""
    planned = targets(await plan(source, *names))
    outcomes = await source.apply(DELETE, planned, {}, ASHA)
    assert [o.outcome for o in outcomes] == [DONE] * len(names), outcomes
    assert all("memento" not in o.model_dump() for o in outcomes)
    return [
        plans.Undoable(target=target, memento=outcome.memento or {})
        for target, outcome in zip(planned, outcomes, strict=True)
    ]


async def plan_undo(source: source_base.Source, done: list[plans.Undoable]) -> list[Any]:
    return [part async for part in source.plan_undo(DELETE, done)]


async def undo(
    source: source_base.Source, done: list[plans.Undoable]
) -> list[tuple[plans.Outcome, str]]:
    """Plan the undo and do what it plans."""
    mementos = {one.target.ref: one.memento for one in done}
    chunk = [
        plans.Undoable(target=target, memento=mementos[target.ref])
        for target in targets(await plan_undo(source, done))
    ]
    return [(o.outcome, o.why) for o in await source.undo(DELETE, chunk, ASHA)]


FILLS: dict[bytes, Callable[[redis.Redis, bytes], object]] = {
    b"string": lambda c, name: c.set(name, b"\x00\xff value"),
    b"empty": lambda c, name: c.set(name, b""),
    b"list": lambda c, name: c.rpush(name, *range(300)),
    b"hash": lambda c, name: c.hset(name, mapping={f"f{i}": i for i in range(1000)}),
    b"set": lambda c, name: c.sadd(name, *(f"m{i}" for i in range(700))),
    b"zset": lambda c, name: c.zadd(name, {f"m{i}": i / 7 for i in range(500)}),
    b"stream": lambda c, name: [c.xadd(name, {"f": i}) for i in range(50)],
    b"odd \xff/%\n": lambda c, name: c.set(name, "v"),
    b"": lambda c, name: c.set(name, "v"),
    b"large list": lambda c, name: c.rpush(name, *("x" * 1000 for _ in range(1100))),
    b"large string": lambda c, name: c.set(name, "x" * 70_000),
}


@pytest.mark.parametrize("expires", [False, True])
async def test_undo_restores_every_type(redis_url: str, data: redis.Redis, expires: bool) -> None:
    for name, fill in FILLS.items():
        fill(data, name)
        if expires:
            data.pexpire(name, HOUR_MS)
    before = {name: (data.dump(name), data.pexpiretime(name)) for name in FILLS}
    async with build(redis_url) as source:
        done = await delete(source, *FILLS)
        assert data.exists(*FILLS) == 0
        lying = data.keys("mr:trash:7:*")
        assert len(lying) == len(FILLS)
        for place in lying:
            most_ms = HOUR_MS if expires else 24 * HOUR_MS
            assert most_ms - HOUR_MS // 2 < data.pttl(place) <= most_ms
        assert await undo(source, done) == [(DONE, "")] * len(FILLS)
        assert {name: (data.dump(name), data.pexpiretime(name)) for name in FILLS} == before
        assert data.keys("mr:trash:*") == []


async def test_each_way_of_having_moved_on_is_said(redis_url: str, data: redis.Redis) -> None:
    ways: dict[str, tuple[Callable[[], object], str]] = {
        "gone": (lambda: data.delete("gone"), "there is no such key (any more)"),
        "type": (lambda: (data.delete("type"), data.sadd("type", 1)), "string → set"),
        "length": (lambda: data.append("length", "x"), "length 1 → 2"),
        "ttl": (lambda: data.expire("ttl", 60), "no TTL → a TTL"),
        "no ttl": (lambda: data.persist("no ttl"), "a TTL → no TTL"),
        "content": (lambda: data.set("content", "w"), "its content has changed"),
    }
    data.mset(dict.fromkeys(ways, "v"))
    data.expire("no ttl", 60)
    async with build(redis_url) as source:
        planned = targets(await plan(source, *ways))
        for change, _ in ways.values():
            change()
        dumps = {name: data.dump(name) for name in ways}
        outcomes = await source.apply(DELETE, planned, {}, ASHA)
        assert [(o.outcome, o.why) for o in outcomes] == [
            (SKIPPED, said) for _, said in ways.values()
        ]
        assert {name: data.dump(name) for name in ways} == dumps
        assert data.keys("mr:trash:*") == []


async def test_an_equal_key_made_meanwhile_is_the_same(redis_url: str, data: redis.Redis) -> None:
    data.set("k", "v", ex=100)
    async with build(redis_url) as source:
        planned = targets(await plan(source, "k"))
        data.delete("k")
        data.set("k", "v", ex=900)
        (outcome,) = await source.apply(DELETE, planned, {}, ASHA)
        assert outcome.outcome is DONE


async def test_what_cannot_be_put_back_is_left_out_or_skipped(
    redis_url: str, data: redis.Redis
) -> None:
    names = ("taken", "emptied", "changed")
    data.mset(dict.fromkeys(names, "v"))
    async with build(redis_url) as source:
        done = await delete(source, *names)
        chunk = [
            plans.Undoable(target=target, memento=one.memento)
            for target, one in zip(targets(await plan_undo(source, done)), done, strict=True)
        ]
        data.set("taken", "new")
        places = {
            n: ref.parse(str(o.memento["trash"])).ids[0] for n, o in zip(names, done, strict=True)
        }
        data.delete(places["emptied"])
        data.set(places["changed"], "w")
        said = [trash.TAKEN, trash.NOT_IN_TRASH, facts.CHANGED]
        assert left_out(await plan_undo(source, done)) == said
        outcomes = await source.undo(DELETE, chunk, ASHA)
        assert [(o.outcome, o.why) for o in outcomes] == [(SKIPPED, why) for why in said]
        assert data.get("taken") == b"new"


async def test_a_ttl_goes_on_in_the_trash(redis_url: str, data: redis.Redis) -> None:
    data.set("session", "v", px=HOUR_MS)
    clock: list[timedelta] = [timedelta(0)]

    def now() -> datetime:
        return source_base.utc_now() + clock[0]

    async with build(redis_url, now) as source:
        (one,) = await delete(source, "session")
        assert len(targets(await plan_undo(source, [one]))) == 1
        clock[0] = timedelta(hours=1)
        assert left_out(await plan_undo(source, [one])) == ["its own TTL has passed"]
        # What only the server's clock knows, its script says, wherever the key is.
        past = one.model_copy(update={"memento": {**one.memento, "expires_ms": 1}})
        (outcome,) = await source.undo(DELETE, [past], ASHA)
        assert (outcome.outcome, outcome.why) == (SKIPPED, "its own TTL has passed")
        assert data.delete(*data.keys("mr:trash:*")) == 1
        (outcome,) = await source.undo(DELETE, [past], ASHA)
        assert (outcome.outcome, outcome.why) == (SKIPPED, "its own TTL has passed")
        assert data.exists("session") == 0


async def test_nothing_lies_in_the_trash_for_longer_than_a_day_or_its_own_ttl(
    redis_url: str, data: redis.Redis
) -> None:
    data.set("short", "v", px=HOUR_MS)
    data.set("long", "v", px=48 * HOUR_MS)
    async with build(redis_url) as source:
        await delete(source, "short", "long")
        lying = {key.rpartition(b":")[2]: data.pttl(key) for key in data.keys("mr:trash:*")}
        assert 0 < lying[b"short"] <= HOUR_MS
        assert 23 * HOUR_MS < lying[b"long"] <= 24 * HOUR_MS


async def test_keys_of_the_control_room_are_left_out(redis_url: str, data: redis.Redis) -> None:
    ours = ("mr:canary:core", "mr:trash:1:2:x", "mr:journal:queues", "mr:schedule:daily")
    data.mset(dict.fromkeys(ours, "v"))
    async with build(redis_url) as source:
        parts = await plan(source, *ours, "nowhere")
        assert targets(parts) == []
        said = left_out(parts)
        assert said[2] == "it belongs to the huey journal; use job.remove"
        assert said[4] == "there is no such key (any more)"
        assert len(set(said)) == 5


async def test_a_journal_of_another_prefix_is_left_out(redis_url: str, data: redis.Redis) -> None:
    data.mset({"mail:queues": "v", "mailing": "v"})
    table = {"url": redis_url, "journals": ["mail"]}
    async with sources.build("redis", table)[0] as source:
        parts = await plan(source, "mail:queues", "mailing")
        assert left_out(parts) == ["it belongs to the huey journal; use job.remove"]
        assert [target.label for target in targets(parts)] == ["mailing"]


async def test_trash_is_marked_in_pages_and_counted(redis_url: str, data: redis.Redis) -> None:
    data.mset({"a": "v", "b": "v"})
    async with build(redis_url) as source:
        await source.sample()
        await delete(source, "a")
        page = await source.page(NODE, "keys", plans.Query(), None, 0)
        rows = {row.name: row for row in page.rows if isinstance(row, model.Key)}
        assert rows["b"].actions == (DELETE, "key.reveal")
        (lying,) = (row for name, row in rows.items() if name.startswith("mr:trash:7:"))
        assert lying.verdict.code == "trash"
        assert lying.actions == ("key.reveal",)
        assert page.looked == wire.Looked(scanned=3, total=3, complete=True)
        assert rows.keys() == {"b", lying.name, "mr:canary:core"}


async def test_what_it_causes_is_said(redis_url: str, data: redis.Redis) -> None:
    data.set("cache", "v", ex=60)
    data.rpush("bull:email:wait", 1, 2)
    data.set("large", "x" * 2_000_000)
    async with build(redis_url) as source:
        parts = await plan(source, "cache", "bull:email:wait", "large")
        (total, total_level), *others = remarks(parts)
        assert total.startswith("3 keys, 2.")
        assert total.endswith(" MB, freed when the trash is emptied in 24 h: 2 string, 1 list")
        assert total_level == "ok"
        assert others == [
            (
                "1 over 64 KiB: a change that leaves type and length as they are is not noticed",
                "ok",
            ),
            ("2 without TTL: nothing says that they are made again", "warn"),
            ("1 a queue's own: jobs would be lost", "warn"),
        ]
        cache, *_ = targets(parts)
        assert (cache.label, cache.note) == ("cache", "string, expires")
        assert cache.guard["digest"]


async def test_a_collection_is_planned_with_progress_and_can_be_stopped(
    redis_url: str, data: redis.Redis
) -> None:
    data.mset({f"user:{i}": "{}" for i in range(2500)} | {f"cart:{i}": "[]" for i in range(700)})
    query = plans.Query(prefix="user:", text="!9$")
    chosen = plans.Selection(ref=NODE, collection="keys", query=query)
    async with build(redis_url) as source:
        told: list[tuple[int, int | None]] = []
        parts = [p async for p in source.plan(DELETE, chosen, {}, lambda *step: told.append(step))]
        expected = {key(f"user:{i}") for i in range(2500) if i % 10 != 9}
        assert {t.ref for t in targets(parts)} == expected
        assert told == sorted(told)
        assert told[-1] == (data.dbsize(), data.dbsize())
        begun = source.plan(DELETE, chosen, {}, lambda *step: None)
        await anext(begun)
        await begun.aclose()  # type: ignore[attr-defined]
        assert len(targets(await plan(source, "user:1"))) == 1
        with pytest.raises(errors.NotFound, match="keys belong to redis/node/main"):
            await plan(source, ref="redis/node/other", collection="keys")


async def test_revealing_shows_what_is_masked(redis_url: str, data: redis.Redis) -> None:
    data.hset("h", mapping={"password": "hunter2"})
    async with build(redis_url) as source:
        assert "hunter2" not in (await source.detail(key("h"))).model_dump_json()
        assert "hunter2" in (await source.reveal(key("h"))).model_dump_json()
        with pytest.raises(errors.Unsupported):
            await source.reveal(NODE)
        with pytest.raises(errors.NotFound):
            await source.reveal(key("nowhere"))


async def test_no_deletion_blocks_long(
    redis_url: str, data: redis.Redis, record_property: Callable[[str, object], None]
) -> None:
    """The slow log has the longest command; what it is is printed, how often it comes is known."""
    data.rpush("million", *range(200_000))
    data.hset("skewed", mapping={**{f"f{i}": 1 for i in range(4000)}, "huge": "x" * 8_000_000})
    data.mset({f"small:{i}": "x" * 60_000 for i in range(100)})
    names = ["million", "skewed", *(f"small:{i}" for i in range(100))]
    data.config_set("slowlog-log-slower-than", 0)
    data.config_set("slowlog-max-len", 5000)
    data.slowlog_reset()
    async with build(redis_url) as source:
        planned = targets(await plan(source, *names))
        assert [bool(t.guard["digest"]) for t in planned[:3]] == [False, False, True]
        await source.apply(DELETE, planned, {}, ASHA)
        slow = max(data.slowlog_get(5000), key=lambda entry: entry["duration"])
    what = slow["command"].split()[0].decode()
    record_property("measured", f"longest command of a delete: {slow['duration']} µs ({what})")
    assert data.exists(*names) == 0


RESTRICTED = {
    "no-script": "+@all -eval ~*",
    "no-trash": "+@all ~app:* ~mr:canary:*",
    "no-rename": "+@all -rename ~*",
    "reader": "+@read +client ~*",
    "all": "+@all ~*",
}


def url_of(server: restartable.Valkey, admin: redis.Redis, login: str) -> str:
    rules = RESTRICTED[login].split()
    admin.execute_command("ACL", "SETUSER", login, "reset", "on", f">{servers.PASSWORD}", *rules)
    return server.url(user=login)


@pytest.mark.parametrize(
    ("login", "needs"),
    [("no-script", "+eval"), ("no-trash", "~mr:trash:*"), ("no-rename", "+rename")],
)
async def test_without_rename_small_values_are_kept_by_the_core(
    strange: restartable.Valkey, admin: redis.Redis, login: str, needs: str
) -> None:
    admin.hset("app:small", mapping={"f": "v"})
    admin.set("app:ttl", b"\xff\x00", px=HOUR_MS)
    admin.set("app:large", "x" * 70_000)
    names = ("app:small", "app:ttl")
    before = [(admin.dump(name), admin.pexpiretime(name)) for name in names]
    async with build(url_of(strange, admin, login)) as source:
        await source.sample()
        assert DELETE in source.describe().actions
        said = f"needs ACL SETUSER {login} {needs}: only values up to 64 KiB can be deleted"
        assert said in source.describe().capabilities
        assert left_out(await plan(source, "app:large")) == [said]
        done = await delete(source, *names)
        assert admin.exists(*names) == 0
        assert admin.keys("mr:trash:*") == []
        assert all("dump" in one.memento for one in done)
        again = ASHA.model_copy(update={"again": True})
        lost, _ = await source.apply(DELETE, [one.target for one in done], {}, again)
        assert (lost.outcome, lost.memento) == (SKIPPED, None)
        assert "it may have been done before the core ended" in lost.why
        assert await undo(source, done) == [(DONE, "")] * 2
        assert [(admin.dump(name), admin.pexpiretime(name)) for name in names] == before
        (outcome,) = await source.undo(DELETE, done[:1], ASHA)
        assert (outcome.outcome, outcome.why) == (SKIPPED, trash.TAKEN)
        planned = targets(await plan(source, *names))
        admin.hset("app:small", "f", "w")
        admin.delete("app:ttl")
        outcomes = await source.apply(DELETE, planned, {}, ASHA)
        assert [(o.outcome, o.why) for o in outcomes] == [
            (SKIPPED, facts.CHANGED),
            (SKIPPED, facts.GONE),
        ]


@pytest.mark.parametrize(
    ("before", "change", "why"),
    [
        ("SET app:k v", "SET app:k w", facts.CHANGED),
        ("SET app:k v", "SET app:k vv", "length 1 → 2"),
        ("SET app:k v", "PEXPIRE app:k 600000", facts.NOW_EXPIRES),
        ("SET app:k v PX 600000", "PERSIST app:k", facts.NO_EXPIRY),
        ("RPUSH app:k v", "LSET app:k 0 w", facts.CHANGED),
    ],
)
async def test_what_the_core_would_keep_is_compared_before(
    strange: restartable.Valkey, admin: redis.Redis, before: str, change: str, why: str
) -> None:
    admin.delete("app:k")
    admin.execute_command(*before.split())
    async with build(url_of(strange, admin, "no-script")) as source:
        planned = targets(await plan(source, "app:k"))
        assert planned[0].guard["way"] == "dump"
        admin.execute_command(*change.split())
        dump = admin.dump("app:k")
        (outcome,) = await source.apply(DELETE, planned, {}, ASHA)
        assert (outcome.outcome, outcome.why) == (SKIPPED, why)
        assert admin.dump("app:k") == dump


async def test_what_has_expired_is_not_said_to_be_put_back(
    strange: restartable.Valkey, admin: redis.Redis
) -> None:
    admin.set("app:k", "v", px=HOUR_MS)
    async with build(url_of(strange, admin, "no-script")) as source:
        (one,) = await delete(source, "app:k")
        late = one.model_copy(update={"memento": {**one.memento, "expires_ms": 1_000}})
        (outcome,) = await source.undo(DELETE, [late], ASHA)
        assert (outcome.outcome, outcome.why) == (SKIPPED, trash.EXPIRED)
        (outcome,) = await source.undo(DELETE, [one], ASHA)
        assert outcome.outcome is DONE
        assert admin.get("app:k") == b"v"


class Meddler(link.Client):
    """A connection on which, just before MULTI, somebody else is quicker."""

    def __init__(self, real: link.Client, meddle: Callable[[], object]) -> None:
        self.__dict__.update(real.__dict__)
        self._meddle = meddle

    async def ask(self, *commands: link.Command) -> list[link.Reply]:
        if commands == (("MULTI",),):
            self._meddle()
        return await super().ask(*commands)


async def test_a_change_between_comparing_and_deleting_is_noticed(
    strange: restartable.Valkey, admin: redis.Redis
) -> None:
    admin.set("app:k", "v")
    made = sources_redis.Settings.model_validate({"url": url_of(strange, admin, "no-script")})
    opener = link.Link(made.url)
    async with build(url_of(strange, admin, "no-script")) as source:
        (target,) = targets(await plan(source, "app:k"))
    client = await opener.open()
    try:
        meddler = Meddler(client, lambda: admin.set("app:k", "quicker"))
        (outcome,) = await trash.delete(meddler, [target], ASHA)
        assert (outcome.outcome, outcome.why) == (SKIPPED, facts.CHANGED)
        assert admin.get("app:k") == b"quicker"
    finally:
        await opener.close(client)


async def test_who_may_only_read_is_offered_nothing(
    strange: restartable.Valkey, admin: redis.Redis
) -> None:
    admin.set("k", "v")
    async with build(url_of(strange, admin, "reader")) as source:
        await source.sample()
        assert source.describe().actions == ("key.reveal",)
        detail = await source.detail(key("k"))
        assert detail.entity.actions == ("key.reveal",)
        (why,) = left_out(await plan(source, "k"))
        assert why.startswith(
            "needs ACL SETUSER reader +eval +pexpire +rename +renamenx +pexpireat +persist"
        )
        assert why.endswith("no key can be deleted")


async def test_a_right_that_is_taken_away_is_learnt(
    strange: restartable.Valkey, admin: redis.Redis
) -> None:
    admin.set("k", "v")
    async with build(url_of(strange, admin, "all")) as source:
        planned = targets(await plan(source, "k"))
        admin.execute_command("ACL", "SETUSER", "all", "-eval")
        (outcome,) = await source.apply(DELETE, planned, {}, ASHA)
        assert outcome.outcome is FAILED
        assert "needs +eval" in outcome.why
        (target,) = targets(await plan(source, "k"))
        assert target.guard["way"] == "dump"
        admin.execute_command("ACL", "SETUSER", "all", "+eval", "-rename")
        (outcome,) = await source.apply(DELETE, planned, {}, ASHA)
        assert outcome.outcome is FAILED
        assert "rename" in outcome.why
        assert admin.get("k") == b"v"


async def test_a_replica_deletes_nothing(strange: restartable.Valkey, admin: redis.Redis) -> None:
    admin.set("k", "v")
    admin.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        async with build(strange.url()) as source:
            assert left_out(await plan(source, "k")) == [rights.REPLICA]
            assert source.describe().actions == ("key.reveal",)
    finally:
        admin.execute_command("REPLICAOF", "NO", "ONE")
    assert sources.build("redis", {"url": strange.url()})[0].describe().actions[0] == DELETE
