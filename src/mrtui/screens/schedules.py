"""What repeats, when next, whether it came."""

from __future__ import annotations

from mrtui.screens import live


class Schedules(live.Live):
    """Schedules; `:workers` shows who runs them."""

    NAME = "schedules"
    KIND = "schedule"
    EMPTY = "no source has reported a schedule yet"


ROOM = Schedules
