"""A command starts quickly: what no process of ours uses is not loaded, nor built before its use.

Light: both programs call it before anything else. A process alone decides so, never a module that
is imported: what a test or another program has loaded is theirs.
"""

from __future__ import annotations

import gc
import sys

UNUSED = (
    "aiohttp",  # by Socket.IO, for clients; the backend only serves
    "requests",
    "valkey",
    "websocket",
    "httpx._main",  # httpx's own command line, with rich and pygments
)
"""Optional parts of libraries: without the extras of development most are not installed."""

_YOUNG = 20_000


def start() -> None:
    """Leave out what is not used, and look for garbage less often than after 700 new objects.

    Imports make some hundred thousand objects, none of them garbage.
    """
    for name in UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])


def build_late() -> None:
    """Build a model when it is first used, also those of FastAPI, of which most never are."""
    from pydantic import BaseModel  # a command without models has no need of it

    BaseModel.model_config["defer_build"] = True
