"""What a person is asked before something is done: the plan, and what they say to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from mrcore import errors
from mrcore.model import core, plans
from mrtui import answers, approvals
from mrtui.screens import plan_dialog, planning

if TYPE_CHECKING:
    from mrtui import app
    from mrtui.screens import room

CANCELLED = "cancelled: nothing was done"
LEFT = "the screen that asked for it was left: the plan was dropped, nothing was done"


class Wish(NamedTuple):
    """What is asked for: `refs` are marked as pending, `answer` was given before it was planned.

    `word` is what a person has to know before: with one, the plan is always shown. `then` is done
    once the operation has ended, unless the room that asked for it was left; `asks` says that it
    asks a person something then. `amend` asks for its arguments again, with what is wrong.
    """

    action: str
    selection: plans.Selection
    refs: frozenset[str] = frozenset()
    args: plans.Args = {}
    answer: answers.Answer | None = None
    word: str = ""
    then: Callable[[], Awaitable[None]] | None = None
    asks: bool = False
    amend: Callable[[str], Awaitable[Callable[[], None] | None]] | None = None


class Consent:
    """Plans what is wished, asks where that is due, and applies what was agreed to."""

    def __init__(self, control: app.ControlRoom) -> None:
        self._control = control

    async def planned(self, wanted: Wish, here: room.Room | None) -> plans.Plan | None:
        """The plan; None when a person stopped it."""
        panel = planning.Planning(self._control.clock())
        task = asyncio.ensure_future(
            self._control.link.client.plan(
                wanted.action, wanted.selection, wanted.args, on_progress=panel.heard
            )
        )
        try:
            await asyncio.wait({task}, timeout=planning.AFTER_S)
            if not task.done() and self._control.screen is here:
                stopped = asyncio.ensure_future(self._control.question(panel, here))
                await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if not task.done():
                    return None
                panel.finish()
                await stopped
            return await task
        finally:
            task.cancel()

    async def answered(
        self, plan: plans.Plan, word: str, here: room.Room | None, *, always: bool = False
    ) -> answers.Answer | None:
        """What a person says to a plan; None where it was cancelled, or its room was left."""
        asks = (
            always or plan.needs_reason or plan.needs_approval or bool(plan.confirm) or bool(word)
        )
        if plan.risk is plans.Risk.LOW and not asks:
            return answers.Answer()
        if here is None or self._control.screen is not here:
            self._control.say(LEFT, "warn")
            return None
        told = plan.model_copy(update={"warnings": (word, *plan.warnings)}) if word else plan
        choices = answers.own(plan, breaks=self._control.rights.has("admin"))
        answer = await self._control.question(plan_dialog.PlanDialog(told, choices), here)
        if answer is None:
            self._control.say(CANCELLED)
        return answer

    async def start(self, plan: plans.Plan, answer: answers.Answer) -> core.Operation | None:
        """Apply a plan; None where a second login has to approve it first."""
        try:
            return await self._control.link.client.apply(
                plan.plan_id,
                reason=answer.reason,
                confirm=answer.confirm,
                break_glass=answer.verb is answers.Verb.BREAK,
            )
        except errors.NeedsApproval:
            if (await self._control.link.client.planned(plan.plan_id)).refused_by:
                raise
            name = approvals.short(plan.plan_id)
            self._control.say(f"◌ plan {name} waits for a second login (:plans)", "accent")
            return None
