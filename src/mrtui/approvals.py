"""Plans that wait for a second login, and broken glass: what is news of them. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from mrcore import catalogue
from mrcore.model import core
from mrtui import rights
from mrtui.columns import fmt
from mrtui.widgets import cells

WAITING = "waiting"
FRESH_S = 900.0
"""Glass that was broken longer ago than this is no news to a screen that has just come."""


class News(NamedTuple):
    """A sentence, and how it is meant."""

    text: str
    style: cells.Style


def short(plan_id: str) -> str:
    """How a plan is called on screen: the beginning of its id."""
    return plan_id[:4]


def to_answer(here: rights.Rights) -> list[core.WaitingPlan]:
    """The plans of others that this login may approve or refuse."""
    return [
        plan
        for plan in here.known.table("plan").values()
        if isinstance(plan, core.WaitingPlan)
        and plan.state == WAITING
        and plan.expires_at > here.now
        and not (here.me and plan.login == here.me.login)
        and may_answer(here, plan)
    ]


def may_answer(here: rights.Rights, plan: core.WaitingPlan) -> bool:
    """Whether the roles allow it: whoever could have made the plan can answer it."""
    known = catalogue.ACTIONS.get(plan.action)
    return known is not None and here.has(known.role) and not here.offers_none


class Watch:
    """Remembers what was known, and says what is new."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._since: datetime | None = None  # when it looked first
        self._broken: set[str] = set()

    def news(self, here: rights.Rights) -> list[News]:
        """What is new since the last look, the most important last."""
        return [*self._answered(here), *self._broke(here)]

    def _answered(self, here: rights.Rights) -> list[News]:
        made = []
        since = self._since = self._since or here.now
        for plan in here.known.table("plan").values():
            if not isinstance(plan, core.WaitingPlan):
                continue
            # One that came and was answered between two looks was never seen waiting.
            unseen = WAITING if plan.created_at >= since else ""
            before = self._states.get(plan.plan_id, unseen)
            self._states[plan.plan_id] = plan.state
            mine = here.me is not None and plan.login == here.me.login
            if before != WAITING or plan.state == WAITING or not mine:
                continue
            approved = plan.state == "approved"
            said = f": {plan.answer}" if plan.answer else ""
            then = "; apply it in :plans" if approved else ""
            by = f" by {plan.by}" if plan.by else ""
            glyph = "●" if approved else "✖"
            text = f"{glyph} plan {short(plan.plan_id)} was {plan.state}{by}{said}{then}"
            made.append(News(text, "ok" if approved else "bad"))
        return made

    def _broke(self, here: rights.Rights) -> list[News]:
        made = []
        for found in here.known.table("operation").values():
            if not isinstance(found, core.Operation) or not found.broke_glass:
                continue
            fresh = (here.now - found.started_at).total_seconds() < FRESH_S
            if found.ref not in self._broken and fresh:
                made.append(News(broken(found), "bad"))
            self._broken.add(found.ref)
        return made


def broken(found: core.Operation) -> str:
    """What is said of an operation that nobody approved."""
    what = f"{found.label or found.action} ({fmt.plural(found.total, 'target')})"
    how = "without approval"
    if found.verdict.code == "broke_glass" and (at := found.verdict.why.find("against")) >= 0:
        how += f", {found.verdict.why[at:].rstrip('.')}"  # the core's sentence: whose refusal
    return f"✖ GLASS BROKEN by {found.login}: {what} {how}; reason: {found.reason}"
