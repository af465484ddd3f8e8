"""Postgres: how near to its limits, who runs, who waits, who blocks whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mrcore.model import base, postgres
from mrcore.model import ref as refs
from mrtui import columns
from mrtui.columns import fmt, session, table
from mrtui.columns import postgres as server_columns
from mrtui.screens import listing, text
from mrtui.widgets import cells


class Postgres(listing.Listing):
    """The server in two lines, then its sessions, what blocks above what it blocks."""

    NAME = "postgres"
    KIND = "session"
    EMPTY = "no client session"
    OF = "Postgres"

    def server(self) -> postgres.PostgresServer | None:
        """The server that this is about, or the first there is."""
        known = self.control.world
        found = known.get(self.ref) or next(iter(known.table("postgres").values()), None)
        return found if isinstance(found, postgres.PostgresServer) else None

    def source(self) -> str:
        """The source of the server; while it has reported none, the one of that kind."""
        if (found := self.server()) is not None:
            return refs.source_of(found.ref)
        if self.ref:
            return refs.source_of(self.ref)
        return min(self.control.world.sources_of("postgres"), default="")

    def sources(self) -> Iterable[str]:
        return [self.source()] if self.source() else []

    def entities(self) -> Sequence[base.Entity]:
        """Sessions of this server."""
        mine = self.source()
        every = self.control.world.table("session").values()
        return [entity for entity in every if refs.source_of(entity.ref) == mine]

    def rows(self, view: table.View, width: int) -> tuple[list[cells.Column], list[cells.Row]]:
        """In the tree's order."""
        spec = columns.of("session")
        kept = table.fit(spec.columns, width)
        first = table.ordered(self.entities(), view, self.order)
        made = [
            (entity, session.cells(entity, view, depth)) for entity, depth in session.tree(first)
        ]
        return table.narrowed(spec.columns, kept, width), self.filtered(made, kept)

    def headline(self) -> list[list[cells.Cell]]:
        """Against the limits; rates; what its connections did lately."""
        found = self.server()
        if found is None:
            return []
        view = self.view()
        recent = view.world.recent
        head = [view.mark(found), cells.Cell(" ")]
        first = [*head, *text.spaced([*server_columns.headline(found, view), view.why(found)])]
        bars = cells.Cell(fmt.spark(recent("pg.sessions", found.ref), 16), "accent")
        tps = cells.Cell(fmt.spark(recent("pg.tps", found.ref), 16), "accent")
        named = cells.Cell(server_columns.name(found), "dim")
        measures = server_columns.measures(found, view)
        second = text.spaced([named, *measures])
        drawn = [cells.Cell("  "), *text.spaced([bars, tps], "  ")]
        if text.width([*second, *drawn]) + 6 <= self.size.width:
            second += drawn
        return [first, [cells.Cell("  "), *second]]


ROOM = Postgres
