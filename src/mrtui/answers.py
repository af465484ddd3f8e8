"""What a person may answer to a plan: the buttons, and what has to be typed before. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from mrcore.model import plans
from mrtui import plan_lines
from mrtui.columns import fmt


class Verb(StrEnum):
    """What a person wants of a plan."""

    APPLY = "apply"
    AGAIN = "plan again"
    APPROVE = "approve"
    REFUSE = "refuse"
    BREAK = "break the glass"


class Answer(NamedTuple):
    """What a person said to a plan."""

    verb: Verb = Verb.APPLY
    reason: str = ""
    confirm: str = ""


class Choice(NamedTuple):
    """A button: what it says and does, and what has to be typed before."""

    label: str
    verb: Verb
    reason: bool = False
    confirm: bool = False
    enabled: bool = True


def applies(plan: plans.Plan) -> str:
    """What the button says that applies a plan: `Apply to 43`, `Apply to 10, then 33`."""
    if first := plan_lines.first_ones(plan):
        return f"Apply to {fmt.count(first)}, then {fmt.count(plan.total - first)}"
    return f"Apply to {fmt.count(plan.total)}"


def own(plan: plans.Plan, *, breaks: bool = False) -> list[Choice]:
    """What one can say to a plan that was just made; one that was refused waits no more."""
    if plan.refused_by:
        return [_glass()] if breaks else []
    asks = plan.needs_approval and not plan.approved_by
    label = "Ask for approval" if asks else applies(plan)
    return [Choice(label, Verb.APPLY, plan.needs_reason, bool(plan.confirm))]


def waiting(plan: plans.Plan, *, mine: bool, answers: bool, breaks: bool) -> list[Choice]:
    """What one can say to a plan that waits: `answers` and `breaks` are what the roles allow."""
    if not mine:
        asked = not (plan.approved_by or plan.refused_by) and answers
        refuse = Choice("Refuse", Verb.REFUSE, reason=True)
        return [refuse, Choice("Approve", Verb.APPROVE)] if asked else []
    approved = bool(plan.approved_by)
    apply = Choice(
        applies(plan), Verb.APPLY, plan.needs_reason, bool(plan.confirm), enabled=approved
    )
    return [_glass(), apply] if breaks and not approved else [apply]


def _glass() -> Choice:
    return Choice("Break the glass", Verb.BREAK, reason=True, confirm=True)
