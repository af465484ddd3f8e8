"""Undo is a plan: what was done and is still as it was left, never what has moved on since.

The source is a simulated upstream; the ledger and the vault are real.
"""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mrcore import catalogue, core, errors
from mrcore import sources as registry
from mrcore.acting import door, operating, vault, works
from mrcore.model import core as entities
from mrcore.model import plans
from mrcore.sources import base as sources
from tests import waiting
from tests.core import harness, journals
from tests.core.test_door import ASHA, RAVI, ended, fill, free, ready, trail


def remove(*refs: str) -> plans.PlanRequest:
    return plans.PlanRequest(action="job.remove", selection=plans.Selection(refs=refs))


def undo(operation: entities.Operation, *more: str) -> plans.PlanRequest:
    selection = plans.Selection(refs=(operation.ref, *more))
    return plans.PlanRequest(action="undo", selection=selection)


async def done(here: core.Core, request: plans.PlanRequest) -> entities.Operation:
    """The operation that a plan of this led to, when it has ended."""
    plan = await here.door.plan(ASHA, request)
    return await ended(here, await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest()))


def shown(here: core.Core, operation: entities.Operation) -> entities.Operation:
    return next(o for o in here.door.operations() if o.id == operation.id)


async def test_what_was_removed_is_put_back_as_it_was(state: Path) -> None:
    jobs = harness.Jobs()
    refs = [*jobs.add("1", "2"), *jobs.add("3", state="delayed")]
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, remove(*refs))
        assert (plan.undoable, plan.undo, plan.warnings) == (
            True,
            "puts it back where it was, for 24 h",
            (),
        )
        removed = await done(here, remove(*refs))
        assert jobs.states == {}
        assert removed.actions == ("undo",)
        assert removed.undo_until is not None
        back = await here.door.plan(ASHA, undo(removed))
        assert (back.label, back.risk) == ("Undo remove job: 3 targets", plans.Risk.HIGH)
        assert back.causes == ("undoes job.remove",)
        assert (back.undoable, back.undo) == (False, "do it again")
        undone = await ended(
            here, await here.door.apply(ASHA, back.plan_id, plans.ApplyRequest(reason="oops"))
        )
        assert jobs.states == {"1": "failed", "2": "failed", "3": "delayed"}
        assert (undone.done, undone.undoes, undone.actions) == (3, removed.id, ())
        original = shown(here, removed)
        assert (original.undone_by, original.actions) == (undone.id, ())
        rows = await trail(here)
        assert [r["refs"] for r in rows if r["action"] == "undo"] == [refs, refs]
        assert "s3cret" not in str(rows)
        nothing = await here.door.plan(ASHA, undo(removed))
        assert [left.why for left in nothing.left_out] == [
            f"It is undone already, by operation {undone.id}."
        ]
    for path in state.iterdir():
        assert b"s3cret" not in path.read_bytes()


async def test_what_has_moved_on_is_left_out_or_skipped_and_can_be_planned_again(
    state: Path,
) -> None:
    jobs = harness.Jobs()
    refs = jobs.add("1", "2", "3")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        removed = await done(here, remove(*refs))
        jobs.add("1", state="active")
        plan = await here.door.plan(ASHA, undo(removed))
        assert [(left.why, left.samples) for left in plan.left_out] == [
            ("is active again", (refs[0],))
        ]
        jobs.add("2", state="waiting")
        first = await ended(here, await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest()))
        assert (first.done, first.skipped) == (1, 1)
        assert jobs.states == {"1": "active", "2": "waiting", "3": "failed"}
        assert (shown(here, removed).undone_by, shown(here, removed).actions) == (
            first.id,
            ("undo",),
        )
        del jobs.states["2"]
        rest = await here.door.plan(ASHA, undo(removed))
        assert [target.ref for target in rest.samples] == [refs[1]]
        second = await ended(here, await here.door.apply(ASHA, rest.plan_id, plans.ApplyRequest()))
        assert jobs.states["2"] == "failed"
        assert shown(here, removed).undone_by == second.id


async def test_a_large_undo_goes_in_portions_and_says_how_far_it_is(state: Path) -> None:
    jobs = harness.Jobs()
    jobs.add(*map(str, range(1_200)))
    every = plans.Selection(ref="huey/queue/emailQueue", collection="jobs")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        removed = await done(here, plans.PlanRequest(action="job.remove", selection=every))
        seen: list[tuple[int, int | None]] = []
        plan = await here.door.plan(ASHA, undo(removed), lambda *at: seen.append(at))
        assert (plan.total, seen[-1]) == (1_200, (1_200, 1_200))
        assert (500, 1_200) in seen
        await ended(here, await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest()))
        assert jobs.states == dict.fromkeys(map(str, range(1_200)), "failed")


async def test_after_a_day_it_is_over_and_forgotten(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(works, "FORGET_EVERY_S", 0.02)
    ahead = timedelta(0)

    def now() -> datetime:
        return sources.utc_now() + ahead

    jobs = harness.Jobs(now=now)
    refs = jobs.add("1")
    async with harness.unserved(state, jobs, now=now) as here:
        await ready(here)
        removed = await done(here, remove(*refs))
        ahead = timedelta(hours=24, seconds=1)
        assert shown(here, removed).actions == ()
        plan = await here.door.plan(ASHA, undo(removed))
        assert [left.why for left in plan.left_out] == ["It can be undone for 24 h only."]

        def kept(connection: sqlite3.Connection) -> int:
            return int(connection.execute("SELECT count(*) FROM memento").fetchone()[0])

        async def forgotten() -> bool:
            return await here.ledger.run(kept) == 0

        await waiting.until(forgotten)


async def test_without_its_key_the_undo_is_lost_in_words(state: Path) -> None:
    jobs = harness.Jobs()
    refs = jobs.add("1", "2")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        removed = await done(here, remove(*refs))
    (state / vault.NAME).unlink()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, undo(removed))
        (left,) = plan.left_out
        assert (plan.total, left.count) == (0, 2)
        assert "The undo is lost" in left.why


async def test_a_key_that_is_lost_between_plan_and_apply_fails_the_targets(state: Path) -> None:
    jobs = harness.Jobs()
    refs = jobs.add("1")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, undo(await done(here, remove(*refs))))
    (state / vault.NAME).unlink()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        operation = await ended(
            here, await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
        )
        assert (operation.state, operation.failed) == (entities.OperationState.FAILED, 1)
        (outcome,) = (await here.door.targets(plan.plan_id, 0)).outcomes
        assert "The undo is lost" in outcome.why
        assert jobs.states == {}


async def test_what_could_not_be_undone_for_want_of_a_key_is_not_done(state: Path) -> None:
    jobs = harness.Jobs()
    refs = jobs.add("1")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        (state / vault.NAME).write_text("nonsense")
        plan = await here.door.plan(ASHA, remove(*refs))
        with pytest.raises(errors.StoreError, match="is not a key"):
            await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
        assert jobs.chunks == []
        retry = plans.PlanRequest(action="queue.retry", selection=plans.Selection(refs=refs))
        assert (await done(here, retry)).done == 1


async def test_an_outcome_is_not_written_without_its_memento(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operating, "RETRY_S", 0.02)
    jobs = harness.Jobs()
    jobs.gate = asyncio.Event()
    refs = jobs.add(*(f"{n}{'x' * 500}" for n in range(50)))
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, remove(*refs))
        operation = await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
        await here.ledger.run(fill)
        jobs.gate.set()
        await waiting.until(lambda: shown(here, operation).verdict.code == "waits")
        assert shown(here, operation).done == 0
        await here.ledger.run(free)
        removed = await ended(here, operation)
        assert (removed.done, removed.actions, len(jobs.chunks)) == (50, ("undo",), 1)
        assert (await done(here, undo(removed))).done == 50


async def test_the_undo_of_what_was_critical_is_critical(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = harness.Jobs()
    refs = jobs.add("1")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        removed = await done(here, remove(*refs))
        action = catalogue.ACTIONS["job.remove"]
        critical = action.model_copy(update={"risk": plans.Risk.CRITICAL})
        monkeypatch.setitem(catalogue.ACTIONS, "job.remove", critical)
        plan = await here.door.plan(ASHA, undo(removed))
        assert (plan.risk, plan.confirm) == (plans.Risk.CRITICAL, "send 1")


async def test_what_cannot_be_undone_says_so(state: Path) -> None:
    jobs = harness.Jobs()
    refs = jobs.add("1")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        request = plans.PlanRequest(action="queue.retry", selection=plans.Selection(refs=refs))
        plan = await here.door.plan(ASHA, request)
        assert (plan.undoable, plan.undo) == (False, "a job that ran has run")
        retried = await done(here, request)
        assert retried.actions == ()
        for operation, why in (
            (retried, "It cannot be undone."),
            (retried.model_copy(update={"ref": "core/operation/77"}), "It is not an operation"),
            (retried.model_copy(update={"ref": "huey/operation/1"}), "It is not an operation"),
            (retried.model_copy(update={"ref": "core/operation/01"}), "It is not an operation"),
        ):
            (left,) = (await here.door.plan(ASHA, undo(operation))).left_out
            assert why in left.why
        with pytest.raises(errors.BadRequest, match="one operation"):
            await here.door.plan(ASHA, undo(retried, "core/operation/2"))


async def test_an_undo_needs_the_role_of_what_it_undoes(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = harness.Jobs()
    refs = jobs.add("1")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        removed = await done(here, remove(*refs))
        plan = await here.door.plan(RAVI, undo(removed))
        action = door.catalogue.ACTIONS["job.remove"].model_copy(update={"role": "admin"})
        monkeypatch.setitem(door.catalogue.ACTIONS, "job.remove", action)
        with pytest.raises(errors.Forbidden, match=r"job\.remove: it needs the role admin"):
            await here.door.plan(RAVI, undo(removed))
        with pytest.raises(errors.Forbidden, match="role admin"):
            await here.door.apply(RAVI, plan.plan_id, plans.ApplyRequest())
        assert jobs.states == {}
        assert [r["stage"] for r in await trail(here)][-2:] == ["refused", "refused"]


async def test_a_released_quarantine_offers_no_undo_any_more(state: Path, redis_url: str) -> None:
    with journals.desk(redis_url) as desk:

        @desk.huey.task(name="send", retries=0)
        def send() -> None:
            raise OSError("535 refused")

        refs = [f"huey/job/emailQueue/{send().id}" for _ in range(2)]
        desk.run_all()
        source = registry.build("huey", {"url": redis_url})[0]
        async with harness.unserved(state, source) as here:
            await ready(here)

            async def act(action: str, *some: str) -> entities.Operation:
                selection = plans.Selection(refs=some)
                return await done(here, plans.PlanRequest(action=action, selection=selection))

            held = await act("job.quarantine", *refs)
            assert held.actions == ("undo",)
            await act("job.release", refs[0])
            assert shown(here, held).actions == ("undo",), "the other is still there"
            await act("job.release", refs[1])
            assert shown(here, held).actions == ()
            nothing = await here.door.plan(ASHA, undo(held))
            assert [left.why for left in nothing.left_out] == [
                "Nothing is as it left it any more: what it did is over."
            ]
