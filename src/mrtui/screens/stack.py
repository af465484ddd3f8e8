"""The stack's processes."""

from __future__ import annotations

from mrtui.screens import live


class Stack(live.Live):
    """Processes; `l` shows what one says."""

    NAME = "stack"
    KIND = "process"
    EMPTY = "no stack is watched here"


ROOM = Stack
