"""Collection `ran` of the core: which jobs ran, and when, when their engines have forgotten."""

from __future__ import annotations

import asyncio
import contextlib

from mrcore import errors, runs
from mrcore.model import plans, wire
from mrcore.sources import base
from mrcore.store import captures

COLLECTION = "ran"
FOLLOW_EVERY_S = 0.5


class Ran:
    """Pages of kept runs; `prefix` is a source or source/queue, the cursor a run's number."""

    def __init__(self, kept: runs.Runs, *, now: base.Now) -> None:
        self._runs = kept
        self._now = now

    async def page(self, query: plans.Query, cursor: str | None, wait_s: float) -> wire.Page:
        """Jobs by their newest run. Raises BadRequest for a wrong cursor or filter, StoreError."""
        after = _number(cursor)
        if not wait_s:
            found = await self._runs.page(query, after)
            return self._made(found, found.last if found.more else None)
        if after is None:
            found = await self._runs.page(query.model_copy(update={"order": "newest"}), None)
            newest = max((number for number, _ in found.rows), default=0)
            found.rows.sort(key=lambda row: row[0])
            return self._made(found, newest)
        forward = query.model_copy(update={"order": "oldest"})
        found = await self._runs.page(forward, after)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not found.rows:
                    await asyncio.sleep(FOLLOW_EVERY_S)
                    found = await self._runs.page(forward, found.last)
        return self._made(found, found.last)

    def _made(self, found: captures.Found, cursor: int | None) -> wire.Page:
        return wire.Page(
            at=self._now(),
            rows=tuple(row for _, row in found.rows),
            cursor=None if cursor is None else str(cursor),
            looked=wire.Looked(scanned=found.scanned, complete=not found.more),
        )


def _number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise errors.BadRequest("That cursor is not one of this collection's.")
    return int(cursor)
