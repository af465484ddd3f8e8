"""Runs of runbooks: where each is, what its diagnosis found, whose it is."""

from __future__ import annotations

from mrcore.model import run
from mrtui import runs
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Style, Table, View

STYLES: dict[run.RunState, Style] = {
    run.RunState.RECOVERED: "ok",
    run.RunState.FAILED: "bad",
    run.RunState.UNVERIFIED: "warn",
    run.RunState.WAITING: "warn",
    run.RunState.ABORTED: "dim",
}

_STEPS: dict[run.StepState, tuple[str, Style]] = {
    run.StepState.PENDING: (" ", "dim"),
    run.StepState.RUNNING: ("⟳", "accent"),
    run.StepState.PASSED: ("●", "ok"),
    run.StepState.FAILED: ("✖", "bad"),
    run.StepState.UNVERIFIABLE: ("?", "unknown"),
    run.StepState.NOT_SELECTED: ("·", "dim"),
    run.StepState.ABORTED: ("■", "dim"),
}
_BY_HAND: tuple[str, Style] = ("✎", "warn")
_READY: tuple[str, Style] = ("▶", "accent")


def found(step: run.Step) -> Cell:
    """What a step found: `ok`, `unknown`, or what is bad; the state of one that finds nothing."""
    if step.found == "ok":
        return Cell("ok", "ok")
    if step.found == "unknown":
        return Cell("unknown", "unknown")
    if step.found and step.kind == "diagnose":
        return Cell(f"bad({step.found})", "bad")
    if step.state is run.StepState.RUNNING and step.kind == "manual":
        return Cell("by hand", "warn")
    if step.state is run.StepState.RUNNING and step.kind == "fix" and not step.operation:
        return Cell("ready", "accent")
    if step.kind == "decide" and step.found:
        return Cell(f"→ {step.found}", "dim")
    said = {run.StepState.PENDING: "", run.StepState.NOT_SELECTED: "left out"}
    return Cell(said.get(step.state, step.state), _STEPS[step.state][1])


def step_cells(step: run.Step, number: int, view: View) -> tuple[Cell, ...]:
    """One step in a line: sign, number, what, why, how long, what it found."""
    glyph, style = _STEPS[step.state]
    if step.kind == "manual" and step.state is run.StepState.RUNNING:
        glyph, style = _BY_HAND
    elif step.kind == "fix" and step.state is run.StepState.RUNNING and not step.operation:
        glyph, style = _READY
    ended = step.ended_at or view.now
    took = fmt.seconds((ended - step.began_at).total_seconds()) if step.began_at else ""
    gone = step.state is run.StepState.NOT_SELECTED
    return (
        Cell(glyph, style),
        Cell(f"{number:>2}", "dim"),
        Cell(step.title or step.id, "dim" if gone else "strong"),
        Cell(step.why, "dim"),
        Cell(took, "dim"),
        found(step),
    )


def title(entity: run.Run) -> str:
    """Which runbook, with its letter."""
    return f"{entity.runbook} {entity.title}"


def cells(entity: run.Run, view: View) -> tuple[Cell, ...]:
    return (
        Cell(fmt.GLYPHS[entity.verdict.level], STYLES.get(entity.state, "accent")),
        Cell(str(entity.id), "dim"),
        Cell(title(entity), "strong"),
        Cell(runs.where(entity), STYLES.get(entity.state, "accent")),
        Cell(view.age(entity.began_at), "dim"),
        Cell(entity.login),
        Cell(entity.diagnosis),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("run", 4, right=True, keep=4),
        Column("runbook", 30, narrow=18),
        Column("state", 11, keep=8),
        Column("began", 6, right=True, keep=6),
        Column("by", 10, keep=3),
        Column("diagnosis"),
    ),
    cells=cells,
    label=title,
    orders=(
        ("began", lambda entity, view: (entity.state not in runs.UNDER_WAY, -entity.id)),
        ("runbook", lambda entity, view: (entity.runbook, -entity.id)),
    ),
)
