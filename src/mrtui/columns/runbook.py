"""Runbooks that can be started: what each is for, how long, when it last led to a recovery."""

from __future__ import annotations

from mrcore.model import run
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Table, View


def title(entity: run.Runbook) -> str:
    """Its letter and its title."""
    return f"{entity.id} {entity.title}"


def cells(entity: run.Runbook, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(title(entity), "strong"),
        Cell(entity.severity, "dim"),
        Cell(entity.about, "dim"),
        Cell(str(entity.steps)),
        Cell(view.age(entity.recovered_at) if entity.recovered_at else fmt.NONE, "dim"),
        Cell(entity.recovers),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("runbook", 30, narrow=24),
        Column("sev", 4, keep=4),
        Column("about", 9, keep=5),
        Column("steps", 5, right=True, keep=3),
        Column("helped", 6, right=True, keep=6),
        Column("recovered when", keep=8),
    ),
    cells=cells,
    label=title,
    orders=(("name", lambda entity, view: entity.id),),
)
