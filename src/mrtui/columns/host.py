"""The machine, its disks and certificates in one table: what is taken, what is left."""

from __future__ import annotations

from datetime import datetime

from mrcore.model import base, host
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Table, View, trouble_first

_DAY_S = 86_400


def cells(entity: base.Entity, view: View) -> tuple[Cell, ...]:
    taken, left, says = _facts(entity, view)
    return (
        view.mark(entity),
        Cell(entity.kind, "dim"),
        Cell(anything.label(entity), "strong"),
        Cell(taken),
        Cell(left),
        view.why(entity, otherwise=says),
    )


def _facts(entity: base.Entity, view: View) -> tuple[str, str, str]:
    """What is taken, what is left, and what there is to say."""
    latest = view.world.latest
    if isinstance(entity, host.Disk):
        left = fmt.size(latest("disk.free_bytes", entity.ref))
        return fmt.percent(latest("disk.used", entity.ref)), left, entity.path
    if isinstance(entity, host.Certificate):
        return "", _days(entity.expires_at, view.now), entity.subject
    load = latest("host.load", entity.ref)
    files = fmt.percent(latest("host.descriptors", entity.ref))
    cores = getattr(entity, "cores", 0)
    said = "" if load is None else f"load {load:.1f} of {cores}, open files {files}"
    return fmt.percent(latest("host.memory", entity.ref)), "", said


def _days(until: datetime | None, now: datetime) -> str:
    return fmt.NONE if until is None else f"{(until - now).total_seconds() / _DAY_S:.0f} d"


TABLE = Table(
    columns=(
        Column("", 1),
        Column("kind", 11, keep=5),
        Column("name", 20, narrow=12),
        Column("taken", 6, right=True, keep=8),
        Column("left", 8, right=True, keep=7),
        Column("says", keep=4),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: anything.label(entity))),
)
