"""Who consumes jobs, and whether their hearts beat."""

from __future__ import annotations

from mrtui.screens import live


class Workers(live.Live):
    """Workers of every engine."""

    NAME = "workers"
    KIND = "worker"
    EMPTY = "no source has reported a worker"


ROOM = Workers
