"""Rows of audit trails: who did what about whom or what, and from where."""

from __future__ import annotations

from mrcore.model import slot
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Table, View


def changed(entity: slot.Trail) -> str:
    """`2,000 → 1,800`, or what was said."""
    if entity.old and entity.new:
        return f"{entity.old} → {entity.new}"
    return entity.new or entity.old


def cells(entity: slot.Trail, view: View) -> tuple[Cell, ...]:
    return (
        Cell(fmt.moment(entity.at, view.now)),
        Cell(entity.who, "strong"),
        Cell(entity.what),
        Cell(entity.about),
        Cell(entity.address, "dim"),
        Cell(entity.trail.removesuffix("_log").removesuffix("_logs"), "dim"),
        Cell(changed(entity)),
    )


TABLE = Table(
    columns=(
        Column("at", 20, narrow=9),
        Column("who", 16, narrow=12),
        Column("what", 16, narrow=12),
        Column("about", 18, keep=7),
        Column("from", 12, keep=6),
        Column("trail", 14, keep=3),
        Column("change", keep=5),
    ),
    cells=cells,
    label=lambda entity: f"{entity.what} by {entity.who}",
    orders=(("newest", lambda entity, view: -entity.at.timestamp()),),
)
