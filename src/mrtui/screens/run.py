"""A runbook under way, or ended: each step, what it found and why, and what closes the run."""

from __future__ import annotations

from mrcore.model import run
from mrtui import prose
from mrtui.columns import fmt
from mrtui.columns import run as columns
from mrtui.columns.table import View
from mrtui.screens import detail, text
from mrtui.widgets import cells, fitting

_FOUND_WIDTH = 18
_TOOK_WIDTH = 6
_HEAD_WIDTH = 5
"""Sign and number, with what is between them."""

_NARROW = 60
"""With less there is no room for how long, nor for a sentence beside what it is of."""

_TALKS = (run.StepState.RUNNING, run.StepState.FAILED, run.StepState.UNVERIFIABLE)
"""Steps of which the whole sentence is shown, below them."""


class Run(detail.Detail):
    """Its steps above what the core says of it."""

    NAME = "run"

    def crumbs(self) -> tuple[str, ...]:
        known = self.entity()
        return ("runbooks", columns.title(known) if isinstance(known, run.Run) else self.ref)

    def headline(self) -> list[cells.Cell]:
        """Which run, whose, for how long, where it is."""
        known = self.entity()
        if not isinstance(known, run.Run):
            return super().headline()
        view = self.view()
        ended = known.ended_at or view.now
        parts = [
            cells.Cell(f"run {known.id}", "strong"),
            cells.Cell(known.state, columns.STYLES.get(known.state, "accent")),
            cells.Cell(known.login),
            cells.Cell(fmt.seconds((ended - known.began_at).total_seconds()), "dim"),
            cells.Cell(known.subject, "dim"),
            cells.Cell(view.as_of(self.sources()), "unknown"),
        ]
        return [view.mark(known), cells.Cell(" "), *text.spaced(parts)]

    def told(self) -> list[detail.Told]:
        """The diagnosis, the steps, what closes it; then everything else."""
        known = self.entity()
        if not isinstance(known, run.Run):
            return super().told()
        view = self.view()
        width = max(24, self.query_one("#sections").size.width - 1)
        lines: list[prose.Line] = []
        if known.diagnosis:
            lines.append((cells.Cell(known.diagnosis, "strong"),))
        for number, step in enumerate(known.steps, 1):
            lines += _step(step, number, width, view)
        if known.recovers:
            done = known.state is run.RunState.RECOVERED
            mark = cells.Cell("✓" if done else " ", "ok")
            lines.append((mark, cells.Cell(f" recovered when: {known.recovers}", "dim")))
        return [("", lines), *super().told()]


def _step(step: run.Step, number: int, width: int, view: View) -> list[prose.Line]:
    """One line of a step; where it is at work or went wrong, its sentence in full below."""
    sign, count, what, why, took, found = columns.step_cells(step, number, view)
    talks = bool(why.text) and (step.state in _TALKS or width < _NARROW)
    end = [cells.Cell(f" {found.text}", found.style)]
    if width >= _NARROW:
        end = [cells.Cell(f" {found.text:>{_FOUND_WIDTH}}", found.style)]
        end.insert(0, cells.Cell(f" {took.text:>{_TOOK_WIDTH}}", took.style))
    room = width - _HEAD_WIDTH - sum(len(cell.text) for cell in end)
    middle = [_fit(what, room)]
    if why.text and not talks:
        what_width = max(12, room * 2 // 5)
        middle = [_fit(what, what_width), cells.Cell(" "), _fit(why, room - what_width - 1)]
    lines: list[prose.Line] = [(sign, cells.Cell(" "), count, cells.Cell(" "), *middle, *end)]
    if talks:
        lines.append((cells.Cell(" " * _HEAD_WIDTH), why))
    return lines


def _fit(cell: cells.Cell, width: int) -> cells.Cell:
    return cells.Cell(fitting.fit(cell.text, width), cell.style)


ROOM = Run
