"""Operations: plans that are or were applied, the newest first."""

from __future__ import annotations

from mrtui import world
from mrtui.screens import paged


class Operations(paged.Paged):
    """Operations of the core."""

    NAME = "operations"
    KIND = "operation"
    COLLECTION = "operations"
    EMPTY = "nothing was done yet"

    def owner(self) -> str:
        return "core/core/self"

    def noticed(self, difference: world.Difference) -> None:
        """Ask again when one went on."""
        if "operation" in difference.kinds:
            self.ask_soon()
        super().noticed(difference)


ROOM = Operations
