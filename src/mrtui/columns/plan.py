"""Plans that need a second login: what, whose, how long still, and what was answered."""

from __future__ import annotations

from mrcore.model import core
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Style, Table, View

_TONES: dict[str, Style] = {"waiting": "accent", "approved": "ok", "refused": "bad"}
_GLYPHS = {"waiting": "◌", "approved": "●", "refused": "✖"}


def answered(entity: core.WaitingPlan) -> str:
    """Who has answered, and what: `anna: not now`."""
    return ": ".join(filter(None, (entity.by, entity.answer)))


def cells(entity: core.WaitingPlan, view: View) -> tuple[Cell, ...]:
    over = entity.expires_at <= view.now
    state = "expired" if over and entity.state == "waiting" else entity.state
    tone: Style = _TONES.get(state, "dim")
    return (
        Cell(_GLYPHS.get(state, fmt.STALE), tone),
        Cell(entity.plan_id[:4], "dim"),
        Cell(state, tone),
        Cell(entity.label or entity.action, "strong"),
        Cell(fmt.count(entity.total)),
        Cell(entity.login),
        Cell(fmt.until(entity.expires_at, view.now) if not over else fmt.NONE),
        Cell(answered(entity)),
        Cell(entity.reason, "dim"),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("plan", 4, keep=5),
        Column("state", 8),
        Column("what", 24, narrow=12, grows=True),
        Column("targets", 7, right=True, keep=6),
        Column("by", 10, keep=8, narrow=6),
        Column("expires", 7, right=True, keep=8),
        Column("answer", 16, keep=4),
        Column("reason", keep=7),
    ),
    cells=cells,
    label=lambda entity: entity.plan_id[:4],
    orders=(
        (
            "waiting first",
            lambda entity, view: (entity.state != "waiting", -entity.created_at.timestamp()),
        ),
    ),
)
