"""Runs of runbooks: where each is, what its diagnosis found, whose it is."""

from __future__ import annotations

from mrcore.model import run
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Style, Table, View

STYLES: dict[run.RunState, Style] = {
    run.RunState.RECOVERED: "ok",
    run.RunState.FAILED: "bad",
    run.RunState.UNVERIFIED: "warn",
    run.RunState.WAITING: "warn",
    run.RunState.ABORTED: "dim",
}


def title(entity: run.Run) -> str:
    """Which runbook, with its letter."""
    return f"{entity.runbook} {entity.title}"


def cells(entity: run.Run, view: View) -> tuple[Cell, ...]:
    return (
        Cell(fmt.GLYPHS[entity.verdict.level], STYLES.get(entity.state, "accent")),
        Cell(str(entity.id), "dim"),
        Cell(title(entity), "strong"),
        Cell(entity.state, STYLES.get(entity.state, "accent")),
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
    orders=(("began", lambda entity, view: -entity.began_at.timestamp()),),
)
