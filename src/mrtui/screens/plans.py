"""Plans that wait for a second login; Enter shows one, to approve, refuse or apply it."""

from __future__ import annotations

import functools
from collections.abc import Callable

from mrcore.model import core, plans
from mrtui import answers, approvals, consent, plan_lines
from mrtui.columns import fmt, table
from mrtui.screens import listing, plan_dialog, text
from mrtui.widgets import cells

DECIDES = {answers.Verb.APPROVE: "plan.approve", answers.Verb.REFUSE: "plan.refuse"}


class Plans(listing.Listing):
    """What waits first."""

    NAME = "plans"
    KIND = "plan"
    EMPTY = "no plan waits for a second login"

    def sources(self) -> list[str]:
        """The core's own."""
        return ["core"]

    def emptiness(self, view: table.View) -> str:
        """Every core has plans: no settings are to blame."""
        return super().emptiness(view) if self.pattern else view.as_of(()) or self.EMPTY

    def headline(self) -> list[list[cells.Cell]]:
        """How many wait for this login, and who is armed."""
        here = self.control.rights
        number = len(approvals.to_answer(here))
        armed = [a for a in here.known.table("arming").values() if isinstance(a, core.Arming)]
        names = ", ".join(f"{a.login} ({a.reason})" for a in armed if a.until > here.now)
        parts = [
            cells.Cell(f"{fmt.plural(number, 'plan')} for you to answer" if number else "", "warn"),
            cells.Cell(f"armed: {names}" if names else "", "dim"),
        ]
        return [text.spaced(parts)] if number or names else []

    async def do_open(self, _: str) -> None:
        """Show the plan under the cursor."""
        found = self.entity()
        if isinstance(found, core.WaitingPlan):
            self.control.acting.first(functools.partial(self._show, found))

    async def _show(self, found: core.WaitingPlan) -> Callable[[], None] | None:
        control, here = self.control, self.control.rights
        plan = await control.link.client.planned(found.plan_id)
        mine = here.me is not None and found.login == here.me.login
        choices = answers.waiting(
            plan,
            mine=mine,
            answers=approvals.may_answer(here, found),
            breaks=here.has("admin"),
        )
        dialog = plan_dialog.PlanDialog(
            plan,
            choices,
            reason=found.reason if mine else "",
            asked=plan_lines.Asked(found.login, found.reason),
            again=plan.total <= len(plan.samples),
        )
        answer = await control.question(dialog, self)
        return None if answer is None else functools.partial(self._answer, found, plan, answer)

    def _answer(self, found: core.WaitingPlan, plan: plans.Plan, answer: answers.Answer) -> None:
        begin = self.control.acting
        if (action := DECIDES.get(answer.verb)) is not None:
            given = answers.Answer(reason=answer.reason)
            chosen = plans.Selection(refs=(found.ref,))
            begin.wish(consent.Wish(action, chosen, frozenset(chosen.refs), answer=given))
        elif answer.verb is answers.Verb.AGAIN:
            # Offered only where the samples are all of its targets.
            refs = tuple(target.ref for target in plan.samples)
            begin.wish(consent.Wish(plan.action, plans.Selection(refs=refs), args=plan.args))
        else:
            begin.again(plan, answer)


ROOM = Plans
