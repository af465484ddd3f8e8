"""What calls to other services came to, counted a minute in `upstream_calls`."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from mrcore.mentor import tools

LOG = logging.getLogger("upstream.calls")

Open = Callable[[], contextlib.AbstractAsyncContextManager[tools.Connection]]
"""Gives a connection out of a pool."""

_COUNT = """
INSERT INTO upstream_calls (upstream, minute, status, calls, took_ms, last_at)
VALUES ($1, date_trunc('minute', $2::timestamptz), $3, 1, $4, $2)
ON CONFLICT (upstream, minute, status) DO UPDATE SET calls = upstream_calls.calls + 1,
    took_ms = upstream_calls.took_ms + excluded.took_ms, last_at = excluded.last_at
"""


@dataclass
class Call:
    """A call that is under way; `status` stays 0 where nothing answers."""

    status: int = 0


@contextlib.asynccontextmanager
async def counted(
    database: Open, upstream: str, now: Callable[[], datetime]
) -> AsyncIterator[Call]:
    """Count the call that is made inside, whatever comes of it.

    Where Postgres is away it is not counted: the call is worth more than its count.
    """
    call, started = Call(), time.monotonic()
    try:
        yield call
    finally:
        took_ms = round(1000 * (time.monotonic() - started))
        try:
            async with database() as connection:
                await connection.execute(_COUNT, upstream, now(), call.status, took_ms)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            LOG.warning("a call to %s was not counted: %s", upstream, type(error).__name__)
