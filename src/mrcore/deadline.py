"""Deadlines for work that is not ours: a call that will not end is left behind, never awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mrcore import errors

T = TypeVar("T")

_STOPPING = "The core is stopping."


class Caller:
    """Calls into a source, each in a task of its own.

    `asyncio.timeout` waits for the cancelled call to end; a call that swallows its cancellation
    would then hold its caller for ever. Here the caller goes on and the call is left behind.
    """

    def __init__(self, *, most: int = 1_000) -> None:
        self._calls: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._most = most

    async def call(
        self,
        work: Callable[[], Awaitable[T]],
        deadline_s: float,
        what: str,
        *,
        moves: Callable[[], int] = lambda: 0,
    ) -> T:
        """Run `work`, named `what` in errors, for at most `deadline_s` since `moves` last changed.

        Raises what `work` raises, and Unreachable at the deadline, when the core stops, and when
        so many calls have not ended that another would only be left behind with them.
        """
        if self._closed:
            raise errors.Unreachable(_STOPPING)
        if len(self._calls) >= self._most:
            raise errors.Unreachable(f"{what} still owes {self._most} earlier answers.")
        task = asyncio.ensure_future(self._run(work))
        self._calls.add(task)
        task.add_done_callback(self._ended)
        try:
            seen = -1
            while not task.done() and moves() != seen:
                seen = moves()
                await asyncio.wait({task}, timeout=deadline_s)
        finally:
            if not task.done():
                task.cancel()
        if self._closed and (not task.done() or task.cancelled()):
            raise errors.Unreachable(_STOPPING)
        if not task.done():
            raise errors.Unreachable(f"{what} did not answer within {deadline_s:g} s.")
        if task.cancelled():
            raise errors.Unreachable(f"{what} gave up by itself.")
        return task.result()

    @property
    def left(self) -> int:
        """Calls that have not ended."""
        return len(self._calls)

    async def settle(self, timeout_s: float) -> bool:
        """Wait for what was left behind, asking it once more to end; False when it does not."""
        for task in self._calls:
            task.cancel()
        if self._calls:
            await asyncio.wait(set(self._calls), timeout=timeout_s)
        return not self._calls

    def close(self) -> None:
        """Give up every call at once: their callers get Unreachable."""
        self._closed = True
        for task in self._calls:
            task.cancel()

    @staticmethod
    async def _run(work: Callable[[], Awaitable[T]]) -> T:
        return await work()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            task.exception()  # looked at: a call that was left behind has nobody else to do it
