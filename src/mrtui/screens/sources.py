"""How each source is, when it last answered, how long that took."""

from __future__ import annotations

from mrtui.screens import live


class Sources(live.Live):
    """Sources."""

    NAME = "sources"
    KIND = "source"
    EMPTY = "the core has no source"


ROOM = Sources
