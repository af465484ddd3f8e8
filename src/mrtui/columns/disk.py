"""Disks of the machine that the core runs on: what they hold, and whether they fill."""

from __future__ import annotations

from mrcore.model import host
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def cells(entity: host.Disk, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(entity.path, "dim"),
        Cell(fmt.size(entity.total_bytes)),
        view.why(entity),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("disk", 14, narrow=8),
        Column("at", 30, keep=4),
        Column("size", 7, right=True, keep=5),
        Column("why", keep=6),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
