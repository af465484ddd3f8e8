"""A cached value that many read: on a miss it is computed once, whoever of all processes asks."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio

LOCK_MS = 10_000
"""How long one may take; after that another tries, for the first may have died."""

LOOK_S, LOOK_MAX_S = 0.02, 0.25

Figures = dict[str, Any]
Compute = Callable[[], Awaitable[Figures]]

_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"


class Flight:
    """The readers of one process."""

    def __init__(self, client: redis.asyncio.Redis, *, lock_ms: int = LOCK_MS) -> None:
        self._redis = client
        self._lock_ms = lock_ms
        self._running: dict[str, asyncio.Task[Figures]] = {}

    async def read(self, key: str, compute: Compute) -> Figures:
        """The value under `key`, from the cache if it is there.

        Readers of this process share one question, and its error; those of others wait under a
        lock in Redis. Raises redis.RedisError and what `compute` raises.
        """
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(self._once(key, compute))
            self._running[key] = task
            task.add_done_callback(lambda ended: self._forget(key, ended))
        # A reader who leaves must not take the answer from the others.
        return await asyncio.shield(task)

    def _forget(self, key: str, ended: asyncio.Task[Figures]) -> None:
        self._running.pop(key, None)
        if not ended.cancelled():
            ended.exception()  # seen, though every reader may have left

    async def _once(self, key: str, compute: Compute) -> Figures:
        lock, mine, pause_s = f"{key}:lock", uuid.uuid4().hex, LOOK_S
        while True:
            if (found := await self._cached(key)) is not None:
                return found
            if await self._redis.set(lock, mine, nx=True, px=self._lock_ms):
                break
            await asyncio.sleep(pause_s)
            pause_s = min(LOOK_MAX_S, pause_s * 1.5)
        try:
            # Whoever had the lock before may have written it since we looked.
            found = await self._cached(key)
            if found is None:
                found = await compute()
                await self._redis.set(key, json.dumps(found))
            return found
        finally:
            await self._redis.eval(_RELEASE, 1, lock, mine)

    async def _cached(self, key: str) -> Figures | None:
        text = await self._redis.get(key)
        if text is None:
            return None
        found: Figures = json.loads(text)
        return found
