"""What became of a job that was acted on, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mrcore.model import base, plans, ref
from mrcore.sources.bullmq import offers, places, running
from mrcore.sources.engine import saying

_BOUND = {
    "scheduled": "It is the next run of a schedule: remove the schedule instead.",
    "child": "Its parent waits for it, and would run without it: remove the parent first.",
    "parent": "It waits for children of its own, which would stay: remove them first.",
}
_COPIED = "It has moved on: it has been duplicated meanwhile."


def outcome(
    source: str,
    action: base.ActionId,
    place: places.Place,
    target: plans.Target,
    reply: Sequence[str],
) -> plans.TargetOutcome:
    of = target.ref
    became, what, more = reply
    match became:
        case "gone":
            return running.skipped(of, running.GONE)
        case "moved":
            return running.skipped(of, moved(target.guard, what, more))
        case "taken":
            return running.skipped(of, f"There is another job of this id now: it is {what}.")
        case "bound":
            return running.skipped(of, _BOUND[what])
        case "edited":
            return running.skipped(of, "It has moved on: its payload is another.")
        case "copied":
            return running.skipped(of, _COPIED)
    if action in (offers.RETRY, offers.EDIT):
        return running.done(of, f"attempt {more} → {int(more) + 1}")
    if action == offers.RELEASE:
        return running.done(of, saying.released(what))
    return running.done(of, _said(source, action, place, target, what), running.memento(what))


def _said(
    source: str, action: base.ActionId, place: places.Place, target: plans.Target, left: str
) -> str:
    memento = running.memento(left)
    match action:
        case offers.DUPLICATE:
            copy = ref.make(source, "job", place.shown, str(memento["job"]))
            return f"duplicated as {copy}"
        case offers.QUARANTINE:
            return f"{memento['state']} → quarantined"
        case offers.PROMOTE:
            return f"delayed → {memento['now']}"
        case offers.DELAY:
            return "It is delayed anew."
        case offers.PRIORITY:
            return f"priority {memento['priority']} → {memento['now_priority']}"
    return f"removed ({memento['state']})"


def moved(guard: plans.Args, state: str, attempts: str) -> str:
    """What a job was planned as, and what it is now."""
    was, before = str(guard.get("state", "")), str(guard.get("attempts", ""))
    return saying.moved(was, state, before, attempts)
