"""Log streams: how much they say, how much of it is bad, where they are."""

from __future__ import annotations

from mrcore.model import log
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def cells(entity: log.LogStream, view: View) -> tuple[Cell, ...]:
    latest = view.world.latest
    errors = latest("log.error_rate", entity.ref)
    return (
        view.mark(entity),
        Cell(entity.name),
        Cell(fmt.rate(latest("log.line_rate", entity.ref))),
        Cell(fmt.rate(errors), "bad" if errors else "dim"),
        Cell(view.age(entity.last_line_at)),
        Cell(fmt.size(latest("log.size_bytes", entity.ref)), "dim"),
        Cell(fmt.spark(view.world.recent("log.line_rate", entity.ref), 12), "accent"),
        view.why(entity, otherwise=entity.path),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("stream", 18, narrow=14),
        Column("lines", 7, right=True),
        Column("errors", 7, right=True),
        Column("last", 6, right=True, keep=6),
        Column("size", 6, right=True, keep=4),
        Column("lines", 12, keep=3),
        Column("why", keep=5),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
