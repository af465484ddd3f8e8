"""Origins of pages: whether one of them gets a socket."""

from __future__ import annotations

from mrcore.model import meeting
from mrtui.columns import anything
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def cells(entity: meeting.Origin, view: View) -> tuple[Cell, ...]:
    code = "" if entity.status_code is None else str(entity.status_code)
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(entity.target, "dim"),
        Cell(code),
        view.why(entity, otherwise="gets a socket"),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("origin", 30, narrow=18),
        Column("at", 28, keep=4),
        Column("code", 4, right=True, keep=5),
        Column("why", keep=6),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
