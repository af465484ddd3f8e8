"""Operations: plans being applied, and what came of them."""

from __future__ import annotations

from mrcore.model import core
from mrtui.columns.table import Cell, Column, Style, Table, View

_TONES: dict[core.OperationState, Style] = {
    core.OperationState.RUNNING: "accent",
    core.OperationState.PAUSED: "warn",
    core.OperationState.STOPPED: "warn",
    core.OperationState.DONE: "ok",
    core.OperationState.FAILED: "bad",
}


def outcome(entity: core.Operation) -> str:
    """What came of it so far: `3 of 3 done`, `2 of 3 done, 1 moved on`."""
    parts = [f"{entity.done} of {entity.total} done"]
    if entity.skipped:
        parts.append(f"{entity.skipped} moved on")
    if entity.failed:
        parts.append(f"{entity.failed} refused")
    if entity.error:
        parts.append(entity.error)
    return ", ".join(parts)


def cells(entity: core.Operation, view: View) -> tuple[Cell, ...]:
    return (
        Cell(str(entity.id), "strong"),
        Cell(entity.state.value, _TONES[entity.state]),
        Cell(entity.label or entity.action),
        Cell(outcome(entity)),
        Cell(view.age(entity.started_at)),
        Cell(entity.login, "dim"),
        Cell(entity.reason, "dim"),
    )


TABLE = Table(
    columns=(
        Column("op", 5, right=True),
        Column("state", 8, keep=7),
        Column("what", 20, narrow=16),
        Column("outcome", 26, narrow=14),
        Column("age", 6, right=True, keep=6),
        Column("login", 10, keep=4),
        Column("reason", keep=3),
    ),
    cells=cells,
    label=lambda entity: f"operation {entity.id}",
    orders=(("newest", lambda entity, view: -entity.id),),
)
