"""Services outside: what the probe said, and what the backend's own calls came to."""

from __future__ import annotations

from mrcore.model import upstream
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def _share(entity: upstream.Upstream, count: int) -> Cell:
    if not entity.calls:
        return Cell("")
    percent = round(100 * count / entity.calls)
    return Cell(f"{percent}%", "bad" if percent > 50 else "warn" if percent else "dim")


def _state(entity: upstream.Upstream) -> Cell:
    code = "" if entity.status_code is None else str(entity.status_code)
    if entity.auth_ok is None:
        return Cell(code)
    return Cell(f"{code} auth ok", "ok") if entity.auth_ok else Cell(f"{code} refused", "bad")


def cells(entity: upstream.Upstream, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        _state(entity),
        Cell(view.age(entity.last_call_at)),
        _share(entity, entity.refused),
        _share(entity, entity.limited),
        _share(entity, entity.failed),
        Cell(fmt.millis(view.world.latest("upstream.latency_ms", entity.ref))),
        Cell(view.age(entity.credential_since), "dim"),
        view.why(entity, otherwise=entity.target),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("service", 14, narrow=10),
        Column("state", 12, keep=9),
        Column("call", 6, right=True, keep=6),
        Column("401/403", 7, right=True, keep=7),
        Column("429", 4, right=True, keep=5),
        Column("5xx", 4, right=True, keep=5),
        Column("took", 7, right=True, keep=4),
        Column("cred", 6, right=True, keep=3),
        Column("says", keep=8),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
