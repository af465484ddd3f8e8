"""Schedules: what repeats, when next, whether it came."""

from __future__ import annotations

from mrcore.model import queue
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Table, View, trouble_first

OFF = 0.05
"""A share by which the observed interval may differ from the declared one without a word."""


def _observed(entity: queue.Schedule) -> Cell:
    """The interval that its runs have had; loud where that is not the declared one."""
    if entity.observed_s is None:
        return Cell(fmt.NONE, "dim")
    said = fmt.seconds(round(entity.observed_s))
    declared_s = entity.interval_s
    off = declared_s is not None and abs(entity.observed_s - declared_s) > OFF * declared_s
    return Cell(said, "bad" if off else "dim")


def _why(entity: queue.Schedule, view: View) -> Cell:
    if entity.registered > 1:
        said = f"registered {entity.registered} times"
        why = view.why(entity)
        return Cell(f"{said}; {why.text}" if why.text else said, why.style or "bad")
    return view.why(entity, otherwise=entity.job)


def cells(entity: queue.Schedule, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(entity.declared),
        _observed(entity),
        Cell(fmt.until(entity.next_at, view.now), "accent"),
        Cell(view.age(entity.last_enqueued_at)),
        Cell(view.age(entity.last_succeeded_at)),
        Cell(str(entity.missed), "bad" if entity.missed else "dim"),
        Cell(str(entity.overrun), "bad" if entity.overrun else "dim"),
        Cell(entity.queue, "dim"),
        _why(entity, view),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("schedule", 18, narrow=14),
        Column("declared", 24, keep=8, narrow=14),
        Column("seen", 6, right=True, keep=7),
        Column("next", 6, right=True),
        Column("ran", 6, right=True, keep=4),
        Column("ok", 6, right=True, keep=5),
        Column("miss", 4, right=True, keep=5),
        Column("over", 4, right=True, keep=3),
        Column("queue", 18, keep=2),
        Column("why", keep=6),
    ),
    cells=cells,
    label=anything.label,
    orders=(
        ("trouble", trouble_first),
        ("next", lambda entity, view: -view.age_s(entity.next_at) if entity.next_at else 9e18),
        ("name", lambda entity, view: entity.name),
    ),
)
