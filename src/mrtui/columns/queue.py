"""Queues: counts by state, the oldest waiting, who works on them, where they are heading."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mrcore.model import base, queue
from mrtui import draining
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Style, Table, View


def _number(value: int, tone: Style = "") -> Cell:
    return Cell(fmt.short(value), tone if value else "dim")


def _workers(entity: queue.Queue) -> Cell:
    if entity.workers is None:
        return Cell("?", "unknown")
    return Cell(str(entity.workers), "" if entity.workers else "dim")


def _note(entity: queue.Queue, view: View) -> Cell:
    if entity.paused_since is not None:
        by = f" by {entity.paused_by}" if entity.paused_by else ""
        why = f": {entity.paused_why}" if entity.paused_why else ""
        return Cell(f"paused {view.age(entity.paused_since)}{by}{why}", "warn")
    why_not = view.why(entity)
    if entity.limited_until is not None and entity.limited_until > view.now and not why_not.text:
        return Cell(f"rate limited for {fmt.until(entity.limited_until, view.now)}", "warn")
    if not entity.listed:
        said, style = "not on the board", why_not.style
        return Cell(f"{why_not.text}; {said}", style) if why_not.text else Cell(said, "warn")
    return why_not


def _drains(entity: queue.Queue, view: View) -> Cell:
    said = draining.brief(entity, view.world)
    return Cell(said, "bad" if said == "never" else "dim")


def cells(entity: queue.Queue, view: View, *, engine: bool = False) -> tuple[Cell, ...]:
    counts = entity.counts
    return (
        view.mark(entity),
        Cell(entity.name, "" if view.well(entity) else "strong"),
        *((Cell(entity.engine, "dim"),) if engine else ()),
        _number(counts.waiting + counts.prioritized, "strong"),
        _number(counts.active, "accent"),
        _number(counts.delayed),
        _number(counts.failed, "bad"),
        _number(counts.completed),
        Cell(view.age(entity.oldest_enqueued_at)),
        _workers(entity),
        Cell(fmt.rate(view.world.latest("queue.in_rate", entity.ref)), "dim"),
        Cell(fmt.rate(view.world.latest("queue.out_rate", entity.ref)), "dim"),
        Cell(fmt.spark(view.world.recent("queue.waiting", entity.ref), 10), "accent"),
        _drains(entity, view),
        _note(entity, view),
    )


def brief(entity: queue.Queue, view: View) -> tuple[Cell, ...]:
    counts = entity.counts
    note = _note(entity, view)
    if not note.text:
        note = Cell(fmt.spark(view.world.recent("queue.waiting", entity.ref), 12), "accent")
    return (
        view.mark(entity),
        Cell(entity.name),
        Cell(f"{fmt.short(counts.waiting)} w", "strong" if counts.waiting else "dim"),
        Cell(f"{fmt.short(counts.failed)} f", "bad" if counts.failed else "dim"),
        Cell(view.age(entity.oldest_enqueued_at), "dim"),
        note,
    )


def _trouble(entity: queue.Queue, view: View) -> Any:
    counts = entity.counts
    return (view.rank(entity), -counts.failed, -counts.waiting, -counts.active, entity.name)


TABLE = Table(
    columns=(
        Column("", 1),
        Column("queue", 22, narrow=16),
        Column("waiting", 7, right=True),
        Column("active", 6, right=True, keep=7),
        Column("delayed", 7, right=True, keep=4),
        Column("failed", 6, right=True),
        Column("done", 6, right=True, keep=3),
        Column("oldest", 6, right=True, keep=6),
        Column("wrk", 3, right=True, keep=5),
        Column("in", 6, right=True, keep=2),
        Column("out", 6, right=True, keep=2),
        Column("waiting", 10, keep=1),
        Column("drains", 6, right=True, keep=2),
        Column("why", keep=8),
    ),
    cells=cells,
    label=anything.label,
    orders=(
        ("trouble", _trouble),
        ("name", lambda entity, view: entity.name.lower()),
        ("waiting", lambda entity, view: -entity.counts.waiting),
        ("failed", lambda entity, view: -entity.counts.failed),
        ("oldest", lambda entity, view: -view.age_s(entity.oldest_enqueued_at)),
    ),
    brief_columns=(
        Column("", 1),
        Column("queue", 20, narrow=14),
        Column("waiting", 6, right=True),
        Column("failed", 6, right=True),
        Column("oldest", 6, right=True, keep=4),
        Column("why", keep=6),
    ),
    brief=brief,
)


def table_of(listed: Iterable[base.Entity]) -> Table:
    """The table, with the engine where there are several."""
    if len({entity.engine for entity in listed if isinstance(entity, queue.Queue)}) < 2:
        return TABLE
    mark, name, *rest = TABLE.columns
    return TABLE._replace(
        columns=(mark, name, Column("engine", 7, keep=5), *rest),
        cells=lambda entity, view: cells(entity, view, engine=True),
    )
