"""Making a plan: how far it is, that it can be stopped, what it says, and what is shown after one.

The source is a simulated upstream; the core answers on its socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from mrcore import core, deadline, errors, folder
from mrcore.acting import drafts, planning, works
from mrcore.model import base, plans
from mrcore.runbooks import library
from mrcore.sources import base as sources
from mrcore.store import plans as plan_store
from mrcore.trust import auth
from tests import waiting
from tests.core import harness
from tests.core.test_door import ASHA, RAVI, VIEWER, ended, every_failed, ready, retry, trail

SECOND = timedelta(seconds=1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Slow(harness.Jobs):
    """Plans a target, then waits at the gate before each further one."""

    ended = False

    async def plan(
        self, action: str, selection: plans.Selection, args: plans.Args, progress: sources.Progress
    ) -> AsyncIterator[sources.Planned]:
        assert self.gate is not None
        try:
            for n, job in enumerate(self.states):
                progress(n, len(self.states))
                yield plans.Target(ref=self.ref(job), label=job, guard={"state": "failed"})
                await self.gate.wait()
        finally:
            self.ended = True


class Telling(harness.Jobs):
    """Says what its plan causes."""

    async def plan(
        self, action: str, selection: plans.Selection, args: plans.Args, progress: sources.Progress
    ) -> AsyncIterator[sources.Planned]:
        yield plans.Remark(text="unblocks 12 sessions")
        yield plans.Remark(text="3 are older than a day", level=base.Level.WARN)
        for n, job in enumerate(self.states):
            at = NOON + timedelta(minutes=n)
            yield plans.Target(ref=self.ref(job), label=job, guard={}, note="a note", at=at)


def slow() -> Slow:
    jobs = Slow()
    jobs.gate = asyncio.Event()
    jobs.add("1", "2")
    return jobs


async def test_planning_says_how_far_it_is(state: Path) -> None:
    jobs = slow()
    seen: list[tuple[int, int | None]] = []
    async with harness.running(state, jobs) as here, here.client() as client:
        selection = plans.Selection(ref="huey/queue/emailQueue", collection="jobs")
        asked = asyncio.create_task(
            client.plan("queue.retry", selection, on_progress=lambda *at: seen.append(at))
        )
        await waiting.until(lambda: seen)
        assert seen == [(0, 2)]
        assert jobs.gate is not None
        jobs.gate.set()
        assert (await asked).total == 2


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
async def test_a_client_that_goes_away_stops_the_planning(state: Path, accept: str) -> None:
    jobs = slow()
    async with harness.running(state, jobs) as here:
        found = folder.StateFolder(state).read_json("core.json") or {}
        transport = httpx.AsyncHTTPTransport(uds=str(found["socket"]))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://mrcore", timeout=waiting.LONG_S
        ) as http:
            asked = asyncio.create_task(
                http.post(
                    "/api/v1/plans",
                    content=every_failed().model_dump_json(),
                    headers={"Accept": accept, "Content-Type": "application/json"},
                )
            )
            await waiting.until(lambda: here.core.door._caller.left)
            assert not jobs.ended
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        await waiting.until(lambda: jobs.ended)
        await waiting.until(lambda: not here.core.door._caller.left)


async def test_what_is_refused_comes_through_the_stream_as_what_it_is(state: Path) -> None:
    jobs = harness.Jobs()
    async with harness.running(state, jobs) as here, here.client() as client:
        with pytest.raises(errors.BadRequest, match="acts on a job"):
            await client.plan("queue.retry", harness.selection("huey/queue/emailQueue"))
        with pytest.raises(errors.NotFound, match="no source 'away'"):
            await client.plan("queue.retry", harness.selection("away/job/1"))


async def test_a_deadline_counts_from_the_last_progress() -> None:
    caller, moves = deadline.Caller(), 0

    async def work() -> str:
        nonlocal moves
        for _ in range(5):
            await asyncio.sleep(0.03)
            moves += 1
        return "done"

    assert await caller.call(work, 0.05, "It", moves=lambda: moves) == "done"
    with pytest.raises(errors.Unreachable, match="did not answer"):
        await caller.call(asyncio.Event().wait, 0.05, "It", moves=lambda: moves)


@pytest.mark.parametrize(
    "number", [20_000, pytest.param(drafts.TARGETS_MAX, marks=pytest.mark.proof)]
)
async def test_many_targets_are_planned_without_holding_up_the_loop(
    state: Path, number: int
) -> None:
    jobs = harness.Jobs()
    jobs.add(*map(str, range(number)))
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        task = asyncio.create_task(here.door.plan(ASHA, every_failed()))
        turns = 0
        while not task.done():
            await asyncio.sleep(0.001)
            turns += 1
        plan = await task
        assert (plan.total, len(plan.samples)) == (number, drafts.SAMPLES_MAX)
        assert turns > number // 1_000


async def test_more_targets_than_that_are_refused(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "TARGETS_MAX", 1_000)
    jobs = harness.Jobs()
    jobs.add(*map(str, range(1_001)))
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        with pytest.raises(errors.BadRequest, match="more than 1,000"):
            await here.door.plan(ASHA, every_failed())


async def test_a_plan_says_what_it_causes_what_to_know_and_how_old_its_targets_are(
    state: Path,
) -> None:
    jobs = Telling()
    jobs.add("1", "2", "3")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, every_failed())
        assert plan.causes == ("unblocks 12 sessions", "3 × a note")
        assert plan.warnings == ("3 are older than a day",)
        assert plan.undo == "a job that ran has run"
        assert (plan.oldest_at, plan.newest_at) == (NOON, NOON + timedelta(minutes=2))
        assert not plan.needs_approval


def test_what_has_expired_is_one_line_and_every_line_adds_up() -> None:
    draft, refs = drafts.Draft(), [f"h/job/q/{n}" for n in range(60)]
    for n, of in enumerate(refs):
        age = f"{n} s" if n < 30 else f"{n} min"
        why = f"Its code has expired {age} ago." if n % 2 else f"its code has expired {age} ago"
        draft.leave_out(plans.LeftOut(why=why, count=1, samples=(of,)))
    draft.leave_out(plans.LeftOut(why="It is running.", count=3))
    expired, running = draft.left_out.values()
    assert (expired.count, expired.why) == (60, "Their codes expired 0 s to 59 min ago.")
    assert (running.count, running.why) == (3, "It is running.")


def test_one_that_has_expired_says_when() -> None:
    draft = drafts.Draft()
    draft.leave_out(plans.LeftOut(why="its code has expired 1,200 days ago", count=1))
    assert [one.why for one in draft.left_out.values()] == ["Its code has expired 1,200 days ago."]


def test_of_many_reasons_none_is_lost() -> None:
    draft = drafts.Draft()
    for n in range(2 * drafts.WHYS_MAX):
        draft.leave_out(plans.LeftOut(why=f"reason {n}", count=2))
        draft.leave_out(plans.LeftOut(why=f"Its code has expired {n} s ago.", count=1))
    assert sum(one.count for one in draft.left_out.values()) == 3 * 2 * drafts.WHYS_MAX


def planned(action: base.ActionId, *targets: plans.Target) -> plans.Plan:
    """A plan of these targets, written down."""
    draft = drafts.Draft()
    for target in targets:
        draft._touch(target)
    chosen = plans.Selection(refs=tuple(target.ref for target in targets))
    return planning.write(
        planning.understand(plans.PlanRequest(action=action, selection=chosen)),
        draft,
        plan_id="1",
        login="asha",
        environment="prod",
        needs_approval=lambda risk: False,
        now=NOON,
    )


@pytest.mark.parametrize(("name", "typed"), [("blue", "blue"), ("", "green back to blue")])
def test_what_is_typed_to_confirm_is_a_name_where_there_is_one(name: str, typed: str) -> None:
    back = plans.Target(ref="deploy/colour/green", label="green back to blue", name=name)
    plan = planned("deploy.switch", back)
    assert (plan.label, plan.confirm) == ("Send the traffic to: green back to blue", typed)


def test_a_note_that_stands_behind_its_target_is_no_cause() -> None:
    targets = [
        plans.Target(ref=f"pg/session/{n}/1", label="pid", note=note)
        for n, note in enumerate(("blocks 1", "blocks 1", "blocks 7"))
    ]
    assert planned("pg.terminate", *targets).causes == ("2 × blocks 1",)
    assert planned("pg.terminate", targets[2]).causes == ()
    targets += [plans.Target(ref=f"pg/session/{n}/1", label="pid") for n in range(9, 99)]
    assert planned("pg.terminate", *targets).causes == ("2 × blocks 1", "1 × blocks 7")


@pytest.mark.parametrize(
    ("action", "near"), [("queue.retri", "queue.retry is the nearest; "), ("zzz", "")]
)
def test_an_action_that_there_is_not_leads_to_those_that_there_are(action: str, near: str) -> None:
    request = plans.PlanRequest(action=action, selection=plans.Selection(refs=("a/b/c",)))
    with pytest.raises(errors.BadRequest) as caught:
        planning.understand(request)
    said = f"There is no action '{action}'. {near}mrtui do --list and GET /catalogue have them all."
    assert str(caught.value) == said


async def test_a_critical_plan_of_a_protected_environment_has_time_for_an_approval(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = planning.catalogue.ACTIONS["queue.retry"]
    critical = action.model_copy(update={"risk": plans.Risk.CRITICAL})
    monkeypatch.setitem(planning.catalogue.ACTIONS, "queue.retry", critical)
    monkeypatch.setattr(library, "load", lambda folder, time_scale: {})  # they know its risk
    jobs = harness.Jobs()
    refs = jobs.add("1")
    async with harness.unserved(state, jobs, protected=True) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, retry(*refs))
        assert plan.needs_approval
        assert plan.expires_at - plan.created_at == timedelta(minutes=15)


async def shown(here: core.Core, login: auth.Login, ref: str) -> None:
    request = plans.PlanRequest(action="job.reveal", selection=plans.Selection(refs=(ref,)))
    plan = await here.door.plan(login, request)
    await ended(here, await here.door.apply(login, plan.plan_id, plans.ApplyRequest()))


async def test_what_is_hidden_is_shown_for_a_minute_to_who_has_asked_for_it(state: Path) -> None:
    ahead = timedelta(0)

    def now() -> datetime:
        return sources.utc_now() + ahead

    jobs = harness.Jobs(now=now)
    one, two = jobs.add("1", "2")
    async with harness.unserved(state, jobs, now=now) as here:
        await ready(here)
        with pytest.raises(errors.Forbidden, match=r"Plan and apply job\.reveal"):
            await here.door.reveal(ASHA, one)
        await shown(here, ASHA, one)
        assert jobs.chunks == []
        assert (await here.door.reveal(ASHA, one)).sections[0].text == "s3cret"
        for login, ref in ((RAVI, one), (ASHA, two), (VIEWER, one)):
            with pytest.raises(errors.Forbidden):
                await here.door.reveal(login, ref)
        ahead = timedelta(seconds=61)
        with pytest.raises(errors.Forbidden):
            await here.door.reveal(ASHA, one)
        stages = [(r["stage"], r["login"]) for r in await trail(here)]
        assert stages == [
            ("refused", "asha"),
            ("intent", "asha"),
            ("outcome", "asha"),
            ("refused", "ravi"),
            ("refused", "asha"),
            ("refused", "vera"),
            ("refused", "asha"),
        ]
        with pytest.raises(errors.BadRequest, match="nothing is hidden"):
            await here.door.reveal(ASHA, "huey/queue/emailQueue")


async def test_what_is_gone_cannot_be_shown(state: Path) -> None:
    jobs = harness.Jobs()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        request = plans.PlanRequest(
            action="job.reveal", selection=plans.Selection(refs=(jobs.ref("9"),))
        )
        plan = await here.door.plan(ASHA, request)
        assert [(left.why, left.count) for left in plan.left_out] == [("It is gone.", 1)]


async def test_a_client_is_shown_what_is_hidden(state: Path) -> None:
    jobs = harness.Jobs()
    (ref,) = jobs.add("1")
    async with harness.running(state, jobs) as here, here.client() as client:
        plan = await client.plan("job.reveal", harness.selection(ref))
        assert (await client.planned(plan.plan_id)).plan_id == plan.plan_id
        await client.apply(plan.plan_id)
        await waiting.until(lambda: not here.core.door.busy)
        assert (await client.reveal(ref)).sections[0].text == "s3cret"


async def test_a_refusal_is_given_also_when_it_cannot_be_written(state: Path) -> None:
    jobs = harness.Jobs()
    refs = jobs.add(*(f"{n}{'x' * 3_000}" for n in range(20)))
    async with harness.unserved(state, jobs, protected=True) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, retry(*refs))
        await here.ledger.run(lambda c: c.execute("PRAGMA max_page_count = 1").fetchone())
        with pytest.raises(errors.NotArmed):
            await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
        with pytest.raises(errors.Forbidden):
            await here.door.plan(VIEWER, retry(*refs))


async def test_a_plan_that_expired_is_forgotten_in_portions_and_can_be_made_again_meanwhile(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_store, "PORTION", 2)
    jobs = harness.Jobs()
    refs = jobs.add(*map(str, range(5)))
    request = plans.PlanRequest(action="queue.retry", selection=harness.selection(*refs))
    async with harness.unserved(state, jobs) as here:
        await waiting.until(lambda: here.monitor.tried)

        async def left() -> tuple[int, int]:
            count = "SELECT (SELECT count(*) FROM plan), (SELECT count(*) FROM target)"
            return await here.ledger.read(lambda c: tuple(c.execute(count).fetchone()))

        async def forget(before: datetime) -> bool:
            return await here.ledger.run(lambda c: plan_store.forget_expired(c, before))

        plan = await here.door.plan(ASHA, request)
        before = plan.expires_at + SECOND
        assert not await forget(plan.expires_at)
        assert await forget(before)
        assert await left() == (1, 3)
        again = await here.door.plan(ASHA, request)
        assert (again.plan_id, await left()) == (plan.plan_id, (1, 5))
        assert not await forget(plan.expires_at)
        seen = [await left() for _ in range(3) if await forget(again.expires_at + SECOND)]
        assert seen == [(1, 3), (1, 1), (0, 0)]
        assert not await forget(again.expires_at + SECOND)


async def test_the_core_forgets_what_expired_an_hour_ago(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(works, "FORGET_EVERY_S", 0.02)
    ahead = timedelta(0)
    jobs = harness.Jobs()
    refs = jobs.add("1", "2")
    async with harness.unserved(state, jobs, now=lambda: sources.utc_now() + ahead) as here:
        await waiting.until(lambda: here.monitor.tried)
        request = plans.PlanRequest(action="queue.retry", selection=harness.selection(*refs))
        plan = await here.door.plan(ASHA, request)
        ahead = timedelta(hours=1, minutes=2)

        async def gone() -> bool:
            try:
                await here.door.get(plan.plan_id)
            except errors.PlanNotFound:
                return True
            return False

        await waiting.until(gone)
