"""The audit: who intended what, and what came of it."""

from __future__ import annotations

from mrcore.model import core
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Style, Table, View

_TONES: dict[str, Style] = {"done": "ok", "skipped": "warn", "failed": "bad"}


def _targets(entity: core.AuditRow) -> str:
    if not entity.refs:
        return ""
    more = f" +{len(entity.refs) - 1}" if len(entity.refs) > 1 else ""
    return entity.refs[0] + more


def cells(entity: core.AuditRow, view: View) -> tuple[Cell, ...]:
    return (
        Cell(str(entity.seq), "dim"),
        Cell(fmt.clock(entity.at)),
        Cell(entity.login, "strong"),
        Cell(entity.stage),
        Cell(entity.action),
        Cell(entity.outcome, _TONES.get(entity.outcome, "")),
        Cell("" if entity.operation is None else str(entity.operation), "dim"),
        Cell(_targets(entity)),
        Cell(entity.text or entity.reason, "dim"),
    )


TABLE = Table(
    columns=(
        Column("seq", 5, right=True, keep=4),
        Column("at", 8),
        Column("login", 10, keep=8),
        Column("stage", 7, keep=6),
        Column("action", 14),
        Column("outcome", 8, keep=7),
        Column("op", 4, right=True, keep=3),
        Column("target", keep=5),
        Column("text", keep=2),
    ),
    cells=cells,
    label=lambda entity: f"audit {entity.seq}",
    orders=(("newest", lambda entity, view: -entity.seq),),
)
