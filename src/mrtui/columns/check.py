"""Health checks: the answer, how fast it came, what it says."""

from __future__ import annotations

from mrcore.model import backend
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def _answer(entity: backend.Check) -> str:
    return str(entity.status_code) if entity.status_code is not None else ""


def _says(entity: backend.Check, view: View) -> Cell:
    return view.why(entity, otherwise=entity.says)


def cells(entity: backend.Check, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name),
        Cell(_answer(entity)),
        Cell(fmt.millis(view.world.latest("check.latency_ms", entity.ref))),
        Cell(view.age(entity.up_since), "dim"),
        Cell(entity.target, "dim"),
        _says(entity, view),
    )


def brief(entity: backend.Check, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name),
        Cell(_answer(entity)),
        Cell(fmt.millis(view.world.latest("check.latency_ms", entity.ref))),
        _says(entity, view),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("check", 12),
        Column("code", 4, right=True),
        Column("took", 7, right=True),
        Column("up", 6, right=True, keep=4),
        Column("target", 28, keep=3),
        Column("says", keep=5),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
    brief_columns=(
        Column("", 1),
        Column("check", 9),
        Column("code", 3, right=True),
        Column("took", 5, right=True),
        Column("says", keep=6),
    ),
    brief=brief,
)
