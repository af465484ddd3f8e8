"""File systems that must not fill up: what is taken, what is left."""

from __future__ import annotations

from mrcore.model import host
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def cells(entity: host.Disk, view: View) -> tuple[Cell, ...]:
    latest = view.world.latest
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(fmt.percent(latest("disk.used", entity.ref))),
        Cell(fmt.size(latest("disk.free_bytes", entity.ref))),
        Cell(entity.path, "dim"),
        view.why(entity),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("disk", 12),
        Column("taken", 6, right=True, keep=8),
        Column("free", 7, right=True, keep=7),
        Column("path", 24, keep=4),
        Column("says", keep=5),
    ),
    cells=cells,
    label=anything.label,
    orders=(
        ("trouble", trouble_first),
        ("name", lambda entity, view: entity.name),
        ("taken", lambda entity, view: -(view.world.latest("disk.used", entity.ref) or 0)),
    ),
)
