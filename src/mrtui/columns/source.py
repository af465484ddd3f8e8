"""Sources: how each is, when it last answered, how long that took."""

from __future__ import annotations

from mrcore.model import core
from mrtui.columns import anything, fmt
from mrtui.columns.table import Cell, Column, Table, View, trouble_first


def _sampled(entity: core.SourceStatus, view: View) -> str:
    age_s = view.world.age_s(entity.name, view.now)
    return fmt.NONE if age_s is None else fmt.seconds(age_s)


def cells(entity: core.SourceStatus, view: View) -> tuple[Cell, ...]:
    return (
        view.mark(entity),
        Cell(entity.name, "strong"),
        Cell(entity.source_kind, "dim"),
        Cell(entity.state),
        Cell(_sampled(entity, view)),
        Cell(fmt.millis(view.world.latest("source.sample_ms", entity.ref))),
        Cell(fmt.seconds(entity.interval_s), "dim"),
        Cell(str(entity.failures), "warn" if entity.failures else "dim"),
        view.why(entity, otherwise=" ".join(entity.kinds)),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("source", 10),
        Column("kind", 10, keep=4),
        Column("state", 9),
        Column("sampled", 7, right=True),
        Column("took", 6, right=True, keep=5),
        Column("every", 6, right=True, keep=2),
        Column("failed", 6, right=True, keep=6),
        Column("why", keep=7),
    ),
    cells=cells,
    label=anything.label,
    orders=(("trouble", trouble_first), ("name", lambda entity, view: entity.name)),
)
