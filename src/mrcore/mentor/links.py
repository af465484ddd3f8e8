"""A backend's connections: opened in the background, kept, and opened again when lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import asyncpg
import redis
import redis.asyncio
from redis.asyncio import retry
from redis.backoff import NoBackoff

from mrcore.mentor import config, tools

LOG = logging.getLogger("connections")

POOL_MIN, POOL_MAX = 5, 20
"""The playbook's pool, per process."""

LOST = (
    OSError,  # TimeoutError is one
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that died in the middle of a statement
    redis.RedisError,
)
"""What one may run into when Postgres or Redis cannot be used."""

_CONNECT_S = 2.0
_ACQUIRE_S = 5.0
_STATEMENT_S = 10.0
_AGAIN_S = 0.5


class Links:
    """The Postgres pool and the Redis client of one backend, and whether they are connected.

    Both flags say what the sockets say: a server that accepts and never answers is connected.
    """

    def __init__(self, settings: config.Config, name: str) -> None:
        self.settings = settings
        self.name = name
        self.pool: asyncpg.Pool | None = None
        self.eye: tools.Connection | None = None
        """A connection that is held, so that asking needs no new one."""
        self.redis_connected = False
        self.changed = asyncio.Event()
        """Set whenever a connection is made or lost."""
        self.redis = self._client(name, _STATEMENT_S)
        self.canary = self._client(f"{name}-canary", None)
        """For the health check alone: it waits for its answers however long they take."""

    def _client(self, name: str, timeout_s: float | None) -> redis.asyncio.Redis:
        return redis.asyncio.Redis(
            **self.settings.redis.options(),
            decode_responses=True,
            client_name=name,
            socket_connect_timeout=_CONNECT_S,
            socket_timeout=timeout_s,
            # Once more, for a pooled connection that died unnoticed; no patience beyond that.
            retry=retry.Retry(NoBackoff(), 1),
            # After a failover an old connection leads to a replica: a new one is made.
            retry_on_error=[redis.ReadOnlyError],
        )

    @property
    def database_connected(self) -> bool:
        """Whether the held connection's socket stands."""
        return self.eye is not None

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncIterator[tools.Connection]:
        """A connection out of the pool.

        Raises TimeoutError when none is free in time or there was no Postgres yet.
        """
        if self.pool is None:
            raise TimeoutError("Could not acquire a connection: there is none yet")
        try:
            connection = await self.pool.acquire(timeout=_ACQUIRE_S)
        except TimeoutError:
            raise TimeoutError("Could not acquire a connection") from None
        try:
            yield connection
        finally:
            await self.pool.release(connection)

    async def keep(self) -> None:
        """Connect, and connect again, until cancelled."""
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._keep_database())
                both.create_task(self._keep_redis())
        finally:
            if self.pool is not None:
                self.pool.terminate()
            await self.redis.aclose()
            await self.canary.aclose()

    async def _keep_database(self) -> None:
        said = False
        while True:
            try:
                eye, lost = await self._open_database()
            except LOST as error:
                if not said:
                    LOG.error("postgres is away: %s", type(error).__name__)
                said = True
                await asyncio.sleep(_AGAIN_S)
                continue
            said = False
            self.changed.set()
            LOG.info("postgres connected, pool %d to %d", POOL_MIN, POOL_MAX)
            await lost.wait()
            self.changed.set()
            LOG.error("postgres connection lost")
            # It may have died in the middle of a question; the pool must not try to tidy it up.
            with contextlib.suppress(asyncpg.InterfaceError):
                eye.terminate()
            assert self.pool is not None
            await self.pool.release(eye, timeout=_CONNECT_S)

    async def _open_database(self) -> tuple[tools.Connection, asyncio.Event]:
        if self.pool is None:
            async with asyncio.timeout(_CONNECT_S * 2):
                self.pool = await asyncpg.create_pool(
                    **self.settings.database.options(self.name),
                    min_size=POOL_MIN,
                    max_size=POOL_MAX,
                    timeout=_CONNECT_S,
                    command_timeout=_STATEMENT_S,
                )
        eye = await self.pool.acquire(timeout=_CONNECT_S)
        lost = asyncio.Event()

        def gone(_: object) -> None:
            self.eye = None
            lost.set()

        self.eye = eye
        eye.add_termination_listener(gone)
        if eye.is_closed():
            gone(eye)
        return eye, lost

    async def drop_database(self) -> None:
        """Give up on connections that hang: new ones are opened in their place."""
        if self.pool is not None:
            await self.pool.expire_connections()
        if self.eye is not None:
            self.eye.terminate()

    async def _keep_redis(self) -> None:
        said = False
        while True:
            try:
                await self._listen()
            except LOST as error:
                if self.redis_connected or not said:
                    LOG.error("redis is away: %s", type(error).__name__)
                said = True
            finally:
                if self.redis_connected:
                    self.redis_connected = False
                    self.changed.set()
            await asyncio.sleep(_AGAIN_S)

    async def _listen(self) -> None:
        """Hold a subscription: its read ends when the socket does, and not before."""
        connection = redis.asyncio.Connection(
            **self.settings.redis.options(),
            client_name=f"{self.name}-link",
            socket_connect_timeout=_CONNECT_S,
            socket_timeout=None,
            protocol=2,  # in RESP3 a subscription's messages are no responses
        )
        try:
            async with asyncio.timeout(_CONNECT_S):
                await connection.connect()  # type: ignore[no-untyped-call]
                await connection.send_command("SUBSCRIBE", f"mentor:link:{self.name}")
                await connection.read_response()
            self.redis_connected = True
            self.changed.set()
            LOG.info("redis connected")
            while True:
                await connection.read_response()
        finally:
            await connection.disconnect(nowait=True)
