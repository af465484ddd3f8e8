"""The audit: who intended what, and what came of it."""

from __future__ import annotations

from mrcore.model import core
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Style, Table, View

_TONES: dict[str, Style] = {"done": "ok", "skipped": "warn", "failed": "bad", "refused": "bad"}


def _targets(entity: core.AuditRow) -> str:
    if not entity.refs:
        return ""
    more = f" +{len(entity.refs) - 1}" if len(entity.refs) > 1 else ""
    return entity.refs[0] + more


def whence(entity: core.AuditRow) -> str:
    """From where, as far as it is known: `10.0.0.7 token 3`, `uid 1000`."""
    parts = [entity.address]
    if entity.token is not None:
        parts.append(f"token {entity.token}")
    elif entity.uid is not None:
        parts.append(f"uid {entity.uid}")
    return " ".join(filter(None, parts))


def _said(entity: core.AuditRow) -> str:
    whys = next(filter(None, entity.whys), "")
    return entity.text or whys or entity.reason


def cells(entity: core.AuditRow, view: View) -> tuple[Cell, ...]:
    outcome = entity.outcome or ("refused" if entity.stage == "refused" else "")
    return (
        Cell(str(entity.seq), "dim"),
        Cell(fmt.clock(entity.at)),
        Cell(entity.login, "strong"),
        Cell(whence(entity), "dim"),
        Cell(entity.stage),
        Cell(entity.action),
        Cell(outcome, _TONES.get(outcome, "")),
        Cell("" if entity.took_ms is None else fmt.millis(entity.took_ms), "dim"),
        Cell("" if entity.operation is None else str(entity.operation), "dim"),
        Cell(_targets(entity)),
        Cell(_said(entity), "dim"),
    )


TABLE = Table(
    columns=(
        Column("seq", 5, right=True, keep=4),
        Column("at", 8),
        Column("who", 10, keep=8),
        Column("from", 14, keep=2),
        Column("stage", 7, keep=6),
        Column("action", 14),
        Column("outcome", 8, keep=7),
        Column("took", 6, right=True, keep=3),
        Column("op", 4, right=True, keep=3),
        Column("target", keep=5),
        Column("text", keep=2),
    ),
    cells=cells,
    label=lambda entity: f"audit {entity.seq}",
    orders=(("newest", lambda entity, view: -entity.seq),),
)
