"""Slots of all mentors or of one, a tab a filter: expired and unbooked ones come first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mrcore.model import base, plans, slot
from mrcore.model import ref as refs
from mrtui.columns import fmt
from mrtui.columns import mentor as counted
from mrtui.screens import paged
from mrtui.widgets import cells

TABS = {
    "expiredUnbooked": "expired_unbooked",
    "available": "available",
    "booked": "booked",
    "future": "future",
    "expired": "expired",
    "all": "total",
}
"""The backend's filters, with the count that each lists; what is to be cleaned comes first."""


class SlotList(paged.Paged):
    """The tabs with their counts, then what the tab lists, the earliest first."""

    NAME = "slot_list"
    KIND = "slot"
    WITHOUT = ()
    COLLECTION = "slots"
    EMPTY = "no slot is so"

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        self.tab = next(iter(TABS))

    def crumbs(self) -> Sequence[str]:
        found = self.owned()
        return ("slots", counted.label(found) if found is not None else refs.parse(self.ref).id)

    def sources(self) -> Iterable[str]:
        return (refs.source_of(self.ref),)

    def wanted(self) -> plans.Query:
        return plans.Query(state=self.tab, text=self.pattern)

    def owned(self) -> slot.Slots | slot.Mentor | None:
        """Whose slots these are, while the source reports it."""
        found = self.control.world.get(self.ref)
        return found if isinstance(found, slot.Slots | slot.Mentor) else None

    def beside_row(self) -> base.Entity | None:
        """All slots are cleaned at once."""
        return self.control.world.get(refs.make(refs.source_of(self.ref), "slots", "all"))

    def headline(self) -> list[list[cells.Cell]]:
        """The tabs, with the counts of what they list."""
        return [[*self._tabs(self.owned()), *self.looked()]]

    def _tabs(self, found: slot.Slots | slot.Mentor | None) -> list[cells.Cell]:
        line = []
        for tab, name in TABS.items():
            word = "all" if name == "total" else counted.TITLES[name]
            held = None if found is None else getattr(found.counts, name)
            said = word if held is None else f"{word} {fmt.short(held)}"
            if tab == self.tab:
                line.append(cells.Cell(f"[{said}]", "accent"))
            elif self.size.width >= 60:
                line.append(cells.Cell(f" {said} ", "dim"))
        return [*line, cells.Cell(" ")]

    async def do_tab(self, argument: str) -> None:
        """Another filter."""
        tabs = list(TABS)
        self.tab = tabs[(tabs.index(self.tab) + int(argument)) % len(tabs)]
        self.begin()
        self.repaint()


ROOM = SlotList
