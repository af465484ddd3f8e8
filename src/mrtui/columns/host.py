"""The machine: load, memory, open files, whether its clock was moved."""

from __future__ import annotations

from mrcore.model import host
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def cells(entity: host.Host, view: View) -> tuple[Cell, ...]:
    latest = view.world.latest
    load = latest("host.load", entity.ref)
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(fmt.NONE if load is None else f"{load:.1f} of {entity.cores}"),
        Cell(fmt.percent(latest("host.memory", entity.ref))),
        Cell(fmt.percent(latest("host.descriptors", entity.ref)), "dim"),
        Cell(view.age(entity.clock_jumped_at)),
        view.why(entity),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("machine", 16),
        Column("load", 10, right=True, keep=8),
        Column("memory", 6, right=True, keep=7),
        Column("files", 6, right=True, keep=5),
        Column("moved", 6, right=True, keep=4),
        Column("says", keep=3),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
