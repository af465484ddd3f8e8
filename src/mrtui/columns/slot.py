"""One slot: when, whose, and whether it is booked."""

from __future__ import annotations

from mrcore.model import slot
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Style, Table, View


def state(entity: slot.Slot, view: View) -> tuple[str, Style]:
    """Where it is in time, and whether somebody has it."""
    booked = bool(entity.booked_by)
    if entity.ends_at < view.now:
        return ("over", "dim") if booked else ("expired", "warn")
    if entity.starts_at <= view.now:
        return ("runs", "accent") if booked else ("unused", "dim")
    return ("booked", "") if booked else ("available", "ok")


def cells(entity: slot.Slot, view: View) -> tuple[Cell, ...]:
    said, tone = state(entity, view)
    return (
        Cell(f"{entity.starts_at:%Y-%m-%d %H:%M}Z"),
        Cell(fmt.seconds((entity.ends_at - entity.starts_at).total_seconds()), "dim"),
        Cell(view.age(entity.ends_at), "dim"),
        Cell(said, tone),
        Cell(entity.mentor, "strong"),
        Cell(entity.booked_by or "nobody", "" if entity.booked_by else "dim"),
    )


TABLE = Table(
    columns=(
        Column("begins", 17),
        Column("lasts", 6, right=True, keep=4),
        Column("ended", 8, right=True, keep=5),
        Column("state", 9),
        Column("mentor", 18, keep=7),
        Column("booked by", keep=3),
    ),
    cells=cells,
    label=lambda entity: f"{entity.starts_at:%m-%d %H:%M} of {entity.mentor}",
    orders=(("begins", lambda entity, view: entity.starts_at),),
)
