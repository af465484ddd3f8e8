"""The connection breaks in the middle of a chunk: nothing is lost, and what was done is undone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from mrcore import sources
from mrcore.client import CoreClient
from mrcore.journal import scripts
from mrcore.model import core, plans, ref
from mrcore.sources.huey import moving
from mrcore.sources.redis import link
from tests import servers, waiting
from tests.core import harness, journals

KEYS = 40


@pytest.fixture
def admin(redis_url: str) -> Iterator[redis.Redis]:
    with contextlib.closing(redis.Redis.from_url(redis_url)) as client:
        yield client


def cut(monkeypatch: pytest.MonkeyPatch, word: str, turn: int, *, heard: bool) -> None:
    """Break the connection at the `turn`th round trip that says `word`, once; `heard` by Redis."""
    turns, asks = 0, link.Client.ask

    async def ask(self: link.Client, *commands: link.Command) -> list[Any]:
        nonlocal turns
        turns += any(word in str(part) for command in commands for part in command)
        if turns != turn or not any(word in str(p) for command in commands for p in command):
            return await asks(self, *commands)
        turns += 1
        if heard:
            await asks(self, *commands)
        raise redis.ConnectionError("Connection closed by server.")

    monkeypatch.setattr(link.Client, "ask", ask)


async def applied(client: CoreClient, plan: plans.Plan) -> core.Operation:
    operation = await client.apply(plan.plan_id, reason="a test", confirm=plan.confirm)

    async def ended() -> core.Operation | None:
        entity = (await client.detail(operation.ref)).entity
        assert isinstance(entity, core.Operation)
        return entity if entity.finished_at else None

    return await waiting.until(ended, what="the end of the operation")


async def undone(client: CoreClient, operation: core.Operation) -> core.Operation:
    assert "undo" in operation.actions
    return await applied(client, await client.plan("undo", harness.selection(operation.ref), {}))


@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize(
    ("way", "word", "turn"), [("dump", "UNLINK", 6), ("trash", "Put one key into", 2)]
)
async def test_no_key_is_lost(
    state: Path,
    redis_url: str,
    admin: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    word: str,
    turn: int,
    *,
    heard: bool,
) -> None:
    login = servers.new_name("few")
    forbidden = ("-rename",) if way == "dump" else ()
    admin.execute_command("ACL", "SETUSER", login, "on", ">pw", "~*", "&*", "+@all", *forbidden)
    values = {f"k{n:02}": f"value {n}" for n in range(KEYS)}
    admin.mset(values)
    admin.pexpire("k03", 3_600_000)
    source, *_ = sources.build("redis", {"url": redis_url.replace("//", f"//{login}:pw@", 1)})
    refs = [ref.make("redis", "key", name.encode()) for name in values]
    async with harness.running(state, source) as here, here.client() as client:
        plan = await client.plan("key.delete", harness.selection(*refs), {})
        cut(monkeypatch, word, turn, heard=heard)
        operation = await applied(client, plan)
        left = {key.decode() for key in admin.keys("k*")}
        assert 0 < len(left) < KEYS
        assert operation.done > 0
        assert operation.done + operation.failed == KEYS
        assert operation.done < KEYS - len(left) if heard else operation.done == KEYS - len(left)
        back = await undone(client, operation)
        assert back.failed == 0
        assert {k: v.decode() for k, v in zip(values, admin.mget(values), strict=True)} == values
        assert admin.pttl("k03") > 0
        assert not admin.keys("mr:trash:*")


@pytest.mark.parametrize("heard", [False, True])
async def test_no_job_is_lost(
    state: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch, *, heard: bool
) -> None:
    with journals.desk(redis_url) as desk:
        task = desk.huey.task(name="send")(lambda n: None)
        ids = [task(n).id for n in range(120)]
        before = desk.conn.dump(desk.journal.place.waiting)
        source, *_ = sources.build("huey", {"url": redis_url})
        refs = [ref.make("huey", "job", "emailQueue", job_id) for job_id in ids]
        async with harness.running(state, source) as here, here.client() as client:
            plan = await client.plan("job.remove", harness.selection(*refs), {})
            desk.conn.script_load(scripts.text("remove"))
            cut(monkeypatch, str(moving.TRASH_MS), 2, heard=heard)
            operation = await applied(client, plan)
            assert 0 < operation.failed < len(ids) == operation.done + operation.failed
            assert desk.queued() == (0 if heard else operation.failed)
            assert (await undone(client, operation)).failed == 0
            assert desk.conn.dump(desk.journal.place.waiting) == before
            assert set(desk.ids("waiting")) == set(ids)
