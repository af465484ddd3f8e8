"""The source `redis` against real Valkey servers: stopped, full, paused, without rights."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from mrcore import errors, sources
from mrcore.model import backend, base, plans, wire
from mrcore.model import redis as model
from mrcore.sources import base as source_base
from mrcore.sources.redis import info
from tests import frozen, restartable, servers, waiting

NODE = "redis/node/main"


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[restartable.Valkey]:
    """A server whose settings these tests change and put back."""
    with restartable.running(restartable.Valkey(tmp_path_factory.mktemp("valkey"))) as server:
        assert isinstance(server, restartable.Valkey)
        yield server


@pytest.fixture
def admin(strange: restartable.Valkey) -> Iterator[redis.Redis]:
    with contextlib.closing(strange.client()) as client:
        client.flushall()
        yield client


def build(url: str) -> source_base.Source:
    return sources.build("redis", {"url": url})[0]


def node_of(sample: wire.Sample) -> model.RedisNode:
    return next(e for e in sample.entities if isinstance(e, model.RedisNode))


def check_of(sample: wire.Sample) -> backend.Check:
    return next(e for e in sample.entities if isinstance(e, backend.Check))


def own_ids(client: redis.Redis) -> set[str]:
    return {row["id"] for row in client.client_list() if row["name"] == "mrcore"}


async def three(client: redis.Redis) -> set[str]:
    """The ids of a source's three connections, once all are there."""
    return await waiting.until(lambda: len(own_ids(client)) == 3 and own_ids(client))


async def test_a_healthy_server(strange: restartable.Valkey, admin: redis.Redis) -> None:
    async with build(strange.url()) as source:
        sample = await source.sample()
        node = node_of(sample)
        assert node.verdict == check_of(sample).verdict == base.OK
        assert (node.canary_ok, node.role, node.mode) == (True, "master", "standalone")
        assert re.fullmatch(r"Valkey \d+\.\d+\.\d+", node.version)
        assert admin.get("mr:canary:core") is not None
        assert 0 < admin.ttl("mr:canary:core") <= 60
        again = await source.sample()
        points = {point.metric: point.value for point in again.points}
        assert points["redis.keys"] == admin.dbsize() == 1
        assert points["redis.used_bytes"] > 100_000
        assert {"redis.ops", "redis.clients", "redis.blocked_clients"} <= points.keys()
        assert points["redis.canary_ms"] == points["check.latency_ms"] > 0
        assert again.entities == sample.entities
        assert source.describe().capabilities == ()


async def test_writes_that_are_refused_are_bad_although_ping_answers(
    strange: restartable.Valkey, admin: redis.Redis
) -> None:
    cases = {
        "maxmemory": ("1", "0", "oom", "maxmemory is reached"),
        "min-replicas-to-write": ("1", "0", "noreplicas", "too few good replicas"),
        "replicaof": ("127.0.0.1 1", "NO ONE", "readonly", "read-only replica"),
    }
    async with build(strange.url()) as source:
        for setting, (broken, whole, code, words) in cases.items():
            apply(admin, setting, broken)
            try:
                assert admin.ping()
                sample = await source.sample()
            finally:
                apply(admin, setting, whole)
            assert node_of(sample).verdict.level == "bad"
            assert node_of(sample).verdict.code == code
            assert words in node_of(sample).verdict.why
            assert check_of(sample).verdict == node_of(sample).verdict
            assert node_of(sample).canary_ok is False
            assert "redis.canary_ms" not in {point.metric for point in sample.points}
        assert node_of(await source.sample()).verdict == base.OK


def apply(admin: redis.Redis, setting: str, value: str) -> None:
    if setting == "replicaof":
        admin.execute_command("REPLICAOF", *value.split())
    else:
        admin.config_set(setting, value)


async def test_writes_that_hang_are_bad_and_reads_go_on(
    strange: restartable.Valkey, admin: redis.Redis
) -> None:
    admin.set("there", "yes")
    async with build(strange.url()) as source:
        await source.sample()
        ids = await three(admin)
        admin.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
        try:
            sample = await source.sample()
            assert node_of(sample).verdict.level == "bad"
            assert node_of(sample).verdict.code == "paused"
            assert "CLIENT UNPAUSE ends it" in node_of(sample).verdict.why
            page = await source.page(NODE, "keys", plans.Query(), None, 0)
            assert "there" in [row.name for row in page.rows if isinstance(row, model.Key)]
        finally:
            admin.execute_command("CLIENT", "UNPAUSE")
        assert node_of(await source.sample()).verdict == base.OK
        assert own_ids(admin) == ids


async def test_a_stopped_server_is_heard_again_on_the_same_connections(
    strange: restartable.Valkey, admin: redis.Redis
) -> None:
    admin.set("a", "value of a")
    admin.set("b", "value of b")
    async with build(strange.url()) as source:
        await source.sample()
        ids = await three(admin)
        with frozen.frozen(strange.pid):
            for _ in range(2):
                assert node_of(await source.sample()).verdict.code == "stopped"
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.7):
                        await source.detail("redis/key/a")
        # The answer for `a` comes now; nobody may take it for the one for `b`.
        detail = await source.detail("redis/key/b")
        assert detail.sections[1].text == "value of b"
        assert node_of(await source.sample()).verdict == base.OK
        assert own_ids(admin) == ids


async def test_a_server_that_went_comes_back(tmp_path: Path) -> None:
    server = restartable.Valkey(tmp_path)
    with restartable.running(server):
        async with build(server.url()) as source:
            before = node_of(await source.sample())
            server.kill()

            async def code() -> str:
                return node_of(await source.sample()).verdict.code

            async def refused() -> bool:
                return await code() == "refused"

            await waiting.until(refused)
            node = node_of(await source.sample())
            assert (node.version, node.canary_ok) == (before.version, False)
            with pytest.raises(errors.Unreachable, match="cannot be reached"):
                await source.page(NODE, "keys", plans.Query(), None, 0)
            server.start()

            async def well() -> bool:
                return not await code()

            await waiting.until(well)


async def test_a_login_without_rights_sees_what_it_may(
    strange: restartable.Valkey, admin: redis.Redis
) -> None:
    admin.execute_command(
        "ACL", "SETUSER", "reader", "on", f">{servers.PASSWORD}", "+@read", "~open:*"
    )
    admin.mset({"open:1": "yes", "closed:1": "no"})
    async with build(strange.url(user="reader")) as source:
        sample = await source.sample()
        assert node_of(sample).verdict.level == "unknown"
        assert "needs +set" in node_of(sample).verdict.why
        missing = " ".join(source.describe().capabilities)
        for right in ("+client|setname", "+client|no-touch", "+info", "+set"):
            assert f"needs {right}" in missing
        page = await source.page(NODE, "keys", plans.Query(), None, 0)
        rows = {row.name: row for row in page.rows if isinstance(row, model.Key)}
        assert (rows["open:1"].type, rows["open:1"].size) == ("string", 3)
        assert rows["closed:1"].verdict.code == "not_permitted"
        assert rows["closed:1"].verdict.level == "unknown"
        with pytest.raises(errors.NotPermitted, match="closed:1"):
            await source.detail("redis/key/closed%3A1")
        assert (await source.detail("redis/key/open%3A1")).sections[1].text == "yes"
        lacks = {s.id: s for s in (await source.detail(NODE)).sections}["lacks"]
        assert "INFO" in [field.name for field in lacks.fields]
    admin.execute_command("ACL", "DELUSER", "reader")


async def test_a_login_that_may_not_scan_gets_a_sentence(
    strange: restartable.Valkey, admin: redis.Redis
) -> None:
    admin.execute_command("ACL", "SETUSER", "blind", "on", f">{servers.PASSWORD}", "+info", "~*")
    async with build(strange.url(user="blind")) as source:
        with pytest.raises(errors.NotPermitted, match=r"needs \+scan"):
            await source.page(NODE, "keys", plans.Query(), None, 0)
        assert node_of(await source.sample()).version
    async with build(strange.url(user="blind", database=1)) as source:
        with pytest.raises(errors.NotPermitted, match="select"):
            await source.sample()
    admin.execute_command("ACL", "DELUSER", "blind")


async def test_a_wrong_password_is_not_permitted_and_not_repeated(
    strange: restartable.Valkey,
) -> None:
    async with build(strange.url(user="nobody")) as source:
        with pytest.raises(errors.NotPermitted) as caught:
            await source.sample()
    assert servers.PASSWORD not in str(caught.value)


def test_a_url_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(errors.SettingsError, match=r"sources\.redis.*url.*redis://") as caught:
        build("http://u:hunter2@h")
    assert "hunter2" not in str(caught.value)


async def test_unknown_refs_and_collections(redis_url: str) -> None:
    async with build(redis_url) as source:
        for nowhere in ("redis/key/none", "redis/key/a/b", "redis/node/other", "pg/key/a", "x", ""):
            with pytest.raises(errors.NotFound):
                await source.detail(nowhere)
        with pytest.raises(errors.Unsupported):
            await source.page(NODE, "values", plans.Query(), None, 0)
        with pytest.raises(errors.NotFound):
            await source.page("redis/node/other", "keys", plans.Query(), None, 0)
        (check,) = await source.probe()
        assert check.verdict == base.OK


def test_rates_are_differences_and_never_negative() -> None:
    now = source_base.utc_now()
    later = now.replace(year=now.year + 1)
    before = {"keyspace_hits": "90", "keyspace_misses": "10", "evicted_keys": "5"}
    after = {"keyspace_hits": "180", "keyspace_misses": "20", "evicted_keys": "5"}
    assert info.values(after, (before, now), later)["redis.hit_ratio"] == 90.0
    assert info.values(after, (before, now), later)["redis.evicted"] == 0.0
    back = info.values(before, (after, now), later)
    assert not {"redis.hit_ratio"} & back.keys()
    assert info.values({}, (before, now), later) == {}


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"maxmemory": "100", "used_memory": "89"}, ""),
        ({"maxmemory": "100", "used_memory": "90", "maxmemory_policy": "noeviction"}, "memory"),
        ({"rdb_last_bgsave_status": "err"}, "snapshot"),
        ({"role": "slave", "master_link_status": "down"}, "replication"),
    ],
)
def test_info_has_verdicts_of_its_own(facts: dict[str, str], code: str) -> None:
    assert info.node(NODE, facts, None, True, base.OK).verdict.code == code
    bad = base.Verdict(level=base.Level.BAD, code="canary", why="w")
    assert info.node(NODE, facts, None, False, bad).verdict == bad
