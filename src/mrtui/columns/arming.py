"""Who is armed: until when, and why."""

from __future__ import annotations

from mrcore.model import core
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Table, View


def cells(entity: core.Arming, view: View) -> tuple[Cell, ...]:
    return (
        Cell("▲", "warn"),
        Cell(entity.login, "strong"),
        Cell(fmt.until(entity.until, view.now), "warn"),
        Cell(view.age(entity.since), "dim"),
        Cell(entity.reason),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("armed", 12, narrow=8),
        Column("still", 7, right=True),
        Column("since", 6, right=True, keep=5),
        Column("reason"),
    ),
    cells=cells,
    label=lambda entity: entity.login,
    orders=(("until", lambda entity, view: entity.until),),
)
