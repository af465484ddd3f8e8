"""From a key to an outcome: plan, ask if it is risky, apply, and say what came of it."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mrcore import errors
from mrcore.model import core, plans
from mrtui.columns import operation as columns
from mrtui.widgets import cells

if TYPE_CHECKING:
    from mrtui import app

FINAL = {core.OperationState.DONE, core.OperationState.FAILED, core.OperationState.STOPPED}


def sentence(done: core.Operation) -> tuple[str, cells.Style]:
    """What came of an operation, and its style word."""
    said = f"operation {done.id}: {done.label or done.action}"
    if done.total == 1 and done.skipped == 1:
        return f"▲ {said}: skipped, it had moved on", "warn"
    if done.total == 1 and done.failed == 1:
        return f"✖ {said}: refused{', ' + done.error if done.error else ''}", "bad"
    bad = done.failed or done.state is core.OperationState.FAILED
    word: cells.Style = "bad" if bad else "warn" if done.skipped else "ok"
    glyph = {"bad": "✖", "warn": "▲", "ok": "●"}[word]
    return f"{glyph} {said}: {columns.outcome(done)}", word


class Acting:
    """What was asked of the core and is not settled yet."""

    def __init__(self, control: app.ControlRoom) -> None:
        self._control = control
        self._open: dict[str, frozenset[str]] = {}
        self._asked: dict[int, frozenset[str]] = {}
        self._numbers = itertools.count(1)

    @property
    def pending(self) -> frozenset[str]:
        """Refs that wait for the core."""
        return frozenset().union(*self._asked.values(), *self._open.values())

    def begin(self, action: str, refs: Iterable[str]) -> None:
        """Do an action on refs; what came of it becomes the news of the room."""
        number = next(self._numbers)
        self._asked[number] = frozenset(refs)
        # Each under a name of its own: a second one must not cut off the first.
        self._control.later(functools.partial(self._ask, number, action), f"act {number}")

    async def _ask(self, number: int, action: str) -> None:
        refs = self._asked[number]
        try:
            self._repaint()
            done = await self._apply(action, tuple(sorted(refs)))
        except errors.MrError as error:
            self._say(f"✖ {error}", "bad")
        else:
            if done is not None:
                self._open[done.ref] = refs
                self._tell(done)
        finally:
            del self._asked[number]
            self._repaint()

    def settle(self) -> None:
        """Close what the core says has ended."""
        for ref in list(self._open):
            now = self._control.world.get(ref)
            if isinstance(now, core.Operation):
                self._tell(now)

    async def _apply(self, action: str, refs: tuple[str, ...]) -> core.Operation | None:
        from mrtui.screens import confirm

        client = self._control.link.client
        plan = await client.plan(action, plans.Selection(refs=refs), {})
        if not plan.total:
            why = "; ".join(f"{left.count} left out: {left.why}" for left in plan.left_out)
            self._say(f"▲ {plan.label}: {why or 'there is nothing to do'}", "warn")
            return None
        answer = confirm.Answer()
        if plan.risk is not plans.Risk.LOW:
            with self._control.held():
                asked = await self._control.push_screen_wait(confirm.PlanDialog(plan))
            if asked is None:
                return None
            answer = asked
        return await client.apply(plan.plan_id, reason=answer.reason, confirm=answer.confirm)

    def _tell(self, done: core.Operation) -> None:
        if done.state in FINAL:
            self._open.pop(done.ref, None)
            self._say(*sentence(done))
            self._repaint()
        else:
            self._say(f"◌ operation {done.id}: {columns.outcome(done)}", "accent")

    def _say(self, text: str, style: cells.Style) -> None:
        self._control.say(text, style)

    def _repaint(self) -> None:
        self._control.repaint()
