"""What lines of logs are counted for: when one fitted last, and where."""

from __future__ import annotations

from mrcore.model import log
from mrtui.columns import anything
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def cells(entity: log.LogPattern, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(view.age(entity.matched_at)),
        Cell(entity.stream, "dim"),
        Cell(entity.expr, "dim"),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("pattern", 20, narrow=12),
        Column("last", 6, right=True),
        Column("in", 26, keep=4),
        Column("fits", keep=3),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
