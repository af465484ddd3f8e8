"""Silences and maintenance windows: of what, whose, until when, and what fires beneath."""

from __future__ import annotations

from mrcore.model import alert
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Table, View


def of(entity: alert.Silence) -> str:
    """What it is of."""
    if entity.rule == "*":
        return "every alert"
    return entity.rule if entity.subject else f"{entity.rule}, on everything"


def cells(entity: alert.Silence, view: View) -> tuple[Cell, ...]:
    begun = entity.starts_at <= view.now
    ends = fmt.until(entity.expires_at, view.now)
    starts = f"in {fmt.until(entity.starts_at, view.now)}"
    return (
        Cell("▪" if begun else "◌", "dim"),
        Cell(of(entity), "strong"),
        Cell(entity.subject, "dim"),
        Cell(fmt.count(entity.firing), "warn" if entity.firing else "dim"),
        Cell(ends if begun else starts, "accent"),
        Cell(entity.login),
        Cell(entity.reason),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("silence of", 26, narrow=14),
        Column("on", 24, keep=4),
        Column("firing", 6, right=True, keep=6),
        Column("still", 8, right=True, keep=8),
        Column("by", 10, keep=7),
        Column("reason"),
    ),
    cells=cells,
    label=of,
    orders=(("still", lambda entity, view: entity.expires_at),),
)
