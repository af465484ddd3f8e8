"""Waiting for a condition with a deadline: for what has no signal of its own."""

from __future__ import annotations

import asyncio
import inspect
import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

LONG_S = 120.0
"""What is late after this has not come at all: no limit of what is measured, and never reached."""

SOON_S = 0.02
"""What is due within this time belongs to what is being done: a frame, not a tick."""


async def until(
    condition: Callable[[], T | Awaitable[T]], *, timeout_s: float = LONG_S, what: str = "condition"
) -> T:
    """Poll `condition` until it is true and return its value; AssertionError at the deadline."""
    deadline, pause_s = time.monotonic() + timeout_s, 0.002
    while True:
        value = condition()
        result: T = await value if inspect.isawaitable(value) else value
        if result:
            return result
        assert time.monotonic() < deadline, f"{what} did not come true in {timeout_s} s"
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.02)


async def idle(least_s: float = 0.0, most_s: float = 1.0) -> None:
    """Wait until the running event loop has nothing to do now nor in the next 20 ms.

    It has the parameters of Textual's `wait_for_idle`, which guesses from the process's CPU time
    and so takes 40 to 150 ms a key; at least `least_s` and at most `most_s` pass.
    """
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    while (now_s := loop.time()) < begun_s + most_s:
        await asyncio.sleep(0)
        if loop._ready:  # type: ignore[attr-defined]
            continue
        due = [begun_s + least_s] if now_s < begun_s + least_s else []
        due += [h.when() for h in loop._scheduled if not h.cancelled()]  # type: ignore[attr-defined]
        if min(due, default=math.inf) > now_s + SOON_S:
            return
        await asyncio.sleep(max(0.0, min(due) - now_s))
