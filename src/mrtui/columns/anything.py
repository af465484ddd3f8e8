"""Any entity of a kind that this version has no file for: its ref, and its verdict."""

from __future__ import annotations

from mrcore.model import base, ref
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def label(entity: base.Entity) -> str:
    """Its name if it has one, else the last part of its ref."""
    name = getattr(entity, "name", "")
    return str(name) or ref.parse(entity.ref).id


def cells(entity: base.Entity, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.kind, "dim"),
        Cell(label(entity)),
        view.why(entity),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("kind", 10, narrow=8),
        Column("name", 24, narrow=12),
        Column("why"),
    ),
    cells=cells,
    label=label,
    orders=(("trouble", trouble_first),),
)
