"""Webhooks of a provider: when the last came, and what none came for."""

from __future__ import annotations

from mrcore.model import upstream
from mrtui.columns import anything
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def cells(entity: upstream.Webhook, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(view.age(entity.last_at)),
        Cell(str(entity.last_hour)),
        Cell(str(entity.unanswered), "bad" if entity.unanswered else "dim"),
        view.why(entity),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("provider", 12),
        Column("last", 6, right=True, keep=6),
        Column("an hour", 7, right=True, keep=4),
        Column("not told", 8, right=True, keep=5),
        Column("says", keep=8),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
