"""One operation: how far, how fast, who, why, and whether it can be undone."""

from __future__ import annotations

from mrcore.model import core
from mrtui import prose
from mrtui.columns import operation as columns
from mrtui.screens import detail, text
from mrtui.widgets import cells


class Operation(detail.Detail):
    """Its progress above what the core says of it."""

    NAME = "operation"

    def crumbs(self) -> tuple[str, ...]:
        known = self.entity()
        named = f"{known.id} {known.label}" if isinstance(known, core.Operation) else self.ref
        return ("operations", named)

    def headline(self) -> list[cells.Cell]:
        """State in words, and what came of it so far."""
        found = self.entity()
        if not isinstance(found, core.Operation):
            return super().headline()
        view = self.view()
        parts = [
            columns.state(found),
            cells.Cell(columns.outcome(found)),
            cells.Cell(view.as_of(self.sources()), "unknown"),
        ]
        return [columns.glyph(found), cells.Cell(" "), *text.spaced(parts)]

    def told(self) -> list[detail.Told]:
        """Progress, people, undo; then everything else."""
        found = self.entity()
        if not isinstance(found, core.Operation):
            return super().told()
        told: list[prose.Line] = [
            (cells.Cell(f"{name:<12}", "dim"), cells.Cell(said, style))
            for name, said, style in columns.told(found, self.view())
            if said
        ]
        return [("", told), *super().told()]


ROOM = Operation
