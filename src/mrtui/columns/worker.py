"""Workers: which queues they serve, whether their heart beats, what they are at."""

from __future__ import annotations

import itertools

from mrcore.model import queue, ref
from mrtui.columns import anything, fmt
from mrtui.columns import job as job_columns
from mrtui.columns.table import Cell, Column, Table, View, trouble_first

SHOWN = 2
"""How many of the jobs that it works on are named."""


def _busy(entity: queue.Worker) -> Cell:
    """`sendOtp emailQueue/1b2c3d4e +3`: what it does now, and which jobs that are."""
    if not entity.busy_with:
        return Cell("idle", "dim")
    said = []
    shown = entity.busy_with[:SHOWN]
    for address, name in itertools.zip_longest(shown, entity.does[:SHOWN], fillvalue=""):
        *where, known = (part.decode("utf-8", "replace") for part in ref.parse(address).ids)
        said += [name] if name else []
        said.append("/".join((*where, job_columns.short(known))))
    more = f" +{len(entity.busy_with) - SHOWN}" if len(entity.busy_with) > SHOWN else ""
    return Cell(f"{' '.join(said)}{more}", "accent")


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
        Column("busy with", 30, keep=7, narrow=22),
        Column("why", keep=3),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
