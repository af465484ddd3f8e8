"""Everything that is not well, whatever its kind."""

from __future__ import annotations

from collections.abc import Sequence

from mrcore.model import base
from mrtui.screens import listing


class Troubles(listing.Listing):
    """The worst first; Enter leads to it."""

    NAME = "troubles"
    EMPTY = "all is well"

    def entities(self) -> Sequence[base.Entity]:
        """What is not well."""
        return [t.entity for t in self.control.world.troubles(self.control.now)]


ROOM = Troubles
