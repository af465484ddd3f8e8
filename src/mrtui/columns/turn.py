"""STUN and TURN servers: whether a browser could use them, and what they said."""

from __future__ import annotations

from mrcore.model import meeting
from mrtui.columns import anything
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def cells(entity: meeting.Turn, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(entity.target, "dim"),
        view.why(entity, otherwise=entity.says),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("server", 16, narrow=10),
        Column("at", 28, keep=4),
        Column("says", keep=6),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
