"""Clocks that are wrong."""

from __future__ import annotations

from mrcore.gameday.faults import base, figures
from mrcore.stack import mentor_names


class Ahead(figures.Kept):
    """The clock that the worker's jobs read is so many seconds ahead, while that process runs.

    Its journal and its schedules go by the clock of the machine still: set wrong, they would miss
    what is due long after the game day.
    """

    by_s: float

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        stage.arena.state.write_text(mentor_names.CLOCK, f"{self.by_s}\n")

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        _set(stage)
        await super().clean(stage, memo)


class Set(base.Fault):
    """For an operator: somebody has set that clock."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        _set(stage)


def _set(stage: base.Stage) -> None:
    (stage.arena.state / mentor_names.CLOCK).unlink(missing_ok=True)
