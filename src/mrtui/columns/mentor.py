"""Slots counted: of all, and of each mentor."""

from __future__ import annotations

from mrcore.model import base, slot
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Style, Table, View

ALL = "all mentors"

TITLES = {
    "total": "slots",
    "available": "available",
    "booked": "booked",
    "future": "future",
    "expired": "expired",
    "expired_unbooked": "unbooked",
}
"""The six counts by their name, with the word that each has here; unbooked: expired and so."""


def label(entity: base.Entity) -> str:
    """The mentor, or everybody."""
    return entity.name if isinstance(entity, slot.Mentor) else ALL


def tone(name: str, value: int) -> Style:
    """What is expired and nobody booked is to be cleaned; what is not there is dim."""
    if not value:
        return "dim"
    return "warn" if name == "expired_unbooked" else ""


def cells(entity: slot.Slots | slot.Mentor, view: View) -> tuple[Cell, ...]:
    counts = entity.counts.model_dump()
    return (
        view.mark(entity),
        Cell(label(entity), "strong"),
        *(Cell(fmt.short(counts[name]), tone(name, counts[name])) for name in TITLES),
        view.why(entity, otherwise=getattr(entity, "unlisted", "")),
    )


def _all_first(entity: base.Entity) -> bool:
    return isinstance(entity, slot.Mentor)


TABLE = Table(
    columns=(
        Column("", 1),
        Column("mentor", 20, narrow=12),
        Column("slots", 5, right=True, keep=6),
        Column("available", 9, right=True, keep=7),
        Column("booked", 6, right=True, keep=5),
        Column("future", 6, right=True, keep=4),
        Column("expired", 7, right=True, keep=4),
        Column("unbooked", 8, right=True, keep=8),
        Column("says", keep=3),
    ),
    cells=cells,
    label=label,
    orders=(
        ("name", lambda entity, view: (_all_first(entity), entity.name.lower())),
        ("unbooked", lambda e, view: (_all_first(e), -e.counts.expired_unbooked)),
        ("available", lambda e, view: (_all_first(e), -e.counts.available)),
    ),
)
