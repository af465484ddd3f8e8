"""Slots: the six counts, of all mentors and of each; Enter lists them."""

from __future__ import annotations

from collections.abc import Sequence

from mrcore.model import base, slot
from mrcore.model import ref as refs
from mrtui import columns
from mrtui.columns import fmt, table
from mrtui.columns import mentor as counted
from mrtui.screens import listing, text
from mrtui.widgets import cells


class Slots(listing.Listing):
    """All mentors in a row, then each; `W` cleans what is expired and unbooked, `R` enqueues it."""

    NAME = "slots"
    KIND = "slots"
    EMPTY = "no slots yet"
    OF = "slots of mentors"

    def sources(self) -> list[str]:
        """The sources that count slots."""
        return sorted(self.control.world.sources_of("slots"))

    def entities(self) -> Sequence[base.Entity]:
        """Everybody, and each."""
        known = self.control.world
        return [*known.table("slots").values(), *known.table("mentor").values()]

    def spec(self) -> table.Table:
        return columns.of("mentor")

    def beside_row(self) -> base.Entity | None:
        """Of a mentor, all slots: they are cleaned at once."""
        found = self.entity()
        if not isinstance(found, slot.Mentor):
            return None
        return self.control.world.get(refs.make(refs.source_of(found.ref), "slots", "all"))

    def headline(self) -> list[list[cells.Cell]]:
        """The six counts of all."""
        found = [e for e in self.entities() if isinstance(e, slot.Slots)]
        return [_counts(one.counts, one.mentors) for one in found]


def _counts(of: slot.Counts, mentors: int) -> list[cells.Cell]:
    """The counts in a line, what is looked for first."""
    stale = of.expired_unbooked
    parts = [
        cells.Cell(fmt.plural(of.total, "slot"), "strong"),
        cells.Cell(f"{fmt.count(stale)} expired unbooked", counted.tone("expired_unbooked", stale)),
        cells.Cell(f"{fmt.count(of.available)} available", "" if of.available else "warn"),
        cells.Cell(f"{fmt.count(of.booked)} booked"),
        cells.Cell(f"{fmt.count(of.future)} future", "dim"),
        cells.Cell(f"{fmt.count(of.expired)} expired", "dim"),
        cells.Cell(fmt.plural(mentors, "mentor"), "dim"),
    ]
    return text.spaced(parts)


ROOM = Slots
