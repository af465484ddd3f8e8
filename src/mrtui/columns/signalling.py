"""The sockets of a backend: which origins were refused, and how often a tab took over."""

from __future__ import annotations

from mrcore.model import meeting
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def cells(entity: meeting.Signalling, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(fmt.count(entity.refused), "warn" if entity.refused else "dim"),
        Cell(entity.refused_origin, "warn"),
        Cell(fmt.count(entity.takeovers), "" if entity.takeovers else "dim"),
        Cell(view.age(entity.last_event_at)),
        view.why(entity),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("backend", 12, narrow=8),
        Column("refused", 7, right=True, keep=6),
        Column("the last", 26, keep=4),
        Column("tabs", 4, right=True, keep=3),
        Column("heard", 6, right=True),
        Column("why", keep=6),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
