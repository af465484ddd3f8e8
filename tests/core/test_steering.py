"""Operations that are paused, resumed and stopped, and that go as fast as is borne.

The source is a simulated upstream whose clock only it moves; the ledger is real.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from mrcore import core, errors
from mrcore.acting import door
from mrcore.model import base, plans
from mrcore.model import core as entities
from tests import waiting
from tests.core import harness
from tests.core.test_door import ASHA, RAVI, ended, every_failed, ready, trail

STATE = entities.OperationState


async def begin(here: core.Core, jobs: harness.Jobs, count: int) -> entities.Operation:
    """An operation on so many jobs whose first chunk waits at the gate."""
    jobs.gate = asyncio.Event()
    jobs.add(*map(str, range(count)))
    plan = await here.door.plan(ASHA, every_failed())
    return await here.door.apply(ASHA, plan.plan_id, plans.ApplyRequest(reason="why"))


async def steer(
    here: core.Core, action: str, operation: entities.Operation
) -> entities.Operation | None:
    """Plan and apply an action on an operation as another login; None when nothing is possible."""
    selection = plans.Selection(refs=(operation.ref,))
    plan = await here.door.plan(RAVI, plans.PlanRequest(action=action, selection=selection))
    if not plan.total:
        return None
    done = await here.door.apply(RAVI, plan.plan_id, plans.ApplyRequest())
    return await waiting.until(lambda: _shown(here, done) if _shown(here, done).done else None)


def _shown(here: core.Core, operation: entities.Operation) -> entities.Operation:
    return next(o for o in here.door.operations() if o.id == operation.id)


async def until(
    here: core.Core, operation: entities.Operation, state: entities.OperationState
) -> entities.Operation:
    """Wait until it is in a state; a core that has just begun may still be reading it."""

    def so() -> bool:
        return any(o.id == operation.id and o.state is state for o in here.door.operations())

    await waiting.until(so, what=str(state))
    return _shown(here, operation)


async def test_a_pause_takes_effect_after_the_open_chunk_and_resuming_goes_on(state: Path) -> None:
    jobs = harness.Jobs()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        operation = await begin(here, jobs, 300)
        assert _shown(here, operation).actions == ("operation.pause", "operation.stop")
        assert await steer(here, "operation.pause", operation)
        assert _shown(here, operation).actions == ("operation.stop",)
        assert await steer(here, "operation.pause", operation) is None
        for alias in ("core/operation/01", "core/operation/1/x"):
            other = operation.model_copy(update={"ref": alias})
            assert await steer(here, "operation.stop", other) is None
        assert jobs.gate is not None
        jobs.gate.set()
        paused = await until(here, operation, STATE.PAUSED)
        assert (paused.done, len(jobs.chunks)) == (100, 1)
        assert paused.verdict.why == "Paused: 100 of 300 done."
        assert paused.actions == ("operation.resume", "operation.stop")
        await waiting.until(lambda: not here.door.busy)
        assert await steer(here, "operation.resume", operation)
        done = await ended(here, operation)
        assert (done.state, done.done, done.login) == (STATE.DONE, 300, "asha")
        assert done.worked_s > 0
        assert done.at is not None


async def test_a_paused_operation_outlives_the_core_and_is_not_resumed_by_itself(
    state: Path,
) -> None:
    jobs = harness.Jobs()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        operation = await begin(here, jobs, 300)
        await steer(here, "operation.pause", operation)
        assert jobs.gate is not None
        jobs.gate.set()
        await until(here, operation, STATE.PAUSED)
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        await waiting.until(here.door.operations)
        assert _shown(here, operation).state is STATE.PAUSED
        assert not here.door.busy
        await steer(here, "operation.resume", operation)
        assert (await ended(here, operation)).done == 300
    assert sum(map(len, jobs.chunks)) == 300


async def test_a_stop_leaves_the_rest_untouched(state: Path) -> None:
    jobs = harness.Jobs()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        operation = await begin(here, jobs, 1_000)
        await steer(here, "operation.stop", operation)
        assert jobs.gate is not None
        jobs.gate.set()
        stopped = await ended(here, operation)
        assert (stopped.state, stopped.done, stopped.total) == (STATE.STOPPED, 100, 1_000)
        assert stopped.verdict.why == "Stopped: 100 of 1,000 done."
        assert sum(1 for s in jobs.states.values() if s == "failed") == 900
        assert stopped.actions == ()
        assert await steer(here, "operation.resume", operation) is None


async def test_what_has_moved_on_since_the_plan_is_not_steered(state: Path) -> None:
    jobs = harness.Jobs()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        operation = await begin(here, jobs, 300)
        of = plans.Selection(refs=(operation.ref,))
        asked = plans.PlanRequest(action="operation.pause", selection=of)
        pause = await here.door.plan(RAVI, asked)
        assert await steer(here, "operation.stop", operation)
        assert _shown(here, operation).actions == ()
        late = await here.door.apply(RAVI, pause.plan_id, plans.ApplyRequest())
        await waiting.until(lambda: _shown(here, late).finished_at)
        (said,) = (await here.door.targets(pause.plan_id, 0)).outcomes
        assert (said.outcome, said.why) == (plans.Outcome.SKIPPED, "It is being stopped.")
        assert jobs.gate is not None
        jobs.gate.set()
        stopped = await ended(here, operation)
        assert (stopped.state, stopped.done) == (STATE.STOPPED, 100)


async def test_a_paused_operation_can_be_stopped(state: Path) -> None:
    jobs = harness.Jobs()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        operation = await begin(here, jobs, 300)
        await steer(here, "operation.pause", operation)
        assert jobs.gate is not None
        jobs.gate.set()
        await until(here, operation, STATE.PAUSED)
        await steer(here, "operation.stop", operation)
        stopped = await until(here, operation, STATE.STOPPED)
        assert stopped.finished_at is not None


async def test_a_chunk_that_a_dead_core_left_open_is_in_doubt_when_it_is_stopped(
    state: Path,
) -> None:
    jobs = harness.Jobs()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        operation = await begin(here, jobs, 300)
        await steer(here, "operation.pause", operation)
    # The core has ended in the middle of the first chunk, with a wish to pause.
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        await until(here, operation, STATE.PAUSED)
        assert jobs.chunks == []
        await steer(here, "operation.stop", operation)
        stopped = await until(here, operation, STATE.STOPPED)
        assert (stopped.done, stopped.failed) == (0, 100)
        rows = [r for r in await trail(here) if r["operation"] == operation.id]
        assert [(r["stage"], len(r["refs"])) for r in rows] == [("intent", 100), ("outcome", 100)]
        assert "It may have been done" in rows[1]["whys"][0]


async def test_the_audit_says_who_began_it_also_after_a_restart(state: Path) -> None:
    jobs = harness.Jobs()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        await begin(here, jobs, 1)
    assert jobs.gate is not None
    jobs.gate.set()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        await waiting.until(lambda: bool(jobs.chunks) and not here.door.busy)
        rows = await trail(here)
        assert [(r["stage"], r["login"], r["via"]) for r in rows] == [
            ("intent", "asha", "token"),
            ("intent", "asha", "token"),
            ("outcome", "asha", "token"),
        ]
        assert rows[-1]["took_ms"] >= 0


class Slowing(harness.Jobs):
    """Takes a 1,024th of a second a target, but ten in the fourth and fifth chunk."""

    async def _begun(self, refs: list[str]) -> None:
        self.target_s = (10 if len(self.chunks) in (3, 4) else 1) / 1024
        await super()._begun(refs)


async def test_it_slows_down_with_the_watched_system_and_says_so(state: Path) -> None:
    jobs = Slowing()
    rests: list[float] = []
    said: list[str] = []
    jobs.add(*map(str, range(1_500)))
    async with harness.unserved(state, jobs) as here:
        await ready(here)

        async def rest(wait_s: float) -> None:
            rests.append(wait_s)
            said.append(own.operations()[-1].verdict.why)

        own = door.Door(
            here.ledger,
            here.monitor,
            here.hub,
            here.authority,
            now=here.now,
            clock=lambda: jobs.passed_s,
            rest=rest,
        )
        plan = await own.plan(ASHA, every_failed())
        await own.apply(ASHA, plan.plan_id, plans.ApplyRequest())
        await waiting.until(lambda: not own.busy)
        (done,) = own.operations()
    assert [len(chunk) for chunk in jobs.chunks][:8] == [100, 200, 256, 256, 128, 64, 128, 256]
    assert rests == [2.5, 1.25]
    assert said == ["Slowed down: a target takes 9.8 ms, at best it was 1.0 ms."] * 2
    assert (done.done, done.verdict) == (1_500, base.OK)
    assert done.worked_s == jobs.passed_s


async def test_it_waits_while_its_source_cannot_be_watched(state: Path) -> None:
    jobs = harness.Jobs()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        operation = await begin(here, jobs, 300)
        jobs.failing = errors.Unreachable("huey: no connection.")
        status = lambda: next(s for s in here.monitor.statuses() if s.name == "huey")  # noqa: E731
        await waiting.until(lambda: status().state == "failing")
        assert jobs.gate is not None
        jobs.gate.set()
        await waiting.until(lambda: _shown(here, operation).verdict.code == "waits")
        assert "no connection" in _shown(here, operation).verdict.why
        assert _shown(here, operation).verdict.level is base.Level.WARN
        assert len(jobs.chunks) == 1
        jobs.failing = None
        done = await ended(here, operation)
        assert (done.done, done.verdict) == (300, base.OK)


async def test_a_waiting_operation_can_be_stopped(state: Path) -> None:
    jobs = harness.Jobs()
    async with harness.unserved(state, jobs) as here:
        await ready(here)
        operation = await begin(here, jobs, 300)
        jobs.failing = errors.Unreachable("huey: no connection.")
        await waiting.until(
            lambda: any(s.state == "failing" for s in here.monitor.statuses() if s.name == "huey")
        )
        assert jobs.gate is not None
        jobs.gate.set()
        await waiting.until(lambda: _shown(here, operation).verdict.code == "waits")
        await steer(here, "operation.stop", operation)
        stopped = await until(here, operation, STATE.STOPPED)
        assert stopped.done == 100
