"""Schedules: what repeats, when next, whether it came."""

from __future__ import annotations

from mrcore.model import queue
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def cells(entity: queue.Schedule, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(entity.declared),
        Cell(fmt.until(entity.next_at, view.now), "accent"),
        Cell(view.age(entity.last_enqueued_at)),
        Cell(view.age(entity.last_succeeded_at)),
        Cell(str(entity.missed), "bad" if entity.missed else "dim"),
        Cell(entity.queue, "dim"),
        view.why(entity, otherwise=entity.job),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("schedule", 18, narrow=14),
        Column("declared", 24, keep=5),
        Column("next", 6, right=True),
        Column("ran", 6, right=True, keep=6),
        Column("ok", 6, right=True, keep=7),
        Column("miss", 4, right=True, keep=8),
        Column("queue", 18, keep=3),
        Column("why", keep=4),
    ),
    cells=cells,
    label=anything.label,
    orders=(
        ("trouble", trouble_first),
        ("next", lambda entity, view: -view.age_s(entity.next_at) if entity.next_at else 9e18),
        ("name", lambda entity, view: entity.name),
    ),
)
