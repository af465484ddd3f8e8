"""An operation goes on only while the right that it runs under lasts, also across a restart.

The core and its ledger are real; what is acted on is simulated.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from mrcore import catalogue, errors
from mrcore.model import core as entities
from mrcore.model import plans
from mrcore.trust import auth
from tests import waiting
from tests.core import test_authority
from tests.core.test_authority import ASHA, OLGA, RAVI, Here

STATE = entities.OperationState
COUNT = 300
opened = contextlib.asynccontextmanager(test_authority.opened)


async def begin(here: Here, login: auth.Login, **request: Any) -> entities.Operation:
    """An operation of three chunks whose first one waits at the gate."""
    here.jobs.gate = asyncio.Event()
    plan = await here.plan(login, "job.remove", *here.jobs.add(*map(str, range(COUNT))))
    return await here.core.door.apply(login, plan.plan_id, plans.ApplyRequest(**request))


def shown(here: Here, operation: entities.Operation) -> entities.Operation | None:
    return next((o for o in here.core.door.operations() if o.id == operation.id), None)


async def until(here: Here, operation: entities.Operation, state: STATE) -> entities.Operation:
    def reached() -> entities.Operation | None:
        found = shown(here, operation)
        return found if found and found.state is state else None

    await waiting.until(reached, what=str(state))
    await waiting.until(lambda: not here.core.door.busy)
    found = shown(here, operation)
    assert found is not None
    return found


def open_gate(here: Here) -> None:
    assert here.jobs.gate is not None
    here.jobs.gate.set()


async def held(here: Here, operation: entities.Operation) -> list[dict[str, Any]]:
    """The rows of the audit that say that it was held."""
    rows = await here.audit("refused")
    return [row for row in rows if row["operation"] == operation.id]


async def steer(here: Here, login: auth.Login, action: str, of: str) -> entities.Operation:
    """Do it while another operation runs."""
    plan = await here.plan(login, action, of)
    begun = await here.core.door.apply(login, plan.plan_id, plans.ApplyRequest())

    def ended() -> entities.Operation | None:
        found = shown(here, begun)
        return found if found and found.finished_at else None

    await waiting.until(ended, what=f"the end of {action}")
    found = shown(here, begun)
    assert found is not None
    return found


async def test_what_runs_ends_with_the_arming_that_it_runs_under(state: Path) -> None:
    async with opened(state, protected=True) as here:
        await here.arm(ASHA)
        operation = await begin(here, ASHA)
        await steer(here, OLGA, "core.disarm", "core/arming/asha")
        open_gate(here)
        paused = await until(here, operation, STATE.PAUSED)
        assert (paused.done, len(here.jobs.chunks)) == (100, 1)  # the portion that was under way
        why = "Waits: asha is not armed any more; arm and resume it, or stop it."
        assert (paused.verdict.code, paused.verdict.why) == ("held", why)
        assert paused.actions == ("operation.resume", "operation.stop")
        (row,) = await held(here, operation)
        assert (row["login"], row["text"], row["refs"]) == ("asha", why, [operation.ref])


async def test_it_is_held_between_two_chunks_when_the_arming_ends_by_itself(state: Path) -> None:
    async with opened(state, protected=True) as here:
        await here.arm(ASHA, minutes=1)
        operation = await begin(here, ASHA)
        real = here.jobs.apply

        async def slowly(*args: Any) -> Any:
            outcomes = await real(*args)
            here.clock.forward(minutes=2)
            return outcomes

        here.jobs.apply = slowly  # type: ignore[method-assign]
        open_gate(here)
        paused = await until(here, operation, STATE.PAUSED)
        assert (paused.done, len(here.jobs.chunks)) == (100, 1)
        here.jobs.apply = real  # type: ignore[method-assign]
        with pytest.raises(errors.NotArmed):
            await here.do(RAVI, "operation.resume", operation.ref)
        await here.arm(RAVI)
        await here.do(RAVI, "operation.resume", operation.ref)
        done = await until(here, operation, STATE.DONE)
        assert (done.done, done.verdict.why) == (COUNT, "")
        assert len(await held(here, operation)) == 1


async def test_a_core_that_became_read_only_does_not_go_on(state: Path) -> None:
    async with opened(state) as here:
        operation = await begin(here, ASHA)
    async with opened(state, read_only=True) as here:
        here.jobs.add(*map(str, range(COUNT)))
        paused = await until(here, operation, STATE.PAUSED)
        assert here.jobs.chunks == []
        assert "The core of test is read-only" in paused.verdict.why
        assert len(await held(here, operation)) == 1
        with pytest.raises(errors.Forbidden, match="read-only"):
            await here.plan(RAVI, "operation.resume", operation.ref)
    async with opened(state, read_only=True) as here:
        await waiting.until(lambda: shown(here, operation))
        assert len(await held(here, operation)) == 1  # it is paused: nobody asks again
        await here.do(RAVI, "operation.stop", operation.ref)
        stopped = await until(here, operation, STATE.STOPPED)
        assert stopped.failed == 100  # of the chunk that was open nobody knows
    async with opened(state) as here:
        assert here.jobs.chunks == []


async def test_a_core_that_became_protected_goes_on_for_who_is_armed(state: Path) -> None:
    async with opened(state) as here:
        operation = await begin(here, ASHA)
        kept = dict(here.jobs.states)
    async with opened(state, protected=True) as here:
        here.jobs.states = kept
        await until(here, operation, STATE.PAUSED)
        await here.arm(OLGA)
        await here.do(OLGA, "operation.resume", operation.ref)
        done = await until(here, operation, STATE.DONE)
        assert (done.done, done.login) == (COUNT, "asha")


async def test_who_resumes_needs_the_role_of_what_goes_on(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(state) as here:
        operation = await begin(here, ASHA)
        await steer(here, OLGA, "operation.pause", operation.ref)
        open_gate(here)
        await until(here, operation, STATE.PAUSED)
        planned = await here.plan(OLGA, "operation.resume", operation.ref)
        action = catalogue.ACTIONS["job.remove"].model_copy(update={"role": "admin"})
        monkeypatch.setitem(catalogue.ACTIONS, "job.remove", action)
        with pytest.raises(errors.Forbidden, match=r"job\.remove: it needs the role admin"):
            await here.plan(OLGA, "operation.resume", operation.ref)
        with pytest.raises(errors.Forbidden, match="role admin"):
            await here.apply(OLGA, planned)
        assert (len(here.jobs.chunks), len(await here.audit("refused"))) == (1, 2)
        await here.do(RAVI, "operation.resume", operation.ref)
        assert (await until(here, operation, STATE.DONE)).done == COUNT


async def test_what_was_resumed_runs_under_the_right_of_who_resumed_it(state: Path) -> None:
    async with opened(state, protected=True) as here:
        await here.arm(ASHA)
        await here.arm(RAVI)
        operation = await begin(here, ASHA)
        await steer(here, ASHA, "operation.pause", operation.ref)
        open_gate(here)
        await until(here, operation, STATE.PAUSED)
        here.jobs.gate = asyncio.Event()
        await steer(here, RAVI, "operation.resume", operation.ref)
        await steer(here, OLGA, "core.disarm", "core/arming/ravi")
        open_gate(here)
        paused = await until(here, operation, STATE.PAUSED)
        assert "ravi is not armed any more" in paused.verdict.why
        assert [row["login"] for row in await held(here, operation)] == ["ravi"]


async def test_a_stop_comes_before_what_holds_it(state: Path) -> None:
    async with opened(state, protected=True) as here:
        await here.arm(ASHA)
        operation = await begin(here, ASHA)
        await steer(here, OLGA, "operation.stop", operation.ref)
        await steer(here, OLGA, "core.disarm", "core/arming/asha")
        open_gate(here)
        stopped = await until(here, operation, STATE.STOPPED)
        assert (stopped.done, await held(here, operation)) == (100, [])


async def test_disarming_is_not_stopped_by_having_disarmed(state: Path) -> None:
    async with opened(state, protected=True) as here:
        await here.arm(ASHA)
        done = await here.do(ASHA, "core.disarm", "core/arming/asha")
        assert done.done == 1


async def test_paused_ones_are_shown_however_many_came_after(state: Path) -> None:
    limits = {"dangerous_per_minute": 1_000}
    async with opened(state, limits=limits) as here:
        operation = await begin(here, ASHA)
        await steer(here, OLGA, "operation.pause", operation.ref)
        open_gate(here)
        await until(here, operation, STATE.PAUSED)
        for job in range(55):
            await here.retry(ASHA, f"later {job}")
    async with opened(state) as here:
        await waiting.until(here.core.door.operations)
        found = shown(here, operation)
        assert found is not None
        assert found.state is STATE.PAUSED
        assert len(here.core.door.operations()) == 50
