"""Postgres with sessions that run, wait and block."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import asyncpg

from mrcore.model import base
from mrcore.sources import base as source_base
from tests import restartable, servers, waiting
from tests.contract import rig


class Pg(rig.Rig):
    kind = "pg"
    lacks = {
        "odd": "a session's ids are numbers",
        "guards": "describe() has no actions",
    }

    def __init__(self, folder: Path) -> None:
        self.server = restartable.Postgres(folder)
        self.server.start()
        self.server.execute(f"CREATE ROLE plain LOGIN PASSWORD '{servers.PASSWORD}'")
        self._loop = asyncio.new_event_loop()
        self._sessions: list[asyncpg.Connection] = []
        self._populate()

    def close(self) -> None:
        self._leave()
        self._loop.close()
        self.server.close()

    def table(self) -> dict[str, Any]:
        return {"dsn": self.server.dsn()}

    def limited(self) -> dict[str, Any]:
        return {"dsn": self.server.dsn(user="plain")}

    def pid(self, source: source_base.Source) -> int:
        return self.server.pid

    async def identities(self, source: source_base.Source) -> Hashable:
        """Backend pids of the source's two connections."""

        async def both() -> frozenset[int] | None:
            admin = await asyncpg.connect(self.server.dsn())
            sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'mrcore'"
            pids = frozenset(row["pid"] for row in await admin.fetch(sql))
            await admin.close()
            return pids if len(pids) == 2 else None

        return await waiting.until(both, what="two kept connections")

    def kill(self, source: source_base.Source) -> None:
        self._leave()
        self.server.kill()

    def spawn(self) -> None:
        self.server.spawn()

    def settle(self) -> None:
        self.server.wait()
        self._populate()

    def unknown(self) -> tuple[base.Ref, ...]:
        return (
            "pg/session/1/1",
            "pg/session/x/y",
            "pg/session/4711",
            "pg/postgres/other",
            "pg/check/none",
        )

    def _populate(self) -> None:
        """An idle session and one that is idle in a transaction."""

        async def connect() -> None:
            for app, statement in (("idle", "SELECT 1"), ("a/b%c?d é", "BEGIN")):
                session = await asyncpg.connect(
                    self.server.dsn(), server_settings={"application_name": app}
                )
                await session.execute(statement)
                self._sessions.append(session)

        self._loop.run_until_complete(connect())

    def _leave(self) -> None:
        for session in self._sessions:
            session.terminate()
        self._sessions.clear()
        self._loop.run_until_complete(asyncio.sleep(0))
