"""Waiting for a condition with a deadline: for what has no signal of its own."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(
    condition: Callable[[], T | Awaitable[T]], *, timeout_s: float = 20.0, what: str = "condition"
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
