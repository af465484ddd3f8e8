"""Rooms in which people meet, and how far their signalling came."""

from __future__ import annotations

from mrtui.screens import live


class Meetings(live.Live):
    """Meetings; what does not find each other is first."""

    NAME = "meetings"
    KIND = "meeting"
    EMPTY = "nobody meets now, or no source tells of it"


ROOM = Meetings
