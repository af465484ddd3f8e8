"""The door: nothing without its intent on the disk, each target at most once, one operation a plan.

The sources are simulated upstreams; the ledger is real.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mrcore import catalogue, core, errors
from mrcore.acting import operating, pacing, steps
from mrcore.alerts import rule
from mrcore.model import base, plans, wire
from mrcore.model import core as entities
from mrcore.runbooks import library
from mrcore.sources import base as sources
from mrcore.trust import audit, auth
from tests import waiting
from tests.core import harness

ASHA = auth.Login("asha", ("operator",), "token")
RAVI = auth.Login("ravi", ("operator",), "token")
VIEWER = auth.Login("vera", ("viewer", "auditor"), "token")


def retry(*refs: str) -> plans.PlanRequest:
    return plans.PlanRequest(action="queue.retry", selection=plans.Selection(refs=refs))


def every_failed() -> plans.PlanRequest:
    selection = plans.Selection(
        ref="huey/queue/emailQueue", collection="jobs", query=plans.Query(state="failed")
    )
    return plans.PlanRequest(action="queue.retry", selection=selection)


async def ended(here: core.Core, operation: entities.Operation) -> entities.Operation:
    def find() -> entities.Operation | None:
        found = [o for o in here.door.operations() if o.id == operation.id]
        return found[0] if found and found[0].finished_at else None

    result = await waiting.until(find, what="the operation's end")
    await waiting.until(lambda: not here.door.busy)
    assert result is not None
    return result


async def trail(here: core.Core) -> list[dict[str, Any]]:
    """The audit's bodies, oldest first, after checking the chain."""

    def read(connection: sqlite3.Connection) -> list[dict[str, Any]]:
        assert audit.verify(connection).broken_at is None
        return [json.loads(b) for (b,) in connection.execute("SELECT body FROM audit ORDER BY seq")]

    return await here.ledger.run(read)


async def ready(here: core.Core) -> None:
    await waiting.until(lambda: here.monitor.tried)


async def test_retrying_one_job_is_planned_audited_done_and_seen(state: Path) -> None:
    jobs = harness.Jobs()
    (ref,) = jobs.add("7")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        subscriber = here.hub.subscribe()
        subscriber.take()
        plan = await here.door.plan(ASHA, retry(ref))
        assert (plan.total, plan.risk, plan.login) == (1, plans.Risk.LOW, "asha")
        assert plan.label == "Retry failed job: send 7"
        assert plan.samples[0].guard == {"state": "failed"}
        assert (plan.causes, plan.samples[0].note) == ((), "ECONNREFUSED")
        operation = await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest(reason="INC-4"))
        done = await ended(here, operation)
        assert (done.state, done.done, done.total) == (entities.OperationState.DONE, 1, 1)
        intent, outcome = await trail(here)
        assert (intent["stage"], intent["refs"], intent["reason"]) == ("intent", [ref], "INC-4")
        assert (outcome["stage"], outcome["outcome"]) == ("outcome", "done")
        assert intent["login"] == outcome["login"] == "asha"
        # The row has changed before the screens are told to look.
        events = subscriber.take()
        touched = next(e for e in events if isinstance(e, wire.Touched))
        assert ref in touched.refs
        live = here.hub.entity(ref, "huey")
        assert live is not None
        assert live.actions == ()


async def test_left_outs_are_counted_by_reason_and_nothing_to_do_is_refused(state: Path) -> None:
    jobs = harness.Jobs()
    refs = jobs.add("1", "2", state="active")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, retry(*refs, jobs.ref("3")))
        assert plan.total == 0
        assert [(left.why, left.count) for left in plan.left_out] == [
            ("is active", 2),
            ("is gone", 1),
        ]
        with pytest.raises(errors.BadRequest, match="no targets"):
            await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())


async def test_many_targets_go_in_chunks_with_the_intent_before_each(state: Path) -> None:
    jobs = harness.Jobs()
    jobs.add(*map(str, range(1_200)))
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, every_failed())
        assert (plan.total, len(plan.samples), plan.risk) == (1_200, 50, plans.Risk.HIGH)
        intents: list[list[str]] = []
        apply = jobs.apply

        async def looked(action: str, chunk: Any, args: plans.Args, by: plans.By) -> Any:
            with sqlite3.connect(state / "ledger.sqlite") as other:
                last = "SELECT body FROM audit ORDER BY seq DESC LIMIT 1"
                body = json.loads(other.execute(last).fetchone()[0])
            other.close()
            assert body["stage"] == "intent"
            intents.append(body["refs"])
            return await apply(action, chunk, args, by)

        jobs.apply = looked  # type: ignore[method-assign]
        done = await ended(here, await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest()))
        assert (done.done, done.skipped, done.failed) == (1_200, 0, 0)
        assert len(jobs.chunks) > 2
        assert max(map(len, jobs.chunks)) <= 500
        assert intents == jobs.chunks
        outcomes = [row["refs"] for row in await trail(here) if row["stage"] == "outcome"]
        assert outcomes == jobs.chunks
        page = await here.door.targets(plan.plan_id, 1_000)
        assert (len(page.targets), page.following) == (200, None)
        assert {o.outcome for o in page.outcomes} == {plans.Outcome.DONE}
        assert (await here.door.targets(plan.plan_id, 0)).following == 500


async def test_a_target_that_moved_on_is_skipped(state: Path) -> None:
    jobs = harness.Jobs()
    refs = jobs.add("1", "2")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, retry(*refs))
        jobs.states["2"] = "active"
        done = await ended(here, await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest()))
        assert (done.done, done.skipped) == (1, 1)
        rows = [(r["outcome"], r["refs"]) for r in await trail(here) if r["stage"] == "outcome"]
        assert rows == [("done", [refs[0]]), ("skipped", [refs[1]])]


async def test_the_same_login_gets_the_same_operation_another_is_refused(state: Path) -> None:
    jobs = harness.Jobs()
    jobs.gate = asyncio.Event()
    (ref,) = jobs.add("1")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, retry(ref))
        with pytest.raises(errors.PlanTaken, match="asha"):
            await here.door.apply(RAVI, plan.plan_id, plans.ApplyRequest())
        first, second = await asyncio.gather(
            here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest()),
            here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest()),
        )
        assert first.id == second.id
        same = await here.door.plan(RAVI, retry(ref))
        assert same.plan_id == plan.plan_id
        with pytest.raises(errors.PlanTaken, match="asha has applied"):
            await here.door.apply(RAVI, same.plan_id, plans.ApplyRequest())
        jobs.gate.set()
        await ended(here, first)
        assert (await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())).id == first.id
        assert len(jobs.chunks) == 1


async def test_what_was_begun_goes_on_when_whoever_asked_has_gone(state: Path) -> None:
    jobs = harness.Jobs()
    jobs.add("1")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, every_failed())
        asking = asyncio.create_task(
            here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest()), name="asking"
        )
        await asyncio.sleep(0)  # the ledger's thread has it now
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert asking.cancelled()
        await waiting.until(lambda: jobs.states == {"1": "waiting"}, what="the job retried")


async def test_the_plan_is_the_hash_of_what_it_would_do(state: Path) -> None:
    jobs = harness.Jobs()
    one, two = jobs.add("1", "2")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        first = await here.door.plan(ASHA, retry(one))
        assert (await here.door.plan(RAVI, retry(one))).plan_id == first.plan_id
        assert (await here.door.plan(ASHA, retry(two))).plan_id != first.plan_id
        await ended(here, await here.door.apply(ASHA, first.plan_id, plans.ApplyRequest()))
        jobs.states["1"] = "failed"
        again = await here.door.plan(ASHA, retry(one))
        assert again.plan_id != first.plan_id
        await ended(here, await here.door.apply(ASHA, again.plan_id, plans.ApplyRequest()))
        assert jobs.chunks == [[one], [one]]


async def test_a_plan_expires(state: Path) -> None:
    ahead = timedelta(0)

    def now() -> datetime:
        return sources.utc_now() + ahead

    jobs = harness.Jobs(now=now)
    (ref,) = jobs.add("1")
    async with harness.unserved(state, jobs, now=now) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, retry(ref))
        assert plan.expires_at - plan.created_at == timedelta(seconds=60)
        ahead = timedelta(seconds=61)
        with pytest.raises(errors.PlanExpired):
            await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
        assert jobs.chunks == []
        (row,) = await trail(here)
        assert (row["stage"], row["refs"]) == ("refused", [ref])
        assert "The plan expired at" in row["text"]


async def test_a_login_without_the_role_and_a_protected_environment_are_refused(
    state: Path,
) -> None:
    jobs = harness.Jobs()
    (ref,) = jobs.add("1")
    async with harness.unserved(state, jobs, protected=True) as here:
        await ready(here)
        with pytest.raises(errors.Forbidden, match="needs the role operator"):
            await here.door.plan(VIEWER, retry(ref))
        plan = await here.door.plan(ASHA, retry(ref))
        with pytest.raises(errors.NotArmed, match="protected"):
            await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
        assert jobs.chunks == []
        rows = [(r["stage"], r["login"], r["refs"]) for r in await trail(here)]
        assert rows == [("refused", "vera", [ref]), ("refused", "asha", [ref])]


async def test_a_critical_action_wants_its_targets_name(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = catalogue.ACTIONS["queue.retry"].model_copy(update={"risk": plans.Risk.CRITICAL})
    monkeypatch.setitem(catalogue.ACTIONS, "queue.retry", action)
    monkeypatch.setattr(library, "load", lambda folder, time_scale: {})  # they know its risk
    jobs = harness.Jobs()
    refs = jobs.add("1", "2")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        one = await here.door.plan(ASHA, retry(refs[0]))
        both = await here.door.plan(ASHA, retry(*refs))
        assert (one.confirm, both.confirm) == ("send 1", "test")
        with pytest.raises(errors.BadRequest, match="Type 'send 1'"):
            await here.door.apply(ASHA, one.plan_id, plans.ApplyRequest(confirm="yes"))
        await ended(
            here, await here.door.apply(ASHA, one.plan_id, plans.ApplyRequest(confirm="send 1"))
        )


@pytest.mark.parametrize(
    ("request_", "kind", "why"),
    [
        ({"action": "no.such", "selection": {"refs": ["huey/job/1"]}}, errors.BadRequest, "action"),
        ({"selection": {"refs": ["huey/job/1"]}, "args": {"x": 1}}, errors.BadRequest, "argument"),
        ({"selection": {}}, errors.BadRequest, "either"),
        ({"selection": {"refs": ["huey/job/1"], "ref": "huey/queue/a"}}, errors.BadRequest, "eith"),
        ({"selection": {"ref": "huey/queue/a"}}, errors.BadRequest, "collection"),
        ({"selection": {"refs": ["huey/job/1", "rq/job/1"]}}, errors.BadRequest, "one source"),
        ({"selection": {"refs": ["huey/queue/a"]}}, errors.BadRequest, "acts on a job"),
        ({"selection": {"refs": ["nonsense"]}}, errors.BadRequest, "not a ref"),
        ({"selection": {"refs": ["away/job/1"]}}, errors.NotFound, "no source 'away'"),
        ({"selection": {"refs": ["idle/job/1"]}}, errors.Unsupported, "cannot do"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_by_name(
    state: Path, request_: dict[str, Any], kind: type[errors.MrError], why: str
) -> None:
    async with harness.unserved(state, harness.Jobs(), harness.Simulated("idle")) as here:
        await ready(here)
        asked = plans.PlanRequest.model_validate({"action": "queue.retry", **request_})
        with pytest.raises(kind, match=why):
            await here.door.plan(ASHA, asked)


class Foreign(harness.Jobs):
    """Says that the jobs of another source are its own."""

    def ref(self, job: str) -> str:
        return f"other/job/emailQueue/{job}"


async def test_a_source_that_plans_for_another_is_refused(state: Path) -> None:
    jobs = Foreign()
    jobs.add("1")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        with pytest.raises(errors.SourceLied, match="not its own"):
            await here.door.plan(ASHA, every_failed())


async def test_a_source_that_goes_away_ends_the_operation_and_the_next_plan_is_new(
    state: Path,
) -> None:
    jobs = harness.Jobs()
    jobs.add(*map(str, range(700)))
    jobs.trouble = errors.Unreachable("huey: no connection.")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, every_failed())
        failed = await ended(here, await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest()))
        assert failed.state is entities.OperationState.FAILED
        assert (failed.done, failed.failed, failed.total) == (0, pacing.FIRST, 700)
        assert "no connection" in failed.error
        assert failed.verdict.level is base.Level.BAD
        jobs.trouble = None
        again = await here.door.plan(ASHA, every_failed())
        assert again.plan_id != plan.plan_id
        assert (
            await ended(here, await here.door.apply(ASHA, again.plan_id, plans.ApplyRequest()))
        ).done == 700


async def test_a_source_that_breaks_or_says_nothing_is_not_taken_for_success(state: Path) -> None:
    jobs = harness.Jobs()
    refs = jobs.add("1", "2")

    async def silent(action: str, chunk: Any, args: plans.Args, by: plans.By) -> Any:
        return [plans.TargetOutcome(ref="huey/job/other", outcome=plans.Outcome.DONE)]

    async def broken(action: str, chunk: Any, args: plans.Args, by: plans.By) -> Any:
        raise ZeroDivisionError

    async with harness.unserved(state, jobs) as here:
        await ready(here)
        for apply, why in ((silent, "did not say"), (broken, "ZeroDivisionError")):
            jobs.apply = apply  # type: ignore[method-assign]
            plan = await here.door.plan(ASHA, retry(*refs))
            operation = await ended(
                here, await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
            )
            assert (operation.done, operation.failed) == (0, 2)
            assert operation.state is entities.OperationState.FAILED
            (outcome, _) = (await here.door.targets(plan.plan_id, 0)).outcomes
            assert why in outcome.why


def fill(connection: sqlite3.Connection) -> None:
    """Let the file have no page more than it has: what a full disk looks like to SQLite."""
    connection.execute("PRAGMA max_page_count = 1").fetchone()


def free(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA max_page_count = 1000000").fetchone()


async def test_on_a_full_disk_nothing_is_done_and_watching_goes_on(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An alert is so small that a page has room for it: then the file can be written.
    monkeypatch.setattr(rule, "shipped", str)
    jobs = harness.Jobs()
    refs = jobs.add(*(f"{n}{'x' * 3_000}" for n in range(20)))
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, retry(*refs))
        await here.ledger.run(fill)
        with pytest.raises(errors.StoreError, match="full"):
            await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
        assert jobs.chunks == []
        samples = jobs.samples
        await waiting.until(lambda: jobs.samples > samples + 2)
        check = await waiting.until(lambda: _bad(here, "core/check/ledger"))
        assert "Actions are refused" in check.verdict.why
        await here.ledger.run(free)
        await ended(here, await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest()))
        assert jobs.chunks == [refs]


def _bad(here: core.Core, ref: str) -> base.Entity | None:
    entity = here.hub.entity(ref, "core")
    return entity if entity and entity.verdict.level is base.Level.BAD else None


async def test_a_disk_that_fills_during_an_operation_makes_it_wait(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operating, "RETRY_S", 0.02)
    jobs = harness.Jobs()
    jobs.gate = asyncio.Event()
    jobs.add(*(f"{n}{'x' * 500}" for n in range(1_000)))
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, every_failed())
        operation = await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
        await here.ledger.run(fill)
        jobs.gate.set()
        waits = await waiting.until(lambda: _bad(here, operation.ref))
        assert waits.verdict.code == "waits"
        assert len(jobs.chunks) == 1
        await here.ledger.run(free)
        done = await ended(here, operation)
        assert (done.done, done.verdict) == (1_000, base.OK)


async def test_an_operation_outlives_a_stop_and_goes_on_at_the_next_start(state: Path) -> None:
    jobs = harness.Jobs()
    jobs.gate = asyncio.Event()
    refs = jobs.add("1", "2")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, retry(*refs))
        operation = await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
    assert jobs.chunks == []
    jobs.gate.set()
    async with harness.unserved(state, jobs) as here:
        done = await ended(here, operation)
        assert (done.done, done.login) == (2, "asha")
        texts = [row["text"] for row in await trail(here) if row["stage"] == "intent"]
        assert texts == ["Retry failed job: 2 targets", "Retry failed job: 2 targets (resumed)"]


async def test_an_operation_whose_source_is_gone_at_the_next_start_fails_in_words(
    state: Path,
) -> None:
    jobs = harness.Jobs()
    jobs.gate = asyncio.Event()
    (ref,) = jobs.add("1")
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, retry(ref))
        operation = await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
    async with harness.unserved(state) as here:
        failed = await ended(here, operation)
        assert "not in the settings any more" in failed.error


async def test_a_defect_of_ours_ends_the_operation_in_words(
    state: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = harness.Jobs()
    refs = jobs.add("1", "2")

    def broken(*args: Any) -> Any:
        raise ValueError("a defect")

    async with harness.unserved(state, jobs) as here:
        await ready(here)
        monkeypatch.setattr(steps, "close", broken)
        plan = await here.door.plan(ASHA, retry(*refs))
        operation = await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
        failed = await ended(here, operation)
        assert failed.state is entities.OperationState.FAILED
        assert failed.error == "The core broke with ValueError; its log has it."
        outcomes = (await here.door.targets(plan.plan_id, 0)).outcomes
        assert [o.why for o in outcomes] == [f"It may have been done. {failed.error}"] * 2
        assert [r["stage"] for r in await trail(here)] == ["intent", "outcome"]
        assert "a defect" in caplog.text
        monkeypatch.setattr(steps.chunks, "close", broken)
        again = await here.door.plan(ASHA, retry(*jobs.add("3")))
        begun = await here.door.apply(ASHA, again.plan_id, plans.ApplyRequest())
        assert (await ended(here, begun)).state is entities.OperationState.FAILED


SECRET = "no connection to postgresql://u:hunter2secret@db/app \udcff"


async def test_what_sources_say_is_kept_without_secrets_and_can_be_written(state: Path) -> None:
    class Babbling(harness.Jobs):
        async def plan(self, *args: Any) -> AsyncIterator[sources.Planned]:
            yield plans.Remark(text=f"remark {SECRET}")
            yield plans.LeftOut(why=f"left {SECRET}", count=1)
            async for item in super().plan(*args):
                assert isinstance(item, plans.Target)
                words = {"note": f"note {SECRET}", "label": "tell a.b@example.com \udcff"}
                yield item.model_copy(update=words)

        async def apply(self, *args: Any) -> Any:
            said = await super().apply(*args)
            failed = {"outcome": plans.Outcome.FAILED, "why": f"why {SECRET}"}
            return [outcome.model_copy(update=failed) for outcome in said]

    jobs = Babbling()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, retry(*jobs.add("1")))
        told = plan.model_dump_json()
        for word in ("remark", "left", "note"):
            assert f"{word} no connection to postgresql://u:password:" in told
        assert "example.com" not in told
        first = await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
        assert (await ended(here, first)).failed == 1
        jobs.trouble = errors.Unreachable(SECRET)
        plan = await here.door.plan(ASHA, retry(*jobs.add("2")))
        second = await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
        assert "password:" in (await ended(here, second)).error
    for path in state.iterdir():
        assert b"hunter2secret" not in path.read_bytes()


async def test_reasons_for_leaving_out_are_as_many_as_can_be_read(state: Path) -> None:
    class Picky(harness.Jobs):
        async def plan(self, *args: Any) -> AsyncIterator[sources.Planned]:
            for n in range(200):
                yield plans.LeftOut(why=f"attempt {n} → {n + 1}", count=2, samples=(str(n),))

    jobs = Picky()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        plan = await here.door.plan(ASHA, every_failed())
        assert len(plan.left_out) == 51
        assert (plan.left_out[-1].why, plan.left_out[-1].count) == ("for other reasons", 300)
        assert sum(left.count for left in plan.left_out) == 400


async def test_what_was_done_when_the_core_ended_is_known_and_can_be_undone(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = harness.Jobs()
    selection = plans.Selection(refs=tuple(jobs.add("1", "2")))
    reached = asyncio.Event()

    def dying(*args: Any) -> Any:
        reached.set()
        raise errors.StoreError("The core ends here.")

    async with harness.unserved(state, jobs) as here:
        await ready(here)
        monkeypatch.setattr(steps, "close", dying)
        plan = await here.door.plan(
            ASHA, plans.PlanRequest(action="job.remove", selection=selection)
        )
        operation = await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest())
        await waiting.until(reached.is_set)
    monkeypatch.undo()
    assert jobs.states == {}
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        done = await ended(here, operation)
        assert (done.done, done.skipped, done.actions) == (2, 0, ("undo",))
        undo = plans.PlanRequest(action="undo", selection=plans.Selection(refs=(operation.ref,)))
        back = await here.door.plan(ASHA, undo)
        await ended(here, await here.door.apply(ASHA, back.plan_id, plans.ApplyRequest()))
    assert jobs.states == {"1": "failed", "2": "failed"}
