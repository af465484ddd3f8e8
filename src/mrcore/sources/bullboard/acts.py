"""What is said of acts through a board, beside what every engine says."""

from __future__ import annotations

from mrcore.model import base, plans
from mrcore.sources.engine import acts, saying

LeftOuts = acts.LeftOuts
done, skipped, left = saying.done, saying.skipped, saying.left

TWO_STEPS = plans.Remark(
    text="the board cannot check and act in one step: each is looked at right before, and what "
    "changes in between is not seen"
)


def failed(of: base.Ref, why: str, *, doubtful: bool = False) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=of, outcome=plans.Outcome.FAILED, why=why, doubtful=doubtful)


def lasting(why: str) -> plans.Undo:
    """What the catalogue can undo elsewhere, and a board cannot: it has no route for it."""
    return plans.Undo(possible=False, words=f"a Bull Board {why}")
