"""Sources on a real Cluster of three primaries: BullMQ and keys whole, RQ and huey refused."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr
from redis import crc, exceptions

from mrcore import errors, sources
from mrcore.model import backend, base, plans, queue, ref, wire
from mrcore.model import redis as model
from mrcore.sources import base as source_base
from mrcore.sources.redis import cluster, link
from tests import topologies, waiting
from tests.contract import bull_jobs
from tests.node import engines

# One Cluster for all of them: it takes two seconds to come together.
pytestmark = pytest.mark.xdist_group("cluster")

RAVI = plans.By(login="ravi", reason="a test", operation=3)
NODE = "redis/node/main"


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[topologies.Cluster]:
    with topologies.cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture
def admin(three: topologies.Cluster) -> Iterator[Any]:
    """redis-py's client of the empty Cluster."""
    with contextlib.closing(three.client()) as made:
        made.flushall(target_nodes=made.PRIMARIES)
        yield made


@pytest.fixture
async def client(three: topologies.Cluster) -> AsyncIterator[cluster.Client]:
    opener = link.Link(SecretStr(three.url))
    opened = await opener.open()
    assert isinstance(opened, cluster.Client)
    yield opened
    await opener.close(opened)


def build(kind: str, url: str, **more: Any) -> source_base.Source:
    return sources.build(kind, {"url": url, **more})[0]


def desk(conn: Any, prefix: str, name: str) -> bull_jobs.Desk:
    """A queue of BullMQ 6 with three failed jobs, two that wait and one that is delayed."""
    made = bull_jobs.Desk(conn, prefix)
    conn.hset(made.key(name, "meta"), mapping={"version": "bullmq:6.0.0", "opts.maxLenEvents": 99})
    for state in ("failed", "failed", "failed", "wait", "wait", "delayed"):
        made.add(name, state)
    return made


async def planned(
    of: source_base.Source, action: str, selection: plans.Selection
) -> list[plans.Target]:
    found = [part async for part in of.plan(action, selection, {}, lambda n, total: None)]
    assert not [part for part in found if isinstance(part, plans.LeftOut)]
    return [part for part in found if isinstance(part, plans.Target)]


async def seen(of: source_base.Source, count: int) -> dict[str, queue.Queue]:
    async def there() -> dict[str, queue.Queue]:
        entities = (await of.sample()).entities
        found = {one.name: one for one in entities if isinstance(one, queue.Queue)}
        return found if len(found) == count else {}

    return await waiting.until(there, what=f"{count} queues")


async def test_bullmq_is_found_read_and_acted_on_over_all_primaries(
    three: topologies.Cluster, admin: Any
) -> None:
    prefixes = ("{bull}", "{mail}", "{sms}")
    owners = {admin.get_node_from_key(f"{prefix}:otp:meta").port for prefix in prefixes}
    assert len(owners) == 3  # one queue on each primary, so that one SCAN finds not all
    desks = {prefix: desk(admin, prefix, "otp") for prefix in prefixes}
    async with build("bullmq", three.url, prefixes=prefixes) as source:
        for name, one in (await seen(source, 3)).items():
            assert name in {f"{prefix}:otp" for prefix in prefixes}
            assert (one.counts.failed, one.counts.waiting, one.counts.delayed) == (3, 2, 1)
            query = plans.Query(state="failed")
            page = await source.page(one.ref, "jobs", query, None, 0.0)
            assert len(page.rows) == 3
            detail = await source.detail(page.rows[0].ref)
            assert "550 mailbox" in detail.model_dump_json()
            groups = await source.page(one.ref, "groups", plans.Query(), None, 0.0)
            assert [row.jobs for row in groups.rows if isinstance(row, queue.FailureGroup)] == [3]
        of = ref.make("bullmq", "queue", "{mail}:otp")
        selection = plans.Selection(ref=of, collection="jobs", query=plans.Query(state="failed"))
        targets = await planned(source, "queue.retry", selection)
        outcomes = await source.apply("queue.retry", targets, {}, RAVI)
        assert [one.outcome for one in outcomes] == [plans.Outcome.DONE] * 3
        mail = desks["{mail}"]
        assert mail.ids("otp", "failed") == []
        ids = [one.ref.rpartition("/")[2] for one in outcomes]
        assert [mail.place("otp", id_) for id_ in ids] == [("wait",)] * 3
        assert len(desks["{bull}"].ids("otp", "failed")) == 3  # the others are as they were


async def test_bullmq_of_node_and_ours_agree_on_a_cluster(
    three: topologies.Cluster, admin: Any, node_modules: object
) -> None:
    engine = engines.Engine(three.nodes[0].port, cluster=True)
    try:
        data = {"n": 1, "fails": -1, "log": "to the relay"}
        made = engine("add", "otp", prefix="{bull}", name="send", data=data, opts={"attempts": 1})
        engine("run", "otp", prefix="{bull}")
        async with build("bullmq", three.url, prefixes=("{bull}",)) as source:
            one = (await seen(source, 1))["{bull}:otp"]
            assert (one.counts.failed, one.layout.partition(".")[0]) == (1, "bullmq:6")
            of = ref.make("bullmq", "job", "{bull}:otp", made["id"])
            detail = (await source.detail(of)).model_dump_json()
            assert "535-5.7.8 refused 1" in detail
            assert "to the relay" in detail
            targets = await planned(source, "queue.retry", plans.Selection(refs=(of,)))
            (outcome,) = await source.apply("queue.retry", targets, {}, RAVI)
            assert outcome.outcome is plans.Outcome.DONE
            engine("run", "otp", prefix="{bull}")  # its own worker takes what ours has put back
            (target,) = await planned(source, "queue.retry", plans.Selection(refs=(of,)))
            assert target.guard != targets[0].guard
    finally:
        engine.close()


async def test_workers_of_a_cluster_are_counted_once(three: topologies.Cluster, admin: Any) -> None:
    desk(admin, "{bull}", "otp")
    name = "{bull}:" + base64.b64encode(b"otp").decode()
    with contextlib.ExitStack() as stack:
        for node in three.nodes:  # as ioredis has it: each of two workers at every node
            for _ in range(2 if node is three.nodes[1] else 1):
                worker = stack.enter_context(
                    contextlib.closing(redis.Redis(port=node.port, client_name=name))
                )
                worker.ping()
        async with build("bullmq", three.url, prefixes=("{bull}",)) as source:
            assert (await seen(source, 1))["{bull}:otp"].workers == 2


@pytest.mark.proof
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_sources_come_back_when_a_replica_takes_over(tmp_path: Path, how: int) -> None:
    """The replica is elected after about two seconds; nobody restarts anything."""
    with topologies.cluster(tmp_path) as made, topologies.replica(made, tmp_path) as spare:
        with contextlib.closing(made.client()) as conn:
            for prefix in ("{bull}", "{mail}", "{sms}"):
                desk(conn, prefix, "otp")
        await waiting.until(lambda: spare.ask("DBSIZE"), what="the replica has the keys")
        table = {"prefixes": ("{bull}", "{mail}", "{sms}")}
        async with build("bullmq", made.url, **table) as source:
            await seen(source, 3)
            os.kill(made.nodes[2].pid, how)
            try:

                async def failed() -> list[int] | errors.SourceError:
                    try:
                        entities = (await source.sample()).entities
                    except errors.SourceError as error:
                        return error
                    return [e.counts.failed for e in entities if isinstance(e, queue.Queue)]

                async def away() -> bool:
                    return isinstance(await failed(), errors.Unreachable)

                async def back() -> bool:
                    return await failed() == [3, 3, 3]

                await waiting.until(away, what="the loss of a primary")
                await waiting.until(back, timeout_s=60.0, what="the queues of the new primary")
            finally:
                os.kill(made.nodes[2].pid, signal.SIGCONT)


async def test_what_is_removed_on_a_cluster_can_be_put_back(
    three: topologies.Cluster, admin: Any
) -> None:
    made = desk(admin, "{bull}", "otp")
    job_id = made.ids("otp", "failed")[0]
    of = ref.make("bullmq", "job", "{bull}:otp", job_id)
    async with build("bullmq", three.url, prefixes=("{bull}",)) as source:
        await seen(source, 1)
        targets = await planned(source, "job.remove", plans.Selection(refs=(of,)))
        (outcome,) = await source.apply("job.remove", targets, {}, RAVI)
        assert outcome.outcome is plans.Outcome.DONE
        assert made.place("otp", job_id) == ()
        done = [plans.Undoable(target=targets[0], memento=outcome.memento or {})]
        again = [part async for part in source.plan_undo("job.remove", done)]
        (target,) = [part for part in again if isinstance(part, plans.Target)]
        back = plans.Undoable(target=target, memento=done[0].memento)
        (undone,) = await source.undo("job.remove", [back], RAVI)
        assert undone.outcome is plans.Outcome.DONE
    assert made.place("otp", job_id) == ("failed",)


async def pages(source: source_base.Source, **more: Any) -> list[model.Key]:
    rows: list[model.Key] = []
    cursor: str | None = None
    while True:
        query = plans.Query(limit=7, **more)
        page = await source.page(NODE, "keys", query, cursor, 0.0)
        rows += [row for row in page.rows if isinstance(row, model.Key)]
        cursor = page.cursor
        if cursor is None:
            return rows


async def test_keys_are_those_of_all_primaries_each_once(
    three: topologies.Cluster, admin: Any
) -> None:
    names = {f"user:{number}" for number in range(50)}
    for name in names:
        admin.set(name, f"value of {name}")
    assert len({admin.get_node_from_key(name).port for name in names}) == 3
    async with build("redis", three.url) as source:
        await source.sample()  # writes the canaries, beside counting the keys
        sample = await source.sample()
        rows = await pages(source, prefix="user:")
        assert sorted(row.name for row in rows) == sorted(names)
        assert {row.type for row in rows} == {"string"}
        detail = await source.detail("redis/key/user:17")
        assert "value of user:17" in detail.model_dump_json()
        parts = {part.id: part for part in (await source.detail(NODE)).sections}
    lines = {field.name: str(field.value) for field in parts["primaries"].fields}
    assert set(lines) == {f"127.0.0.1:{node.port}" for node in three.nodes}
    told = [re.match(r"([\d,]+) slots, (\d+) keys, ", line) for line in lines.values()]
    counts = [(int(one[1].replace(",", "")), int(one[2])) for one in told if one]
    assert [sum(column) for column in zip(*counts, strict=True)] == [16_384, 53]
    node = next(one for one in sample.entities if isinstance(one, model.RedisNode))
    assert (node.mode, node.canary_ok) == ("cluster", True)
    values = {point.metric: point.value for point in sample.points}
    assert values["redis.keys"] == 50 + 3  # a canary on each
    used = [node.ask("INFO", "memory").decode() for node in three.nodes]
    least = min(int(text.partition("used_memory:")[2].split()[0]) for text in used)
    assert values["redis.used_bytes"] > 2 * least


async def test_a_key_is_deleted_and_put_back(three: topologies.Cluster, admin: Any) -> None:
    admin.set("user:1", "asha", ex=1000)
    async with build("redis", three.url) as source:
        await source.sample()
        targets = await planned(source, "key.delete", plans.Selection(refs=("redis/key/user:1",)))
        (outcome,) = await source.apply("key.delete", targets, {}, RAVI)
        assert (outcome.outcome, admin.get("user:1")) == (plans.Outcome.DONE, None)
        done = [plans.Undoable(target=targets[0], memento=outcome.memento or {})]
        (target,) = [part async for part in source.plan_undo("key.delete", done)]
        assert isinstance(target, plans.Target)
        back = plans.Undoable(target=target, memento=done[0].memento)
        await source.undo("key.delete", [back], RAVI)
    assert admin.get("user:1") == b"asha"
    assert 0 < admin.ttl("user:1") <= 1000


async def test_one_primary_that_refuses_writes_is_seen(
    three: topologies.Cluster, admin: Any
) -> None:
    full = three.nodes[1]
    async with build("redis", three.url) as source:
        assert check_of(await source.sample()).verdict.level is base.Level.OK
        full.ask("CONFIG", "SET", "maxmemory", 1)
        try:
            check = check_of(await source.sample())
        finally:
            full.ask("CONFIG", "SET", "maxmemory", 0)
    assert check.verdict.level is base.Level.BAD
    assert "maxmemory" in check.verdict.why


def check_of(sample: wire.Sample) -> backend.Check:
    return next(one for one in sample.entities if isinstance(one, backend.Check))


def empty_slot(three: topologies.Cluster, client: cluster.Client, tag: str) -> tuple[str, Any, Any]:
    """A key that is not there, the node that has its slot, and another one."""
    key = f"moving:{{{tag}}}"
    owner = client.map.owner(crc.key_slot(key.encode()))
    own = next(node for node in three.nodes if node.port == owner.port)
    return key, own, next(node for node in three.nodes if node is not own)


async def test_a_slot_that_has_moved_is_followed(
    three: topologies.Cluster, admin: Any, client: cluster.Client
) -> None:
    key, source, target = empty_slot(three, client, "a")
    three.move(crc.key_slot(key.encode()), source, target)
    assert await client.ask(("SET", key, 1), ("INCR", key)) == [b"OK", 2]
    assert target.ask("GET", key) == b"2"
    assert client.map.owner(crc.key_slot(key.encode())).port == target.port


async def test_a_key_on_its_way_is_asked_for_where_it_goes(
    three: topologies.Cluster, admin: Any, client: cluster.Client
) -> None:
    key, source, target = empty_slot(three, client, "b")
    slot = crc.key_slot(key.encode())
    three.begin(slot, source, target)
    assert await client.ask(("SET", key, 1)) == [b"OK"]  # ASK: it is not there any more
    assert client.map.owner(slot).port == source.port
    three.move(slot, source, target)
    assert await client.ask(("GET", key)) == [b"1"]


async def test_a_transaction_is_not_sent_elsewhere_without_its_guard(
    three: topologies.Cluster, admin: Any, client: cluster.Client
) -> None:
    key, source, target = empty_slot(three, client, "c")
    assert await client.ask(("WATCH", key), ("GET", key)) == [b"OK", None]
    three.move(crc.key_slot(key.encode()), source, target)
    assert await client.ask(("MULTI",)) == [b"OK"]
    queued, done = await client.ask(("SET", key, "unguarded"), ("EXEC",))
    assert isinstance(queued, exceptions.MovedError)
    assert isinstance(done, exceptions.ExecAbortError)
    assert await client.ask(("GET", key)) == [None]  # and now it is followed again


async def test_a_scan_does_not_go_on_among_other_primaries(client: cluster.Client) -> None:
    (first,) = await client.ask(("SCAN", "0", "COUNT", 1))
    cursor = int(first[0])
    (wrong,) = await client.ask(("SCAN", str(cursor + (1 << 80)).encode(), "COUNT", 1))
    assert isinstance(wrong, exceptions.ResponseError)
    assert "start at the beginning" in str(wrong)


@pytest.mark.parametrize(("kind", "engine"), [("rq", "RQ"), ("huey", "huey")])
@pytest.mark.parametrize("form", ["redis+cluster", "redis"])
async def test_what_runs_on_no_cluster_says_so(
    three: topologies.Cluster, kind: str, engine: str, form: str
) -> None:
    url = f"{form}://127.0.0.1:{three.nodes[0].port}"
    async with build(kind, url) as source:
        with pytest.raises(errors.Unsupported) as caught:
            await source.sample()
    assert caught.value.sentence == (
        f"{engine} does not run on a Redis Cluster: its keys lie in many slots."
    )
    findings = await sources.examine(kind, {"url": url})
    assert (findings[0].what, findings[0].ok) == ("reach", False)
    assert findings[0].sentence == caught.value.sentence


async def test_a_node_named_as_if_it_were_all_is_a_mistake_that_is_named(
    three: topologies.Cluster,
) -> None:
    findings = await sources.examine("redis", {"url": f"redis://127.0.0.1:{three.nodes[0].port}"})
    assert findings[0].sentence.startswith("This Redis is one node of a Cluster")
    assert "redis+cluster://" in findings[0].fix


async def test_a_login_that_may_not_ask_learns_it_from_a_key_that_is_elsewhere(
    three: topologies.Cluster,
) -> None:
    node = three.nodes[0]
    node.ask("ACL", "SETUSER", "shut", "on", ">word", "~*", "+@all", "-cluster")
    opener = link.Link(SecretStr(f"redis://shut:word@127.0.0.1:{node.port}"), alone="RQ")
    try:
        opened = await opener.open()
    except errors.Unsupported as error:  # the key of the introduction is elsewhere already
        told: errors.SourceError = error
    else:
        with pytest.raises(exceptions.MovedError) as caught:
            await opened.ask(*(("GET", name) for name in "abcd"))
        told = opener.explain(caught.value)
        await opener.close(opened)
    finally:
        node.ask("ACL", "DELUSER", "shut")
    assert str(told).startswith("RQ does not run on a Redis Cluster")


async def test_a_single_server_is_no_cluster(redis_url: str) -> None:
    url = redis_url.rpartition("/")[0].replace("redis://", "redis+cluster://")
    (reach,) = await sources.examine("redis", {"url": url})
    assert "this is no node of a Cluster: write redis:// for it" in reach.sentence


async def test_the_doctor_names_a_prefix_that_cannot_work(three: topologies.Cluster) -> None:
    async def wrong(prefix: str) -> list[str]:
        table = {"url": three.url, "prefixes": [prefix]}
        found = await sources.examine("bullmq", table)
        return [one.fix for one in found if one.what == "prefixes"]

    assert await wrong("{bull}") == []
    assert await wrong("bull") == ['Set what BullMQ\'s `prefix` is there: prefixes = ["{bull}"]']


async def test_a_login_that_may_not_see_the_slots_is_told_the_right(
    three: topologies.Cluster, admin: Any
) -> None:
    desk(admin, "{bull}", "narrow")
    for node in three.nodes:
        node.ask("ACL", "SETUSER", "narrow", "on", ">word", "~*", "+@read")
    try:
        url = three.url.replace("://", "://narrow:word@")
        (reach,) = await sources.examine("bullmq", {"url": url, "prefixes": ["{bull}"]})
        assert not reach.ok
        assert "needs +cluster|slots" in reach.sentence
        assert "word@" not in reach.sentence
        for node in three.nodes:
            node.ask("ACL", "SETUSER", "narrow", "+cluster|slots")
        async with build("bullmq", url, prefixes=("{bull}",)) as source:
            assert list(await seen(source, 1)) == ["{bull}:narrow"]
            assert "workers: unknown: needs +client|list" in source.describe().capabilities
    finally:
        for node in three.nodes:
            node.ask("ACL", "DELUSER", "narrow")
