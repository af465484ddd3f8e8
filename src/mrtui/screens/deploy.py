"""Deployments: which colour is live, and the processes that its adapter reports."""

from __future__ import annotations

from collections.abc import Sequence

from mrcore.model import base, core
from mrcore.model import ref as refs
from mrtui import columns
from mrtui.columns import table
from mrtui.screens import listing
from mrtui.widgets import cells

KINDS = ("colour", "process")


class Deploy(listing.Listing):
    """Colours first, then processes; `S` sends the traffic, `R` restarts."""

    NAME = "deploy"
    KIND = "colour"
    EMPTY = "no colour yet"
    OF = "deployments"

    def sources(self) -> list[str]:
        """The sources of kind deploy."""
        found = self.control.world.table("source").values()
        named = {
            e.name for e in found if isinstance(e, core.SourceStatus) and e.source_kind == "deploy"
        }
        return sorted(named | self.control.world.sources_of("colour"))

    def entities(self) -> Sequence[base.Entity]:
        """What they report."""
        mine = set(self.sources())
        return [
            entity
            for kind in KINDS
            for entity in self.control.world.table(kind).values()
            if refs.source_of(entity.ref) in mine
        ]

    def listed(self, view: table.View) -> list[base.Entity]:
        """Each kind in its order."""
        every = self.entities()
        made: list[base.Entity] = []
        for kind in KINDS:
            orders = columns.of(kind).orders
            found = [entity for entity in every if entity.kind == kind]
            made += table.ordered(found, view, orders[0] if orders else None)
        return made

    def row(self, entity: base.Entity, view: table.View) -> tuple[cells.Cell, ...]:
        """A process in the columns of colours."""
        spec = columns.of("colour")
        if entity.kind == "colour":
            return spec.cells(entity, view)
        made = {"": view.mark(entity)}
        made["colour"] = cells.Cell(columns.label(entity))
        made["state"] = cells.Cell(str(getattr(entity, "state", "")))
        made["since"] = cells.Cell(view.age(getattr(entity, "since", None)))
        made["says"] = view.why(entity, otherwise=str(getattr(entity, "command", "")))
        return tuple(made.get(column.title, cells.Cell("")) for column in spec.columns)


ROOM = Deploy
