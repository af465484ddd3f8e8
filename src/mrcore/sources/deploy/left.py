"""The colour that the traffic has left: one that is bad or silent is stopped, and stays so.

Where a stack runs the colours its supervisor does it; elsewhere the pinned script has to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from mrcore import errors, folder
from mrcore.model import base, plans
from mrcore.sources import supervised, wishes

STOPPED_S = 20.0
READY_S = 40.0
_PROCESS = "backend-"
_UP = ("ready", "starting", "backoff")


class Left:
    """The processes of the colours in the stack of `state`; without one nothing is stopped."""

    def __init__(self, state: Path | None) -> None:
        self._state = folder.StateFolder(state) if state else None

    async def planned(self, colour: str, verdict: base.Verdict) -> tuple[plans.Args, str]:
        """What the guard of a switch from `colour` says of its stop, and why it is none."""
        if self._state is None or not _is_bad(verdict):
            return {}, ""
        try:
            row = await self._row(self._state, colour)
        except errors.SourceError as error:
            return {}, f"{colour} is not stopped: {error}"
        if row is None or row.state not in _UP:
            return {}, ""
        if row.state != "ready" or not row.pid:
            return {"stops": row.name, "pid": None, "since": ""}, ""
        since = row.since.isoformat() if row.since else ""
        return {"stops": row.name, "pid": row.pid, "since": since}, ""

    async def moved(self, colour: str, guard: plans.Args) -> str:
        """From what to what the process that is to be stopped has changed; empty when it holds.

        Raises SourceError.
        """
        if self._state is None or not guard.get("pid"):
            return ""
        row = await self._row(self._state, colour)
        if row is None or row.pid != guard["pid"]:
            now = row.pid if row and row.pid else "none"
            return f"{guard['stops']} was pid {guard['pid']}, is {now}"
        since = row.since.isoformat() if row.since else ""
        return "" if since == guard["since"] else f"{guard['stops']} began anew"

    async def stop(self, colour: str, guard: plans.Args, by: str) -> str:
        """End it for as long as nobody starts it; why it still runs, as a sentence."""
        if self._state is None:
            return ""
        state, pid = self._state, guard.get("pid")
        wish = wishes.Wish(str(guard["stops"]), pid if isinstance(pid, int) else 0, by, stays=True)

        async def so() -> bool:
            return await self._is_stopped(state, colour)

        return await _fulfilled(state, wish, so, STOPPED_S)

    async def start(self, colour: str, by: str) -> str:
        """Let one begin again that was stopped; why it is not ready, as a sentence."""
        try:
            if self._state is None or not await self._is_stopped(self._state, colour):
                return ""
        except errors.SourceError as error:
            return str(error)
        state = self._state

        async def so() -> bool:
            row = await self._row(state, colour)
            return row is not None and row.state == "ready"

        wish = wishes.Wish(f"{_PROCESS}{colour}", 0, by)
        return await _fulfilled(state, wish, so, READY_S)

    async def stopped(self, colour: str) -> str:
        """The process of a colour that was stopped; empty where it was not, or nobody knows."""
        try:
            if self._state is not None and await self._is_stopped(self._state, colour):
                return f"{_PROCESS}{colour}"
        except errors.SourceError:
            return ""  # its health says how it is
        return ""

    async def _is_stopped(self, state: folder.StateFolder, colour: str) -> bool:
        row = await self._row(state, colour)
        return row is not None and supervised.was_stopped(row.state, row.last_exit)

    async def _row(self, state: folder.StateFolder, colour: str) -> supervised.Row | None:
        """Its process now. Raises Unreachable where nobody supervises it."""
        rows, trouble = await asyncio.to_thread(supervised.rows, state)
        if trouble:
            raise errors.Unreachable(f"There is {trouble}.")
        return next((row for row in rows if row.name == f"{_PROCESS}{colour}"), None)


async def _fulfilled(
    state: folder.StateFolder, wish: wishes.Wish, so: Callable[[], Awaitable[bool]], limit_s: float
) -> str:
    try:
        return await supervised.fulfilled(state, wish, so, limit_s)
    except errors.SourceError as error:
        return str(error)


def remark(guard: plans.Args, colour: str) -> plans.Remark:
    """What a plan says of the stop that its guard holds."""
    pid = f", pid {guard['pid']}" if guard["pid"] else ""
    text = f"{colour} is not well: {guard['stops']}{pid} is stopped then, and stays so until undo"
    return plans.Remark(text=text, level=base.Level.WARN)


def _is_bad(verdict: base.Verdict) -> bool:
    """Whether a colour is bad or silent; a degraded one works, and may be wanted back."""
    return verdict.level is base.Level.BAD or verdict.code == "no_answer"
