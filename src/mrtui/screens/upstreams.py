"""Services outside: whether each takes our credential, and what calls to it come to."""

from __future__ import annotations

from mrtui.screens import live


class Upstreams(live.Live):
    """Services; `R` probes one now."""

    NAME = "upstreams"
    KIND = "upstream"
    EMPTY = "no service is probed"


ROOM = Upstreams
