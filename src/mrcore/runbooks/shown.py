"""Runbooks and runs as they are shown: entities of the source `core`. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from mrcore.model import base, ref, run
from mrcore.runbooks import book, record

STALE = timedelta(days=90)
FRESH = timedelta(hours=1)
"""So long a run that has ended badly is a trouble, as a resolved alert is shown; then no more."""

_LEVELS = {
    run.RunState.WAITING: base.Level.WARN,
    run.RunState.UNVERIFIED: base.Level.WARN,
    run.RunState.FAILED: base.Level.WARN,
}


def runbook(each: book.Runbook, recovered_at: datetime | None, now: datetime) -> run.Runbook:
    """A runbook; one that has led to no recovery for 90 days may not be right any more."""
    verdict = base.OK
    if recovered_at is not None and now - recovered_at > STALE:
        days = (now - recovered_at).days
        why = f"It last led to a recovery {days} days ago: play its game day."
        verdict = base.Verdict(level=base.Level.WARN, code="stale", why=why)
    return run.Runbook(
        ref=ref.make("core", "runbook", each.id),
        verdict=verdict,
        actions=("runbook.start",),
        id=each.id,
        title=each.title,
        symptom=" ".join(each.symptom.text.split()),
        recovers=each.recovers,
        severity=each.severity,
        owner=each.owner,
        about=each.about,
        steps=len(each.steps),
        params={param.name: param.type for param in each.params},
        where=each.where,
        recovered_at=recovered_at,
    )


def entity(runbook: book.Runbook, known: record.Record, now: datetime) -> run.Run:
    """A run with every step, also those that are still to come."""
    step = waiting(runbook, known)
    return run.Run(
        ref=known.ref,
        verdict=_verdict(known, step, now),
        actions=actions(runbook, known),
        id=known.id,
        runbook=known.runbook,
        title=known.title,
        state=known.state,
        login=known.login,
        alert=known.alerts[0] if known.alerts else "",
        alerts=known.alerts,
        subject=known.subject,
        diagnosis=known.diagnosis,
        codes=known.codes,
        recovers=runbook.recovers,
        waits=step.id if step else "",
        why=known.why,
        steps=tuple(_step(each, known.now(each.id)) for each in runbook.steps),
        began_at=known.began_at,
        diagnosed_at=known.diagnosed_at,
        ended_at=known.ended_at,
    )


def waiting(runbook: book.Runbook, known: record.Record) -> book.Step | None:
    """The step that waits for a person, or None."""
    if known.ended or known.state is not run.RunState.WAITING:
        return None
    if known.at_step >= len(runbook.steps):
        return None
    step = runbook.steps[known.at_step]
    return step if known.now(step.id).state is run.StepState.RUNNING else None


def actions(runbook: book.Runbook, known: record.Record) -> tuple[base.ActionId, ...]:
    """What can be done with a run now."""
    if known.ended:
        return ()
    found: list[base.ActionId] = []
    step = waiting(runbook, known)
    if step is not None and step.kind == "fix":
        found.append("run.next")
    if step is not None and step.kind == "manual" and step.proof is None:
        found.append("run.confirm")
    if step is not None and step.skippable:
        found.append("run.skip")
    return (*found, "run.handover", "run.abort")


def _verdict(known: record.Record, step: book.Step | None, now: datetime) -> base.Verdict:
    level = _LEVELS.get(known.state)
    past = known.ended_at is not None and now - known.ended_at > FRESH
    if level is None or past:
        return base.OK
    why = known.why or known.diagnosis
    if known.state is run.RunState.WAITING:
        waits = f"{step.title} waits for a person." if step is not None else known.why
        why = f"{waits} {known.diagnosis}".strip()
    return base.Verdict(level=level, code=known.state.value, why=why)


def _step(step: book.Step, now: record.StepNow) -> run.Step:
    return run.Step(
        id=step.id,
        kind=step.kind,
        title=step.title,
        state=now.state,
        found=now.found,
        why=now.why,
        text=step.text,
        action=step.action,
        when=" ".join(step.when.text.split()) if step.when else "",
        until=" ".join(step.proof.when.text.split()) if step.proof else "",
        plan=now.plan,
        operation=now.operation,
        by=now.by,
        true_since=now.true_since,
        began_at=now.began_at,
        ended_at=now.ended_at,
    )
