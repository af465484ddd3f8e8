"""The steps of a run in words: what it waits for, one of them in full, why it is taken. Pure."""

from __future__ import annotations

import re
from datetime import datetime

from mrcore.model import run
from mrtui import prose, runs
from mrtui.columns import fmt
from mrtui.columns import run as columns
from mrtui.widgets import cells

State = run.RunState
_NAME = 12
_BEFORE = re.compile(r"[a-z_][a-z0-9_]*")


def current(known: run.Run) -> int:
    """The place of the step that it is at: the one at work, else the first that is to come."""
    wanted = (run.StepState.RUNNING, run.StepState.PENDING)
    for state in wanted:
        for place, step in enumerate(known.steps):
            if step.state is state:
                return place
    return max(0, len(known.steps) - 1)


def asks(known: run.Run) -> str:
    """What it waits for; how it ended, where it has."""
    step = runs.waits(known)
    if known.state not in runs.UNDER_WAY:
        return f"has ended: {known.state.value}"
    if step is None:
        at = known.steps[current(known)] if known.steps else None
        named = f", at {at.title!r}" if at is not None else ""
        return f"is {runs.where(known)}{named}: it goes on by itself"
    if step.kind == "manual" and step.until:
        return f"waits until {step.title!r} is done by hand: it sees that by itself"
    return f"waits for a person: {step.title!r}"


def now(known: run.Run, key: str, confirm: str) -> tuple[cells.Cell, ...]:
    """What a person does next; `key` does the next step, `confirm` says that one was done.

    Without `key` that was asked for already.
    """
    step = runs.waits(known)
    if step is None:
        style: cells.Style = columns.STYLES.get(known.state, "accent")
        return (cells.Cell(known.why or _alone(known), style),)
    if step.kind == "fix" and not key:
        return (cells.Cell(f"{step.title!r} is planned, and then shown", "accent"),)
    if step.kind == "fix":
        said = f"plans {step.title!r}, shows it and asks"
        return (cells.Cell(f"▶ {key} ", "accent"), cells.Cell(said, "strong"))
    if step.until:
        said = f"do {step.title!r} by hand: it is seen here when that is done"
        return (cells.Cell("✎ ", "warn"), cells.Cell(said, "strong"))
    said = f"do {step.title!r} by hand, then {confirm} says that it is done"
    return (cells.Cell("✎ ", "warn"), cells.Cell(said, "strong"))


def _alone(known: run.Run) -> str:
    """What it does by itself, with nobody's help."""
    if known.state is State.DIAGNOSING:
        return "diagnosing: nothing is changed"
    if known.state is State.FIXING:
        return "a fix is being applied"
    over = all(s.state not in (run.StepState.RUNNING, run.StepState.PENDING) for s in known.steps)
    return (
        "every step was taken: it is watched whether that holds"
        if over
        else ("something was done: it is watched whether that has helped")
    )


def in_full(step: run.Step, number: int, known: run.Run, at: datetime) -> list[prose.Line]:
    """Everything that is known of one step, and what its runbook says of it."""
    lines: list[prose.Line] = [(cells.Cell(f"{number} {step.title}", "strong"),)]
    took = ""
    if step.began_at is not None:
        ended = step.ended_at or at
        took = f"{fmt.clock(step.began_at)}, {fmt.seconds((ended - step.began_at).total_seconds())}"
    pairs = (
        ("kind", step.kind),
        ("state", step.state.value.replace("_", " ")),
        ("found", columns.found(step).text if step.found else ""),
        ("because", step.why),
        ("taken", took),
        ("does", step.action),
        ("plan", step.plan),
        ("operation", step.operation),
        ("by", step.by),
        ("true since", fmt.clock(step.true_since) if step.true_since else ""),
        ("proof", step.until),
    )
    lines += [_pair(name, said) for name, said in pairs if said]
    lines += _when(step, known)
    text: list[prose.Line] = [(cells.Cell(line),) for line in step.text.splitlines()]
    return [*lines, (), *text] if text else lines


def why(step: run.Step, number: int, known: run.Run) -> list[prose.Line]:
    """Why a step is taken, was left out, or is still to come."""
    said = {
        run.StepState.PENDING: "It is still to come.",
        run.StepState.RUNNING: "It is at work, or waits.",
        run.StepState.NOT_SELECTED: "It was left out.",
    }.get(step.state, f"It is over: {step.state.value.replace('_', ' ')}.")
    lines: list[prose.Line] = [
        (cells.Cell(f"{number} {step.title}", "strong"),),
        (cells.Cell(said),),
    ]
    if step.why:
        lines.append(_pair("because", step.why))
    return lines + _when(step, known)


def _when(step: run.Step, known: run.Run) -> list[prose.Line]:
    """The condition under which it is taken, and what the steps that it names have found."""
    if not step.when:
        return [_pair("taken", "always")]
    names = set(_BEFORE.findall(step.when))
    lines = [_pair("taken when", step.when)]
    for other in known.steps:
        if other.id in names:
            found = columns.found(other).text or "nothing yet"
            lines.append(_pair(other.id, f"{found}: {other.why}" if other.why else found))
    return lines


def _pair(name: str, said: str) -> prose.Line:
    return (cells.Cell(f"{name:<{_NAME}} ", "dim"), cells.Cell(said))
