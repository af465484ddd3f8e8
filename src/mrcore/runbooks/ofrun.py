"""What the acts on a run have in common: it must be as it was planned, or nothing is done."""

from __future__ import annotations

import dataclasses

from mrcore.model import base, plans
from mrcore.runbooks import book, engine, record, shown

GONE = "That run has ended."
_MOVED = "It has gone on meanwhile."


@dataclasses.dataclass(frozen=True)
class OfRun:
    """An act on core/run/<number>, which is as it was planned while the guard holds."""

    engine: engine.Engine

    action = ""

    async def plan(self, where: base.Ref, args: plans.Args) -> plans.Target | plans.LeftOut:
        """The run, while that can be done with it."""
        await self.engine.ready()
        found = self.engine.find(where)
        if found is None:
            return left_out(where, GONE)
        self.check(args)
        runbook, known = found
        if self.action not in shown.actions(runbook, known):
            return left_out(where, _not_now(runbook, known, self.action))
        step = shown.waiting(runbook, known)
        note = step.title if step and self.action in ("run.next", "run.confirm", "run.skip") else ""
        return plans.Target(
            ref=where,
            label=f"run {known.id} of {known.runbook} {known.title}",
            guard=self.guard(runbook, known),
            note=note,
            at=known.began_at,
        )

    def check(self, args: plans.Args) -> None:
        """Raise BadRequest for arguments that make no sense."""

    def guard(self, runbook: book.Runbook, known: record.Record) -> plans.Args:
        """What must still hold: the step that waits."""
        return {"at_step": known.at_step, "waits": waits(runbook, known)}

    def holds(self, target: plans.Target) -> tuple[book.Runbook, record.Record] | str:
        """The run as it was planned, or why not. The lock is held."""
        found = self.engine.find(target.ref)
        if found is None:
            return GONE
        return found if self.guard(*found) == target.guard else _MOVED


def waits(runbook: book.Runbook, known: record.Record) -> str:
    step = shown.waiting(runbook, known)
    return step.id if step else ""


def _not_now(runbook: book.Runbook, known: record.Record, action: base.ActionId) -> str:
    """Why an action is not offered now."""
    step = shown.waiting(runbook, known)
    if step is None:
        return f"Nothing waits for a person: it is {known.state.value}."
    if step.kind == "manual" and step.proof is not None:
        return f"{step.title!r} is done by hand, and the machine watches for it."
    if action == "run.skip":
        return f"{step.title!r} cannot be left out."
    return f"{step.title!r} waits, which is a {step.kind} step."


def done(target: plans.Target, why: str = "") -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE, why=why)


def skipped(target: plans.Target, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why=why)


def left_out(where: base.Ref, why: str) -> plans.LeftOut:
    return plans.LeftOut(why=why, count=1, samples=(where,))
