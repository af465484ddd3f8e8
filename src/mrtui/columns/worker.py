"""Workers: which queues they serve, whether their heart beats, what they are at."""

from __future__ import annotations

from mrcore.model import queue, ref
from mrtui.columns import anything, fmt
from mrtui.columns import job as job_columns
from mrtui.columns.table import Cell, Column, Table, View, trouble_first

SHOWN = 2
"""How many of the jobs that it works on are named."""


def _busy(entity: queue.Worker) -> Cell:
    if not entity.busy_with:
        return Cell("idle", "dim")
    jobs = [ref.parse(address).ids for address in entity.busy_with]
    named = [[part.decode("utf-8", "replace") for part in job] for job in jobs[:SHOWN]]
    said = " ".join("/".join((*where, job_columns.short(known))) for *where, known in named)
    more = f" +{len(jobs) - SHOWN}" if len(jobs) > SHOWN else ""
    return Cell(f"{said}{more}", "accent")


def cells(entity: queue.Worker, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(entity.host, "dim"),
        Cell(str(entity.pid or fmt.NONE)),
        Cell(view.age(entity.started_at)),
        Cell(view.age(entity.last_seen_at)),
        Cell(str(len(entity.queues))),
        _busy(entity),
        view.why(entity, otherwise=" ".join(entity.queues)),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("worker", 18, narrow=12),
        Column("host", 12, keep=2),
        Column("pid", 7, right=True, keep=5),
        Column("up", 6, right=True, keep=4),
        Column("beat", 5, right=True),
        Column("queues", 6, right=True, keep=6),
        Column("busy with", 22, keep=7),
        Column("why", keep=3),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
