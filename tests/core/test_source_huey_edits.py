"""Edits, copies, other times and removed schedules of huey, beyond what every action keeps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import huey
import pytest

from mrcore import errors, scheduler, sources
from mrcore.model import plans, queue, ref
from mrcore.sources import base as source_base
from mrcore.sources.engine import emptying
from tests.core import journals

ENDS = emptying.ENDS.text
ASHA = plans.By(login="asha", reason="poison", operation=1)


@pytest.fixture
def desk(redis_url: str) -> Iterator[journals.Desk]:
    with journals.desk(redis_url) as made:
        yield made


async def plan(
    source: source_base.Source, action: str, *refs: str, **args: Any
) -> tuple[list[plans.Target], list[str]]:
    """Targets, and what else the plan says."""
    targets, said = [], []
    chosen = plans.Selection(refs=refs)
    async for part in source.plan(action, chosen, args, lambda looked, total: None):
        if isinstance(part, plans.Target):
            targets.append(part)
        else:
            said.append(part.text if isinstance(part, plans.Remark) else part.why)
    return targets, said


async def act(source: source_base.Source, action: str, *refs: str, **args: Any) -> list[str]:
    targets, _ = await plan(source, action, *refs, **args)
    outcomes = await source.apply(action, targets, args, ASHA)
    assert [o.outcome for o in outcomes] == [plans.Outcome.DONE] * len(refs), outcomes
    return [outcome.why for outcome in outcomes]


def job_ref(job_id: str) -> str:
    return ref.make("huey", "job", "emailQueue", job_id)


def opened(url: str) -> source_base.Source:
    return sources.build("huey", {"url": url})[0]


def replaced(path: str, value: Any) -> list[dict[str, Any]]:
    return [{"op": "replace", "path": path, "value": value}]


async def test_an_edited_job_runs_with_what_was_written_and_keeps_the_rest(
    redis_url: str, desk: Any
) -> None:
    ran: list[Any] = []

    @desk.huey.task(name="send", retries=1)
    def send(to: str, pair: tuple[int, ...], *, code: int, more: Any = None) -> None:
        ran.append((to, pair, code, more))
        if to == "wrong":
            raise OSError("535 refused")

    job = send("wrong", (1, (2, 3)), code=7)
    desk.run_all()
    async with opened(redis_url) as source:
        patch = [*replaced("/args/0", "right"), {"op": "add", "path": "/kwargs/more", "value": [1]}]
        _, said = await plan(source, "job.edit", job_ref(job.id), patch=patch)
        assert said == ["changes /args/0, /kwargs/more"]
        assert await act(source, "job.edit", job_ref(job.id), patch=patch) == [
            "edited, attempt 2 → 3"
        ]
    assert desk.job(job.id).payload == {
        "args": ["right", [1, [2, 3]]],
        "kwargs": {"code": 7, "more": [1]},
    }
    desk.run_all()
    assert ran[-1] == ("right", (1, (2, 3)), 7, [1])
    assert (desk.job(job.id).state, desk.job(job.id).attempts) == ("completed", 3)


async def test_a_hidden_value_is_never_written_back_as_its_tag(redis_url: str, desk: Any) -> None:
    async with opened(redis_url) as source:
        for value in ("email:3fa91c", {"to": ["email:•••"]}, "Bearer token:9c1f2e"):
            with pytest.raises(errors.BadRequest, match="stands in place of a value"):
                await plan(source, "job.edit", job_ref("1"), patch=replaced("/args/0", value))
        for patch in (None, [], "x"):
            with pytest.raises(errors.BadRequest, match="needs at least one"):
                await plan(source, "job.edit", job_ref("1"), patch=patch)


async def test_what_cannot_be_edited_says_why(redis_url: str, desk: Any) -> None:
    @desk.huey.task(name="send")
    def send(what: Any) -> None:
        raise OSError("refused")

    job, when, other = send(1), send(datetime.now(UTC)), send(ValueError("x"))
    desk.run_all()
    async with opened(redis_url) as source:
        refs = [job_ref(one.id) for one in (job, when, other)]
        targets, said = await plan(source, "job.edit", *refs, patch=replaced("/args/5", 1))
        assert targets == []
        assert any("/args/5" in why for why in said)
        assert "Its payload holds what JSON has no word for, and would be changed." in said
        _, said = await plan(source, "job.edit", refs[0], patch=replaced("/args", {"a": 1}))
        assert said[0] == "The args of a payload are a list and its kwargs an object."


async def test_a_delayed_job_runs_when_it_was_told_to(redis_url: str, desk: Any) -> None:
    ran: list[int] = []
    note = desk.huey.task(name="note")(ran.append)
    jobs = [note.schedule((n,), delay=10_000) for n in range(3)]
    desk.run_all()
    assert ran == []
    async with opened(redis_url) as source:
        await act(source, "job.promote", job_ref(jobs[0].id))
        desk.run_all()
        assert ran == [0]
        await act(source, "job.delay", job_ref(jobs[1].id), by_s=60)
        due = desk.job(jobs[1].id).due_at - datetime.now(UTC).timestamp()
        assert 50 < due < 61
        later = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=90)
        assert desk.journal.move_due(later) == 1
        desk.huey._get_timestamp = lambda: later
        desk.run_all()
        assert ran == [0, 1]
        for wrong in (None, -1, True, "5", 10**12):
            with pytest.raises(errors.BadRequest, match="by_s is 0 to"):
                await plan(source, "job.delay", job_ref(jobs[2].id), by_s=wrong)


async def test_a_copy_runs_beside_its_job(redis_url: str, desk: Any) -> None:
    ran: list[int] = []
    note = desk.huey.task(name="note", retries=3)(ran.append)
    job = note(4)
    async with opened(redis_url) as source:
        (why,) = await act(source, "job.duplicate", job_ref(job.id))
        copy = desk.job(ref.parse(why.removeprefix("copied as ")).id)
        assert (copy.state, copy.max_attempts, copy.payload) == (
            "waiting",
            4,
            desk.job(job.id).payload,
        )
    desk.run_all()
    assert ran == [4, 4]


async def test_cleaning_takes_what_has_ended_long_ago(redis_url: str, desk: Any) -> None:
    note = desk.huey.task(name="note")(lambda n: None)
    old, new = note(1), note(2)
    desk.run_all()
    at = desk.keys.state("completed")
    desk.conn.zadd(at, {old.id: datetime.now(UTC).timestamp() - 4_000})
    owner = ref.make("huey", "queue", "emailQueue")
    async with opened(redis_url) as source:
        targets, _ = await plan(source, "queue.clean", owner, state="completed")
        assert [t.ref for t in targets] == [job_ref(old.id)]
        targets, _ = await plan(source, "queue.clean", owner, state="completed", older_s=0)
        assert [t.ref for t in targets] == [job_ref(old.id), job_ref(new.id)]
        for args, why in (
            ({}, "state is completed or failed, not None"),
            ({"state": "active"}, "state is completed or failed, not 'active'"),
            ({"state": "failed", "older_s": "1 h"}, "older_s is a number of seconds, not '1 h'"),
        ):
            with pytest.raises(errors.BadRequest, match=why):
                await plan(source, "queue.clean", owner, **args)
        note(3)
        note.schedule((4,), delay=1_000)
        desk.journal.claim()
        desk.run_all()
        note(5)
        targets, said = await plan(source, "queue.drain", owner)
        assert (len(targets), said) == (
            1,
            ["1 job has not run yet, and will not", ENDS],
        )
        targets, _ = await plan(source, "queue.drain", owner, delayed=True)
        assert {t.note for t in targets} == {"waiting", "delayed"}


async def test_a_removed_schedule_enqueues_nothing_until_it_is_registered(
    redis_url: str, desk: Any
) -> None:
    desk.huey.task(name="digest")(lambda: None)
    declared = scheduler.Declared("night", "emailQueue", "digest", timedelta(hours=1))
    clock = [datetime.now(UTC)]

    def one(owner: str) -> scheduler.Scheduler:
        return scheduler.Scheduler(
            {"emailQueue": desk.huey}, [declared], owner=owner, now=lambda: clock[0]
        )

    made, of = one("a"), ref.make("huey", "schedule", "night")
    assert made.tick() == 1
    async with opened(redis_url) as source:
        await act(source, "schedule.remove", of)
        row = await seen(source, of)
        assert (row.verdict.code, row.actions) == ("removed", ("schedule.register",))
        assert row.verdict.why == "Removed by asha (poison): it enqueues nothing."
        clock[0] += timedelta(hours=5)
        assert made.tick() == 0
        made.release()
        other = one("b")  # a new boot declares it again, and it stays removed
        assert other.tick() == 0
        clock[0] += timedelta(hours=1)
        assert other.tick() == 0
        _, said = await plan(source, "schedule.run", of)
        assert said == ["It is removed: register it again first."]
        await act(source, "schedule.register", of)
        assert other.tick() == 0, "its tick is over"
        clock[0] += timedelta(hours=1)
        assert other.tick() == 1
        row = await seen(source, of)
        assert (row.missed, row.actions) == (0, ("schedule.run", "schedule.remove"))


async def seen(source: source_base.Source, of: str) -> queue.Schedule:
    for entity in (await source.sample()).entities:
        if entity.ref == of and isinstance(entity, queue.Schedule):
            return entity
    raise AssertionError(f"there is no {of}")


async def test_a_priority_is_of_a_queue_with_priorities(redis_url: str, desk: Any) -> None:
    made = huey.PriorityRedisHuey("ranked", connection_pool=desk.pool)
    ran: list[int] = []
    note = made.task(name="note")(ran.append)
    jobs = [note(n) for n in range(3)]
    plain = desk.huey.task(name="note")(ran.append)(9)
    async with opened(redis_url) as source:
        last = ref.make("huey", "job", "ranked", jobs[2].id)
        targets, _ = await plan(source, "job.priority", last, priority=5)
        assert [t.note for t in targets] == ["priority 0 → 5"]
        await act(source, "job.priority", last, priority=5)
        targets, said = await plan(source, "job.priority", job_ref(plain.id), priority=5)
        assert targets == []
        assert "queue with priorities" in said[0]
        for wrong in (None, -1, True, 2_097_152):
            with pytest.raises(errors.BadRequest, match="priority is a number"):
                await plan(source, "job.priority", last, priority=wrong)
    while (task := made.dequeue()) is not None:
        made.execute(task)
    assert ran == [2, 0, 1]


async def test_an_edit_sends_no_expired_code_but_with_another_expiry(
    redis_url: str, desk: Any
) -> None:
    @desk.huey.task(name="sendOtp")
    def send(to: str, **more: Any) -> None:
        raise OSError("535 refused")

    past = datetime.now(UTC) - timedelta(minutes=3)
    job = job_ref(send("wrong", expiresAt=past.isoformat()).id)
    desk.run_all()
    later = (datetime.now(UTC) + timedelta(minutes=3)).isoformat()
    async with opened(redis_url) as source:
        patch = replaced("/args/0", "right")
        assert await plan(source, "job.edit", job, patch=patch) == (
            [],
            ["Its code has expired 3 min ago.", "changes /args/0"],
        )
        fresh = [*patch, *replaced("/kwargs/expiresAt", later)]
        assert len((await plan(source, "job.edit", job, patch=fresh))[0]) == 1
