"""The machine: memory, load, open files, its disks and certificates."""

from __future__ import annotations

from collections.abc import Sequence

from mrcore.model import base
from mrtui.screens import listing

KINDS = ("host", "disk", "certificate")


class Host(listing.Listing):
    """What runs out or expires, the worst first."""

    NAME = "host"
    KIND = "host"
    EMPTY = "no machine is watched here"

    def sources(self) -> list[str]:
        """The sources that watch a machine."""
        return sorted(self.control.world.sources_of(self.KIND))

    def entities(self) -> Sequence[base.Entity]:
        """The machine and what belongs to it."""
        table = self.control.world.table
        return [entity for kind in KINDS for entity in table(kind).values()]


ROOM = Host
