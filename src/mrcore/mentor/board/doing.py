"""One action through the core's door: plan, apply, wait, say what was done."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from mrcore.mentor.board import call, problem
from mrcore.model import base, core, plans

WAIT_S = 25.0
LOOK_S, LOOK_MAX_S = 0.05, 0.5
_ENDED = (core.OperationState.STOPPED, core.OperationState.DONE, core.OperationState.FAILED)


class Done(NamedTuple):
    """What became of it: the numbers of targets, and sentences.

    `running` is the ref of an operation that goes on after 25 s; `left_out` why nothing was, or
    not all.
    """

    done: int = 0
    skipped: int = 0
    failed: int = 0
    why: str = ""
    left_out: tuple[plans.LeftOut, ...] = ()
    outcomes: tuple[plans.TargetOutcome, ...] = ()
    running: base.Ref = ""

    @property
    def nothing(self) -> bool:
        """Whether the plan had no target at all."""
        return not (self.done or self.skipped or self.failed or self.running)

    @property
    def said(self) -> str:
        """Why something was not done; '' when all was."""
        return self.why or " ".join(left.why for left in self.left_out)

    def answer(self, status: int = 200) -> call.Answer:
        """What Bull Board answers; 202 while it goes on.

        Raises Problem 409 where nothing was done.
        """
        if self.running:
            said = f"It goes on: {self.running}. mrtui shows it, pauses it and stops it."
            return call.Answer(202, {"message": said, "operation": self.running})
        if not self.done:
            raise problem.Problem(409, "INTERNAL_SERVER_ERROR", self.said or "Nothing was done.")
        return call.Answer(status, None if status == 204 else call.NOTHING)


async def act(
    asked: call.Call,
    action: base.ActionId,
    selection: plans.Selection,
    args: plans.Args | None = None,
    *,
    reason: str = "",
) -> Done:
    """Do an action; it goes on by itself when 25 s are not enough.

    `reason` is what the audit keeps; by default that a login of the board asked.

    Raises Problem 403 for one of critical risk, which mrtui asks for by name; 503 when planning
    alone took 25 s; what the core refuses with.
    """
    until_s = asyncio.get_running_loop().time() + WAIT_S
    try:
        async with asyncio.timeout_at(until_s):
            plan = await asked.core.plan(action, selection, args)
    except TimeoutError:
        said = f"{action} takes longer than {WAIT_S:g} s to plan, and nothing was done: use mrtui."
        raise problem.Problem(503, "INTERNAL_SERVER_ERROR", said) from None
    if plan.risk is plans.Risk.CRITICAL:
        raise critical(plan.label)
    if not plan.total:
        return Done(left_out=plan.left_out)
    operation = await asked.core.apply(plan.plan_id, reason=reason or f"Bull Board: {asked.login}")
    operation = await _ended(asked, operation, until_s)
    counts = (operation.done, operation.skipped, operation.failed)
    if operation.state not in _ENDED:
        return Done(*counts, running=operation.ref)
    outcomes = (await asked.core.targets(plan.plan_id)).outcomes
    why = operation.error or next((o.why for o in outcomes if o.outcome != "done"), "")
    return Done(*counts, why, plan.left_out, outcomes)


async def _ended(asked: call.Call, operation: core.Operation, until_s: float) -> core.Operation:
    """The operation at its end, or at the loop's time `until_s`."""
    loop = asyncio.get_running_loop()
    pause_s = LOOK_S
    while operation.state not in _ENDED and loop.time() < until_s:
        await asyncio.sleep(pause_s)
        pause_s = min(LOOK_MAX_S, pause_s * 1.5)
        found = (await asked.core.detail(operation.ref)).entity
        operation = found if isinstance(found, core.Operation) else operation
    return operation


def critical(what: str) -> problem.Problem:
    """What is only done by somebody who types the name of what it is done to."""
    said = f"{what} is critical: do it with mrtui, which shows its plan and asks for the name."
    return problem.Problem(403, "FORBIDDEN", said)


def refs(*of: base.Ref) -> plans.Selection:
    return plans.Selection(refs=of)
