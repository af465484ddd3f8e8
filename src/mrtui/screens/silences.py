"""Of what nobody is told now, or will not be; `X` ends it."""

from __future__ import annotations

from mrtui.columns import table
from mrtui.screens import listing


class Silences(listing.Listing):
    """What ends first."""

    NAME = "silences"
    KIND = "silence"
    EMPTY = "nothing is silenced"

    def sources(self) -> list[str]:
        """The core's own."""
        return ["core"]

    def emptiness(self, view: table.View) -> str:
        """Every core has silences: no settings are to blame."""
        return super().emptiness(view) if self.pattern else view.as_of(("core",)) or self.EMPTY


ROOM = Silences
