"""`schedule.register` of a schedule whose code registers another interval than it declares.

The declared one wins: what its hash says of it is obeyed by every scheduler from its next tick on,
until the code declares something else. Undone, it goes by its code again. Pure.
"""

from __future__ import annotations

from mrcore.journal import keys, record
from mrcore.model import base, plans
from mrcore.queues import ticks
from mrcore.sources.huey import running

Args = tuple[str, ...]
"""What the script takes after a schedule's name."""


def differs(declared_s: str, every_s: str) -> bool:
    """Whether a schedule goes by another interval than it declares; both as its hash has them."""
    declared, every = _seconds(declared_s), _seconds(every_s)
    return bool(declared and every) and declared != every


def target(of: base.Ref, label: str, name: str, declared: str, was: str, now: str) -> plans.Target:
    """That the schedule, which goes by `was`, shall go by `now`: intervals, seconds as written."""
    guard: plans.Args = {"declared": declared, "every_s": was, "goes_by": now}
    return plans.Target(
        ref=of, label=label, name=name, guard=guard, note=f"{_every(was)} → {_every(now)}"
    )


def meant(of: plans.Target) -> bool:
    """Whether a target of `schedule.register` is one of these, and not a removed one."""
    return "goes_by" in of.guard


def args(of: plans.Target, mark: str, *, back: bool) -> Args:
    """For the script: `back` is to the schedule's own code."""
    declared, was, now = (str(of.guard[name]) for name in ("declared", "every_s", "goes_by"))
    return keys.OBEYED, declared, was, now, "" if back else now, mark


def outcome(of: plans.Target, reply: running.Reply) -> plans.TargetOutcome:
    """Of what the script answers."""
    became, said = reply[:2]
    match became:
        case "done":
            why = f"It goes by {_every(said)} from its scheduler's next tick on."
            return running.done(of.ref, why, {"was": of.guard["every_s"]})
        case "removed":
            return running.skipped(of.ref, "It has moved on: it is removed.")
        case "moved":
            return running.skipped(of.ref, f"It has moved on: it is registered {_every(said)}.")
    return running.skipped(of.ref, "It has moved on: there is no such schedule (any more).")


def _seconds(written: str) -> float | None:
    return record.number(written.encode())


def _every(written: str) -> str:
    return f"every {ticks.every(_seconds(written) or 0.0)}"
