"""Dead man's switches: what has to say in time that it was done, and when it said what."""

from __future__ import annotations

from mrcore.model import alert
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Style, Table, View, trouble_first

_STYLES: dict[str, Style] = {"up": "ok", "started": "accent", "grace": "warn", "down": "bad"}


def cells(entity: alert.Heartbeat, view: View) -> tuple[Cell, ...]:
    due = fmt.until(entity.due_at, view.now) if entity.due_at else fmt.NONE
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(entity.state, _STYLES.get(entity.state, "dim")),
        Cell(entity.declared, "dim"),
        Cell(view.age(entity.succeeded_at)),
        Cell(due),
        view.why(entity),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("what", 24, narrow=14),
        Column("state", 8, keep=8),
        Column("due every", 14, keep=4),
        Column("last", 6, right=True),
        Column("due in", 7, right=True, keep=6),
        Column("why", keep=5),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
