"""A Redis login with `+@read` alone sees all that there is, and is told what acting needs.

On huey, RQ and BullMQ alike, in database 0: another one needs `+select`, which reads nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, NamedTuple

import pytest
import redis

from mrcore import errors, sources
from mrcore.model import base, plans, ref, wire
from mrcore.sources import base as source_base
from tests import servers
from tests.lives import engine, opening, script, telling

LIFE = script.jobs(24)
ACTIONS = {
    "queue.retry": script.Fate.FAILED,
    "job.remove": script.Fate.FAILED,
    "job.duplicate": script.Fate.FAILED,
    "job.promote": script.Fate.DELAYED,
    "job.quarantine": script.Fate.WAITING,
    "queue.drain": None,
    "queue.pause": None,
}
"""Some of each kind, and what they are done to: a job of that fate, or the queue."""


class Both(NamedTuple):
    """A lived life, seen with every right and with the one to read."""

    on: engine.Engine
    conn: Any
    table: dict[str, Any]
    login: str


@pytest.fixture(scope="module", params=["huey", "rq", "bullmq"])
def on(
    request: pytest.FixtureRequest, valkey: servers.Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[engine.Engine]:
    folder = tmp_path_factory.mktemp(request.param)
    with opening.opened(request.param, valkey.url(0), folder) as made:
        yield made


@pytest.fixture
async def both(on: engine.Engine, valkey: servers.Valkey) -> AsyncIterator[Both]:
    with contextlib.closing(redis.Redis(port=valkey.port)) as conn:
        if not on.ids:
            async with opening.source(on) as source:
                await engine.live(on, source, LIFE)
        login = servers.new_name("reader")
        rights = ("on", f">{servers.PASSWORD}", "~*", "+@read")
        conn.execute_command("ACL", "SETUSER", login, *rights)
        url = valkey.url(0).replace("redis://", f"redis://{login}:{servers.PASSWORD}@")
        yield Both(on, conn, {**on.table(), "url": url}, login)
        conn.execute_command("ACL", "DELUSER", login)


def reading(both: Both) -> source_base.Source:
    return sources.build(both.on.kind, {k: v for k, v in both.table.items() if k != "kind"})[0]


async def everything(source: source_base.Source, on: engine.Engine) -> dict[str, Any]:
    """Counts, all collections and all details, without what is offered."""
    owner, some = ref.make(source.name, "queue", on.queue), list(on.ids.values())
    row = await telling.the_queue(source, on.queue)
    found: dict[str, Any] = {"counts": row.counts}
    for state in script.counts(LIFE):
        found[state] = await telling.ids(source, on.queue, state)
    found["groups"] = await telling.groups(source, on.queue)
    for text in ("", "refused"):
        page = await source.page(owner, "found", plans.Query(text=text, limit=300), None, 0)
        found[f"found {text}"] = [one.ref for one in page.rows]
    good = ref.make(source.name, "job", on.queue, some[0])
    page = await source.page(good, "like", plans.Query(limit=10), None, 0)
    found["like"] = [one.ref for one in page.rows]
    for job_id in on.told():
        of = ref.make(source.name, "job", on.queue, job_id)
        found[job_id] = _content(await source.detail(of))
    return found


def _content(detail: wire.Detail) -> tuple[Any, ...]:
    told = telling.of_detail(detail)
    return told, [(s.id, s.data, s.text, s.fields) for s in detail.sections], detail.links


async def test_who_may_read_sees_everything(both: Both) -> None:
    async with opening.source(both.on) as whole, reading(both) as source:
        assert await everything(source, both.on) == await everything(whole, both.on)
        row = await telling.the_queue(source, both.on.queue)
        assert row.actions == ()
        assert source.describe().actions == ("job.reveal",)


@pytest.mark.parametrize("action", ACTIONS)
async def test_what_needs_more_says_which_right(both: Both, action: base.ActionId) -> None:
    fate = ACTIONS[action]
    of = ref.make(both.on.kind, "queue", both.on.queue)
    if fate is not None:
        job = next(job for job in LIFE if job.fate is fate)
        of = ref.make(both.on.kind, "job", both.on.queue, both.on.ids[job.n])
    before = {key: both.conn.dump(key) for key in both.conn.scan_iter()}
    async with reading(both) as source:
        await telling.the_queue(source, both.on.queue)
        (said,) = (one for one in source.describe().capabilities if "ACL SETUSER" in one)
        line = f"ACL SETUSER {both.login} +"
        assert line in said
        assert any(line in why for why in await refused(source, action, of))
    after = {key: both.conn.dump(key) for key in both.conn.scan_iter()}
    assert {key for key in before | after if before.get(key) != after.get(key)} <= beats(after)


async def refused(source: source_base.Source, action: base.ActionId, of: base.Ref) -> Sequence[str]:
    """Why it was not done."""
    try:
        selection = plans.Selection(refs=(of,))
        parts = [p async for p in source.plan(action, selection, {}, lambda n, total: None)]
        targets = [part for part in parts if isinstance(part, plans.Target)]
        outcomes = await source.apply(action, targets, {}, engine.BY) if targets else []
    except errors.NotPermitted as error:
        return [str(error)]
    assert [one for one in outcomes if one.outcome is plans.Outcome.DONE] == []
    left = [part.why for part in parts if isinstance(part, plans.LeftOut)]
    return [*left, *(one.why for one in outcomes)]


def beats(keys: Any) -> set[bytes]:
    """What workers write by themselves: that they live."""
    return {key for key in keys if b"worker" in key or b"alive" in key}


async def test_the_line_that_is_named_is_enough(both: Both) -> None:
    async with opening.source(both.on) as whole:
        await telling.the_queue(whole, both.on.queue)
        can = set(whole.describe().actions)
    async with reading(both) as source:
        await telling.the_queue(source, both.on.queue)
        lines = [one for one in source.describe().capabilities if "ACL SETUSER" in one]
    for line in lines:
        both.conn.execute_command(*line[line.index("ACL SETUSER") :].rstrip(".").split())
    async with reading(both) as source:
        await telling.the_queue(source, both.on.queue)
        assert set(source.describe().actions) == can
        failed = next(job for job in LIFE if job.fate is script.Fate.FAILED)
        of = ref.make(both.on.kind, "job", both.on.queue, both.on.ids[failed.n])
        await engine.act(source, "job.duplicate", [of])
