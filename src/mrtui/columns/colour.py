"""Colours of a deployment: which is live, since when, which release."""

from __future__ import annotations

from typing import Any

from mrtui.columns import anything
from mrtui.columns.table import Cell, Column, Table, View


def cells(entity: Any, view: View) -> tuple[Cell, ...]:
    live = Cell("▶ live", "ok") if entity.live else Cell("idle", "dim")
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        live,
        Cell(entity.state),
        Cell(entity.release),
        Cell(view.age(entity.since)),
        view.why(entity, otherwise=entity.why),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("colour", 14, narrow=10),
        Column("traffic", 7),
        Column("state", 10, keep=8),
        Column("release", 14, keep=7),
        Column("since", 6, right=True, keep=6),
        Column("says", keep=4),
    ),
    cells=cells,
    label=anything.label,
    orders=(("live first", lambda entity, view: (not entity.live, entity.name)),),
)
