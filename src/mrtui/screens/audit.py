"""Who did what: intents and outcomes, the newest first."""

from __future__ import annotations

from mrtui.screens import paged


class Audit(paged.Paged):
    """The audit of the core."""

    NAME = "audit"
    KIND = "audit"
    COLLECTION = "audit"
    EMPTY = "nothing was done yet"

    def owner(self) -> str:
        return "core/core/self"


ROOM = Audit
