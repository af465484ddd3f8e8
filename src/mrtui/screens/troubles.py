"""Everything that is not well, whatever its kind."""

from __future__ import annotations

from collections.abc import Sequence

from mrcore.model import base
from mrtui import columns
from mrtui.columns import anything, table
from mrtui.screens import listing


def cells(entity: base.Entity, view: table.View) -> tuple[table.Cell, ...]:
    """What it is, what a person calls it, and what is wrong."""
    named = table.Cell(columns.label(entity), "strong")
    return (view.mark(entity), table.Cell(entity.kind, "dim"), named, view.why(entity))


class Troubles(listing.Listing):
    """The worst first; Enter leads to it."""

    NAME = "troubles"
    EMPTY = "all is well"

    def spec(self) -> table.Table:
        """The generic columns, with each kind's own label."""
        return anything.TABLE._replace(cells=cells)

    def entities(self) -> Sequence[base.Entity]:
        """What is not well."""
        return [t.entity for t in self.control.world.troubles(self.control.instant)]


ROOM = Troubles
