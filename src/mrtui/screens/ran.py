"""What ran, and when: jobs that have ended, also those that their engines have forgotten."""

from __future__ import annotations

from mrcore.model import queue
from mrtui.columns import job as jobs
from mrtui.columns import table
from mrtui.screens import paged
from mrtui.widgets import cells


def _cells(entity: queue.Job, view: table.View) -> tuple[cells.Cell, ...]:
    said = entity.error or entity.verdict.why
    return (
        cells.Cell(jobs.GLYPHS[entity.state], jobs.TONES.get(entity.state, "")),
        cells.Cell(view.age(entity.finished_at)),
        cells.Cell(entity.name, "strong"),
        cells.Cell(entity.queue, "dim"),
        cells.Cell(jobs.short(entity.id)),
        cells.Cell(jobs.attempts(entity)),
        cells.Cell(jobs.took(entity), "dim"),
        cells.Cell(said, "bad" if entity.state is queue.JobState.FAILED else "dim"),
    )


TABLE = table.Table(
    columns=(
        table.Column("", 1),
        table.Column("ended", 7, right=True, keep=8),
        table.Column("job", 20, narrow=13),
        table.Column("queue", 18, keep=3, narrow=12),
        table.Column("id", 12, keep=7, narrow=6),
        table.Column("try", 3, right=True, keep=4),
        table.Column("took", 6, right=True, keep=2),
        table.Column("what it says", keep=6),
    ),
    cells=_cells,
    label=jobs.TABLE.label,
)
"""In the order of the core: what was captured last comes first."""


class Ran(paged.Paged):
    """Jobs by their newest run; the core searches id, name, schedule, outcome and error."""

    NAME = "ran"
    KIND = "job"
    COLLECTION = "ran"
    EMPTY = "nothing that ended has been kept yet"

    def owner(self) -> str:
        return "core/core/self"

    def spec(self) -> table.Table:
        """With the queue, and when it ended."""
        return TABLE

    def headline(self) -> list[list[cells.Cell]]:
        """How far the core looked."""
        return [self.looked()]


ROOM = Ran
