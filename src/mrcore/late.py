"""What comes too late for who waited for it, and is no error."""

from __future__ import annotations

import asyncio
from typing import Any


def leave(loop: asyncio.AbstractEventLoop) -> None:
    """Say nothing when a Unix socket can be read after whoever waited for that was cancelled.

    anyio lets the loop call `Future.set_result` then (`_RawSocketMixin._wait_until_readable`), and
    asyncio prints a traceback. Everything else is told as before.
    """
    before = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        late = isinstance(context.get("exception"), asyncio.InvalidStateError)
        if late and context["message"] == "Exception in callback Future.set_result(None)":
            return
        if before is None:
            loop.default_exception_handler(context)
        else:
            before(loop, context)

    handle.late = True  # type: ignore[attr-defined]
    if not hasattr(before, "late"):
        loop.set_exception_handler(handle)
