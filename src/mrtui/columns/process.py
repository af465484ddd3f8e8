"""The stack's processes: state, since when, how often restarted, what they use."""

from __future__ import annotations

from mrcore.model import stack
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Style, Table, View, trouble_first

_TONES: dict[str, Style] = {
    "ready": "ok",
    "starting": "accent",
    "backoff": "warn",
    "stopping": "warn",
    "failed": "bad",
    "stopped": "dim",
}


def cells(entity: stack.Process, view: View) -> tuple[Cell, ...]:
    latest = view.world.latest
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(entity.state, _TONES.get(entity.state, "")),
        Cell(str(entity.pid or fmt.NONE)),
        Cell(view.age(entity.since)),
        Cell(str(entity.restarts), "warn" if entity.restarts else "dim"),
        Cell(fmt.size(latest("process.rss_bytes", entity.ref))),
        Cell(fmt.percent(latest("process.cpu", entity.ref)), "dim"),
        view.why(entity, otherwise=entity.last_exit or entity.command),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("process", 12),
        Column("state", 8),
        Column("pid", 7, right=True, keep=7),
        Column("since", 6, right=True, keep=8),
        Column("restarts", 8, right=True, keep=6),
        Column("memory", 6, right=True, keep=5),
        Column("cpu", 6, right=True, keep=4),
        Column("says", keep=3),
    ),
    cells=cells,
    label=anything.label,
    orders=(
        ("trouble", trouble_first),
        ("name", lambda entity, view: entity.name),
        ("restarts", lambda entity, view: -entity.restarts),
        ("memory", lambda entity, view: -(view.world.latest("process.rss_bytes", entity.ref) or 0)),
    ),
)
