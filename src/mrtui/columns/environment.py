"""What a core watches: whether one has to be armed to change it."""

from __future__ import annotations

from mrcore.model import core
from mrtui.columns import anything
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def cells(entity: core.Environment, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell("protected" if entity.protected else "open", "warn" if entity.protected else "dim"),
        Cell("read-only" if entity.read_only else "", "dim"),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("environment", 20, narrow=14),
        Column("guard", 9, keep=8),
        Column("may", keep=7),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first),),
)
