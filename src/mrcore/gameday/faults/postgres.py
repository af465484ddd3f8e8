"""Sessions that hold what others need: slots, locks, transactions."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Literal

import asyncpg
from pydantic import Field

from mrcore.gameday.faults import base

APP = "mentor-report"
"""What the sessions of a fault are called: as one that a person would find in production."""

_LOCK = "SELECT pg_advisory_xact_lock($1)"
_END = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name = $1 AND pid <> pg_backend_pid()"""


class _Sessions(base.Fault):
    """Sessions of ours, which a runbook may terminate; the rest ends with the fault."""

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        # As another connection: of a player that has died the server may not know it yet.
        connection = await stage.arena.superuser("mrcore-gameday")
        try:
            await connection.fetch(_END, APP)
        finally:
            await connection.close()

    async def _open(self, stage: base.Stage) -> asyncpg.Connection:
        connection = await stage.arena.app(APP)
        stage.held.callback(connection.terminate)
        return connection


class IdleInTransaction(_Sessions):
    """A transaction that somebody has left open, or (`aborted`) in which a statement failed."""

    state: Literal["idle", "aborted"] = "idle"
    count: int = Field(default=1, ge=1, le=20)

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        for _ in range(self.count):
            connection = await self._open(stage)
            await connection.execute("BEGIN; SELECT 1")
            if self.state == "aborted":
                with contextlib.suppress(asyncpg.DivisionByZeroError):
                    await connection.execute("SELECT 1 / 0")


class LockChain(_Sessions):
    """One holds a lock and does nothing; each of the others waits for the one before it.

    Whoever gets what it waited for ends its transaction, as an application does.
    """

    length: int = Field(default=3, ge=2, le=10)

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        first = stage.dice.randrange(1, 1_000_000)
        for number in range(self.length):
            connection = await self._open(stage)
            await connection.execute("BEGIN")
            await connection.fetchval(_LOCK, first + number)
            if number:
                waiting = asyncio.create_task(_wait(connection, first + number - 1))
                stage.held.callback(waiting.cancel)


async def _wait(connection: asyncpg.Connection, lock: int) -> None:
    with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        await connection.fetchval(_LOCK, lock, timeout=None)
        await connection.execute("COMMIT")


class Exhausted(_Sessions):
    """Every connection that an application may have is taken, and idle."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        with contextlib.suppress(asyncpg.TooManyConnectionsError):
            while True:
                await self._open(stage)
