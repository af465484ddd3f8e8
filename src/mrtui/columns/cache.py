"""Caches of dashboards: how old they are, and whether they are right."""

from __future__ import annotations

from mrcore.model import backend
from mrtui.columns import anything
from mrtui.columns.table import Cell, Column, Table, View, trouble_first

_EQUAL = {None: Cell("unknown", "dim"), True: Cell("right"), False: Cell("wrong", "warn")}


def cells(entity: backend.Cache, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name),
        Cell(view.age(entity.computed_at)),
        _EQUAL[entity.equal],
        view.why(entity),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("cache", 20, narrow=14),
        Column("age", 6, right=True),
        Column("figure", 8, keep=4),
        Column("says", keep=5),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
