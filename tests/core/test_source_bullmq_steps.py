"""However long a queue of BullMQ is, no script of ours walks its lists without an end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from mrcore.model import plans, ref
from mrcore.sources import base as source_base
from mrcore.sources import bullmq
from mrcore.sources.bullmq import running
from tests.bench import millions
from tests.contract import bull_jobs

QUEUE, LONG, SOME = "long", 600, 40
STEPS = 1_000
BUDGET = 10
"""How often `STEPS`: a job that waits is looked for, taken out and put back between two others."""

RAVI = plans.By(login="ravi", reason="a test", operation=3)
ARGS: dict[str, plans.Args] = {
    "job.delay": {"by_s": 7200},
    "job.priority": {"priority": 9},
    "job.edit": {"patch": [{"op": "replace", "path": "/n", "value": "edited"}]},
}
ACTS = [
    *(("queue.retry", "failed"), ("job.edit", "failed"), ("job.promote", "delayed")),
    *(("job.delay", "delayed"), ("job.priority", "delayed"), ("job.priority", "wait")),
    *(("job.duplicate", "failed"), ("job.duplicate", "wait"), ("job.quarantine", "failed")),
    *(("job.quarantine", "wait"), ("job.remove", "wait"), ("job.remove", "delayed")),
]


class Steps:
    """How many items of lists each script has walked over at most."""

    def __init__(self) -> None:
        self.of_scripts: list[int] = []

    def note(self, one: dict[str, Any], length: int) -> None:
        words = one["command"].split()
        if words[0].upper() in ("EVAL", "EVALSHA"):
            self.of_scripts.append(0)
        elif one["client_type"] == "lua":
            name = words[0].upper()
            if name == "LPOS":
                self.of_scripts[-1] += min(int(words[words.index("MAXLEN") + 1]), length)
            elif name in ("LREM", "LINSERT"):
                self.of_scripts[-1] += length


@contextlib.contextmanager
def counted(url: str) -> Iterator[Steps]:
    """Follows what Redis does meanwhile."""
    steps = Steps()
    with redis.Redis.from_url(url) as conn, conn.monitor() as monitor:

        def follow() -> None:
            for one in monitor.listen():
                if one["command"] == "ECHO over":
                    return
                steps.note(one, LONG)

        reader = threading.Thread(target=follow)
        reader.start()
        try:
            yield steps
        finally:
            conn.echo("over")
            reader.join()


@pytest.fixture
def desk(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[bull_jobs.Desk]:
    """A long queue, as long to our budget as a million jobs are to the real one."""
    monkeypatch.setattr(running, "_STEPS", STEPS)
    with redis.Redis.from_url(redis_url) as conn:
        millions.bull(conn, QUEUE, "wait", 1, LONG)
        yield bull_jobs.Desk(conn)


def source(url: str) -> source_base.Source:
    settings = bullmq.Settings(url=SecretStr(url))
    return bullmq.open_source("bullmq", settings, now=source_base.utc_now)


async def planned(of: source_base.Source, action: str, ids: Sequence[str]) -> list[plans.Target]:
    refs = tuple(ref.make("bullmq", "job", QUEUE, one) for one in ids)
    selection, args = plans.Selection(refs=refs), ARGS.get(action, {})
    parts = [part async for part in of.plan(action, selection, args, lambda n, total: None)]
    found = [part for part in parts if isinstance(part, plans.Target)]
    assert len(found) == len(ids)
    return found


def some(desk: bull_jobs.Desk, state: str) -> list[str]:
    """Jobs in that state; of those that wait, the ones in the middle."""
    if state == "wait":
        middle = LONG // 2
        return [str(n) for n in range(middle, middle + SOME)]
    return [desk.add(QUEUE, state) for _ in range(SOME)]


@pytest.mark.parametrize(("action", "state"), ACTS)
async def test_acts_and_their_undo_walk_no_further_than_their_budget(
    desk: bull_jobs.Desk, redis_url: str, action: str, state: str
) -> None:
    ids = some(desk, state)
    async with source(redis_url) as of:
        targets = await planned(of, action, ids)
        with counted(redis_url) as steps:
            outcomes = await of.apply(action, targets, ARGS.get(action, {}), RAVI)
            assert {one.outcome for one in outcomes} == {plans.Outcome.DONE}
            done = [
                plans.Undoable(target=target, memento=outcome.memento)
                for target, outcome in zip(targets, outcomes, strict=True)
                if outcome.memento
            ]
            if done:
                undone = await of.undo(action, done, RAVI)
                assert {one.outcome for one in undone} == {plans.Outcome.DONE}
    assert steps.of_scripts
    assert max(steps.of_scripts) <= BUDGET * STEPS


@pytest.mark.parametrize("action", ["queue.retry", "job.edit", "job.quarantine", "job.duplicate"])
@pytest.mark.parametrize("now", ["wait", "active", "gone"])
async def test_targets_that_moved_on_are_not_looked_for_in_lists(
    desk: bull_jobs.Desk, redis_url: str, action: str, now: str
) -> None:
    ids = some(desk, "failed")
    async with source(redis_url) as of:
        targets = await planned(of, action, ids)
        desk.conn.zrem(desk.key(QUEUE, "failed"), *ids)
        middle = desk.conn.lindex(desk.key(QUEUE, "wait"), LONG // 2)
        for one in ids:
            if now == "wait":
                desk.conn.linsert(desk.key(QUEUE, "wait"), "BEFORE", middle, one)
            elif now == "active":
                desk.conn.lpush(desk.key(QUEUE, "active"), one)
            else:
                desk.conn.delete(desk.key(QUEUE, one))
        with counted(redis_url) as steps:
            outcomes = await of.apply(action, targets, ARGS.get(action, {}), RAVI)
    assert {one.outcome for one in outcomes} == {plans.Outcome.SKIPPED}
    if now == "gone":
        assert all("gone" in one.why for one in outcomes)
    else:
        assert all("failed → " in one.why for one in outcomes)
        assert all("waiting" in one.why or now == "active" for one in outcomes)
    assert max(steps.of_scripts) <= BUDGET * STEPS


async def test_what_has_moved_to_an_end_of_a_list_is_said(
    desk: bull_jobs.Desk, redis_url: str
) -> None:
    waits, runs = desk.add(QUEUE, "failed"), desk.add(QUEUE, "failed")
    async with source(redis_url) as of:
        targets = await planned(of, "queue.retry", [waits, runs])
        desk.conn.zrem(desk.key(QUEUE, "failed"), waits, runs)
        desk.conn.lpush(desk.key(QUEUE, "wait"), waits)
        desk.conn.lpush(desk.key(QUEUE, "active"), runs)
        whys = [one.why for one in await of.apply("queue.retry", targets, {}, RAVI)]
    assert ["failed → waiting," in whys[0], "failed → active," in whys[1]] == [True, True]
