"""A command starts and ends quickly: what is not used is not loaded, nor built, nor taken apart.

Light: both programs call it before anything else. A process alone decides so, never a module that
is imported: what a test or another program has loaded is theirs.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import sys

UNUSED = (
    "aiohttp",  # by Socket.IO, for clients; the backend only serves
    "valkey",
    "websocket",
    "httpx._main",  # httpx's own command line, with rich and pygments
)
"""Optional parts of libraries: without the extras of development most are not installed.

Not `requests`, which Socket.IO takes in as well: Apprise needs it, where somebody uses that."""

_YOUNG = 20_000


def start() -> None:
    """Leave out what is not used; look for garbage seldom, and not in what is there at the end.

    Imports make some hundred thousand objects, and none of them is garbage before the end.
    """
    for name in UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)


def web() -> None:
    """Load FastAPI with its models of OpenAPI unbuilt until somebody asks for them.

    Not those of our own requests: FastAPI itself must build what it reads from a body.
    """
    from pydantic import BaseModel  # a command without models has no need of it

    BaseModel.model_config["defer_build"] = True
    importlib.import_module("fastapi.openapi.models")
    del BaseModel.model_config["defer_build"]
