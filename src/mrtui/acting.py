"""From a key to an outcome: plan, ask if it is risky, apply, and say what came of it."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from mrcore import catalogue, errors
from mrcore.model import core, plans
from mrtui import approvals
from mrtui.columns import operation as columns
from mrtui.screens import plan_dialog, planning, revealed
from mrtui.widgets import cells

if TYPE_CHECKING:
    from mrtui import app

FINAL = {core.OperationState.DONE, core.OperationState.FAILED, core.OperationState.STOPPED}
REVEALED_WITHIN_S = 10.0


def sentence(done: core.Operation) -> tuple[str, cells.Style]:
    """What came of an operation, and its style word."""
    said = f"operation {done.id}: {done.label or done.action}"
    if done.total == 1 and done.skipped == 1:
        return f"▲ {said}: skipped, it had moved on", "warn"
    if done.total == 1 and done.failed == 1:
        return f"✖ {said}: refused{', ' + done.error if done.error else ''}", "bad"
    bad = done.failed or done.state is core.OperationState.FAILED
    spared = done.skipped or done.state is not core.OperationState.DONE
    word: cells.Style = "bad" if bad else "warn" if spared else "ok"
    glyph = {"bad": "✖", "warn": "▲", "ok": "●"}[word]
    return f"{glyph} {said}: {columns.outcome(done)}", word


class Wish(NamedTuple):
    """What is asked for: `refs` are marked as pending, `answer` was given before it was planned."""

    action: str
    selection: plans.Selection
    refs: frozenset[str] = frozenset()
    args: plans.Args = {}
    answer: plan_dialog.Answer | None = None


class Acting:
    """What was asked of the core and is not settled yet."""

    def __init__(self, control: app.ControlRoom) -> None:
        self._control = control
        self._open: dict[str, frozenset[str]] = {}
        self._asked: dict[int, frozenset[str]] = {}
        self._ended: dict[str, asyncio.Event] = {}
        self._numbers = itertools.count(1)
        self._watch = approvals.Watch()

    @property
    def pending(self) -> frozenset[str]:
        """Refs that wait for the core."""
        return frozenset().union(*self._asked.values(), *self._open.values())

    def begin(self, action: str, refs: Iterable[str]) -> None:
        """Do an action on refs; what came of it becomes the news of the room."""
        chosen = frozenset(refs)
        self.wish(Wish(action, plans.Selection(refs=tuple(sorted(chosen))), chosen))

    def wish(self, wanted: Wish) -> None:
        """Plan it, ask where that is due, apply it; each beside the others."""
        number = next(self._numbers)
        self._asked[number] = wanted.refs
        # Each under a name of its own: a second one must not cut off the first.
        self._control.later(functools.partial(self._ask, number, wanted), f"act {number}")

    def again(self, plan: plans.Plan, answer: plan_dialog.Answer) -> None:
        """Apply a plan that has waited for a second login."""
        self._control.later(
            functools.partial(self._applied, plan, answer), f"act {next(self._numbers)}"
        )

    async def _applied(self, plan: plans.Plan, answer: plan_dialog.Answer) -> None:
        try:
            done = await self._start(plan, answer)
        except errors.MrError as error:
            self._control.say(f"✖ {error}", "bad")
            return
        if done is not None:
            self._open[done.ref] = frozenset()
            self._tell(done)

    async def _ask(self, number: int, wanted: Wish) -> None:
        try:
            self._control.repaint()
            done = await self._apply(wanted)
            if done is not None:
                self._open[done.ref] = wanted.refs
                self._tell(done)
                await self._reveal(wanted, done)
        except errors.MrError as error:
            self._control.say(f"✖ {error}", "bad")
        finally:
            del self._asked[number]
            self._control.repaint()

    def settle(self) -> None:
        """Close what the core says has ended; say what others decided."""
        for ref in list(self._open):
            now = self._control.world.get(ref)
            if isinstance(now, core.Operation):
                self._tell(now)
        for text, style in self._watch.news(self._control.rights):
            self._control.say(text, style)

    # The steps

    async def _apply(self, wanted: Wish) -> core.Operation | None:
        while True:
            plan = await self._planned(wanted)
            if plan is None:
                self._control.say("planning was stopped; nothing was done", "warn")
                return None
            if not plan.total:
                why = "; ".join(f"{left.count} left out: {left.why}" for left in plan.left_out)
                self._control.say(f"▲ {plan.label}: {why or 'there is nothing to do'}", "warn")
                return None
            answer = wanted.answer or await self._confirmed(plan)
            if answer is None:
                return None
            if answer.verb is not plan_dialog.Verb.AGAIN:
                return await self._start(plan, answer)

    async def _planned(self, wanted: Wish) -> plans.Plan | None:
        """The plan; None when a person stopped it."""
        panel = planning.Planning(self._control.clock())
        task = asyncio.ensure_future(
            self._control.link.client.plan(
                wanted.action, wanted.selection, wanted.args, on_progress=panel.heard
            )
        )
        try:
            await asyncio.wait({task}, timeout=planning.AFTER_S)
            if not task.done():
                with self._control.held():
                    stopped = asyncio.ensure_future(self._control.push_screen_wait(panel))
                    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
                    if not task.done():
                        return None
                    panel.finish()
                    await stopped
            return await task
        finally:
            task.cancel()

    async def _confirmed(self, plan: plans.Plan) -> plan_dialog.Answer | None:
        asks = plan.needs_reason or plan.needs_approval or bool(plan.confirm)
        if plan.risk is plans.Risk.LOW and not asks:
            return plan_dialog.Answer()
        with self._control.held():
            dialog = plan_dialog.PlanDialog(plan, plan_dialog.own(plan))
            return await self._control.push_screen_wait(dialog)

    async def _start(self, plan: plans.Plan, answer: plan_dialog.Answer) -> core.Operation | None:
        try:
            return await self._control.link.client.apply(
                plan.plan_id,
                reason=answer.reason,
                confirm=answer.confirm,
                break_glass=answer.verb is plan_dialog.Verb.BREAK,
            )
        except errors.NeedsApproval:
            if (await self._control.link.client.planned(plan.plan_id)).refused_by:
                raise
            name = approvals.short(plan.plan_id)
            self._control.say(f"◌ plan {name} waits for a second login (:plans)", "accent")
            return None

    async def _reveal(self, wanted: Wish, done: core.Operation) -> None:
        """Show what was asked to be seen, once the core has written down that it was."""
        known = catalogue.ACTIONS.get(wanted.action)
        if known is None or not known.reveals:
            return
        try:
            async with asyncio.timeout(REVEALED_WITHIN_S):
                await self._until_ended(done)
        except TimeoutError:
            return  # the news says how far it is
        for ref in sorted(wanted.refs)[:1]:
            found = await self._control.link.client.reveal(ref)
            await self._control.push_screen(revealed.Revealed(found))

    async def _until_ended(self, done: core.Operation) -> None:
        if done.ref in self._open:
            await self._ended.setdefault(done.ref, asyncio.Event()).wait()

    def _tell(self, done: core.Operation) -> None:
        if done.state in FINAL:
            self._open.pop(done.ref, None)
            if (waiting := self._ended.pop(done.ref, None)) is not None:
                waiting.set()
            self._control.say(*sentence(done))
            self._control.repaint()
        else:
            self._control.say(f"◌ operation {done.id}: {columns.outcome(done)}", "accent")
