"""Secrets by version, and which version each process runs with."""

from __future__ import annotations

from mrcore.model import upstream
from mrtui.columns import anything
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def cells(entity: upstream.Secret, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(entity.version[:8]),
        Cell(entity.current[:8], "dim"),
        Cell(view.age(entity.read_at)),
        Cell(view.age(entity.changed_at)),
        view.why(entity),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("who", 29, narrow=14),
        Column("runs with", 9, keep=7),
        Column("current", 8, keep=6),
        Column("read", 6, right=True, keep=4),
        Column("changed", 7, right=True, keep=5),
        Column("says", keep=8),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
