"""What captured payments led to, counted."""

from __future__ import annotations

from mrcore.model import upstream
from mrtui.columns import anything
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def cells(entity: upstream.Payments, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(str(entity.without_invoice), "bad" if entity.without_invoice else "dim"),
        Cell(str(entity.double_grants), "bad" if entity.double_grants else "dim"),
        view.why(entity),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("money", 10),
        Column("no invoice", 10, right=True, keep=6),
        Column("twice", 6, right=True, keep=5),
        Column("says", keep=8),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
