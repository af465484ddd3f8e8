"""All audit trails searched together: who logged in as whom, what changed on this invoice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mrcore.model import plans
from mrcore.model import ref as refs
from mrtui import keys, trails, world
from mrtui.columns import table
from mrtui.screens import paged
from mrtui.widgets import cells


class Trails(paged.Paged):
    """The newest first; `:trails TEXT` has the backend look for it, `/` filters what came."""

    NAME = "trails"
    KIND = "trail"
    COLLECTION = "trails"
    REASKS = False
    EMPTY = "no trail has a row of it"
    OF = "audit trails (a source of kind slots)"

    def crumbs(self) -> Sequence[str]:
        return ("trails", *filter(None, (self.sought,)))

    @property
    def sought(self) -> str:
        """What the backend looks for, exactly; empty: everything."""
        return trails.read(self.ref)

    def owner(self) -> str:
        """The first source that has trails; empty while none is known."""
        return min(self.control.world.table("slots"), default="")

    def sources(self) -> Iterable[str]:
        return (refs.source_of(owner),) if (owner := self.owner()) else ()

    def wanted(self) -> plans.Query:
        return plans.Query(name=self.sought, text=self.pattern)

    def noticed(self, difference: world.Difference) -> None:
        """The source may be known only now."""
        if not self.pager.ref and self.owner():
            self.begin()
        super().noticed(difference)

    def emptiness(self, view: table.View) -> str:
        """Without such a source there is nothing to ask."""
        if not self.owner():
            return view.emptiness("slots", "asking", self.OF)
        return super().emptiness(view)

    def headline(self) -> list[list[cells.Cell]]:
        """What is looked for, and how far."""
        far = self.looked() if self.owner() else []
        if not self.sought:
            word = self.control.keymap.written("app.command")
            said = cells.Cell(
                f"everything; {word}trails TEXT looks for an e-mail, invoice … ", "dim"
            )
            return [[said, *far]]
        return [[cells.Cell(self.sought, "accent"), cells.Cell(" "), *far]]

    def why_not(self, entry: keys.Key) -> str:
        return "" if not self.owner() else super().why_not(entry)


ROOM = Trails
