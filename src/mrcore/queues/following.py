"""A follow of groups: the page again once it is another one, or more of it is known."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable

from mrcore.model import queue, wire

Look = Callable[[str | None, float], Awaitable[wire.Page]]
"""A page at a cursor of its own (None: the first), as far as it comes within so many seconds."""


async def page(look: Look, cursor: str | None, wait_s: float, *, again_s: float) -> wire.Page:
    """The page at once where `cursor` is not a follow's; else once it differs from what that saw.

    After `wait_s` it comes without rows. Between two looks `again_s` pass, where a look has come to
    its end. The cursor always goes on following.
    """
    if not _is_ours(cursor):
        return _followed(await look(cursor, 0.0))
    until = time.monotonic() + wait_s
    while True:
        found = await look(None, max(0.0, until - time.monotonic()))
        told = _followed(found)
        if told.cursor != cursor:
            return told
        left_s = until - time.monotonic()
        if left_s <= 0:
            return told.model_copy(update={"rows": ()})
        await asyncio.sleep(min(again_s, left_s))


def _followed(found: wire.Page) -> wire.Page:
    return found.model_copy(update={"cursor": _seen(found)})


def _seen(found: wire.Page) -> str:
    """What a page said, in a word."""
    rows = [
        (row.fingerprint, row.jobs, str(row.last_at))
        for row in found.rows
        if isinstance(row, queue.FailureGroup)
    ]
    words = json.dumps([found.looked.scanned, found.looked.total, rows])
    return json.dumps(["seen", hashlib.sha256(words.encode()).hexdigest()[:16]])


def _is_ours(cursor: str | None) -> bool:
    """Whether it is the cursor of a follow."""
    try:
        found = json.loads(cursor or "null")
    except ValueError:
        return False
    return isinstance(found, list) and len(found) == 2 and found[0] == "seen"
