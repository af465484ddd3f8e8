"""Orders that were not settled."""

from __future__ import annotations

from mrcore.model import upstream
from mrtui.columns import anything
from mrtui.columns.table import Cell, Column, Table, View, trouble_first

_PAISE = 100


def cells(entity: upstream.Order, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(f"{entity.amount_paise / _PAISE:,.2f}"),
        Cell(entity.state),
        Cell(view.age(entity.created_at)),
        view.why(entity),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("order", 20),
        Column("rupees", 12, right=True, keep=7),
        Column("state", 8, keep=6),
        Column("age", 5, right=True, keep=5),
        Column("says", keep=8),
    ),
    cells=cells,
    label=anything.label,
    orders=(
        ("trouble", trouble_first),
        ("oldest", lambda entity, view: entity.created_at),
        ("name", lambda entity, view: entity.name),
    ),
)
