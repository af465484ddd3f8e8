"""What a job works with: Postgres, Redis, mail settings, a clock, and the other queues.

huey calls jobs from its threads, the jobs are coroutines: all of a process run on one event loop
in the background, so that they share one pool of connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from typing import Any, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

import asyncpg
import redis
import redis.asyncio

from mrcore.mentor import clock, config, queues
from mrcore.sources.redis import pool

T = TypeVar("T")

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
"""A connection out of a pool."""

IST = ZoneInfo("Asia/Kolkata")
"""Mr. Mentor's days begin and end in India."""

_POOL_MAX = 8
_CONNECT_S = 5
_STATEMENT_S = 60


class Tools:
    """Made without a connection; each is opened by the first job that needs it."""

    def __init__(self, settings: config.Config, *, now: Callable[[], datetime]) -> None:
        self.config = settings
        self.now = now
        self.redis = redis.asyncio.Redis(
            **settings.redis.options(),
            decode_responses=True,
            socket_timeout=_CONNECT_S,
            # After a failover an old connection leads to a replica: a new one is made.
            retry_on_error=[redis.ReadOnlyError],
        )
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = threading.Lock()

    @functools.cached_property
    def queues(self) -> dict[str, queues.JobQueue]:
        """Every queue, for jobs that lead to other jobs."""
        made = pool.plain(**self.config.redis.options(), socket_timeout=_CONNECT_S)
        return queues.hueys(made, lambda: self)

    async def add(self, queue: str, job: str, **payload: Any) -> str:
        """Enqueue another job; its id."""
        return await asyncio.to_thread(self.queues[queue].add, job, **payload)

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncIterator[Connection]:
        """A connection as `mentor_app`.

        Raises OSError, TimeoutError or asyncpg.PostgresError when there is none to be had.
        """
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    **self.config.database.options("mentor-worker"),
                    min_size=1,
                    max_size=_POOL_MAX,
                    timeout=_CONNECT_S,
                    command_timeout=_STATEMENT_S,
                )
        async with self._pool.acquire() as connection:
            yield connection

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a job's coroutine on the background loop and wait for it, from any thread."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=self._loop.run_forever, name="mentor-jobs", daemon=True
                ).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def aclose(self) -> None:
        """Close what was opened; on the loop that used it."""
        await self.redis.aclose()
        if self._pool is not None:
            await self._pool.close()


@functools.cache
def shared() -> Tools:
    """The tools of this process, by its environment."""
    return Tools(config.Config.read(os.environ), now=clock.of(os.environ))
