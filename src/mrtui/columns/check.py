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
    took_ms = view.world.latest("check.latency_ms", entity.ref)
    shown = measured(_answer(entity), took_ms, view.why(entity))
    if not shown.text.strip():
        shown = Cell(entity.says or entity.target.rsplit("/", 1)[-1], "dim")
    return (view.mark(entity), Cell(entity.name), shown)


def measured(code: str, took_ms: float | None, says: Cell) -> Cell:
    """`200   12ms`, `535 BadCredentials`: the code, then the time or what is wrong."""
    if says.text:
        words = says.text.removeprefix(code).lstrip(": ") if code else says.text
        return Cell(f"{code:<3} {words}".strip(), says.style)
    took = "" if took_ms is None else fmt.millis(took_ms)
    return Cell(f"{code:<3} {took:>6}")


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
        Column("check", 10),
        Column("says", keep=6),
    ),
    brief=brief,
)
