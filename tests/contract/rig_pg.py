"""Postgres with sessions that run, wait and block."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Hashable
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from mrcore.model import base
from mrcore.model import ref as refs
from mrcore.sources import base as source_base
from tests import restartable, servers, waiting
from tests.contract import rig

T = TypeVar("T")

SLEEP = "SELECT pg_sleep(600)"
BEGIN = "BEGIN; CREATE TEMP TABLE IF NOT EXISTS wrote (i int); INSERT INTO wrote VALUES (1)"


class Pg(rig.Rig):
    kind = "pg"
    acts = ("pg.cancel", "pg.terminate")
    lacks = {"odd": "a session's ids are numbers"}

    def __init__(self, folder: Path) -> None:
        self.server = restartable.Postgres(folder)
        self.server.start()
        self.server.execute(f"CREATE ROLE plain LOGIN PASSWORD '{servers.PASSWORD}'")
        self._loop = asyncio.new_event_loop()  # its sessions outlive the loop of a test
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._sessions: list[asyncpg.Connection] = []
        self._busy: dict[base.Ref, asyncio.Task[None]] = {}
        self._deeds: dict[base.Ref, asyncpg.Connection] = {}
        self._populate()

    def close(self) -> None:
        self._leave()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
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
            sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'mrcore'"
            rows = await self._ask(sql)
            pids = frozenset(row["pid"] for row in rows)
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

    async def deed(self, action: base.ActionId) -> rig.Deed:
        """To cancel: three that run; to terminate: one of each state."""
        await self._there(self._forget())
        ways = ((None, SLEEP), (BEGIN, SLEEP), (None, SLEEP))
        if action == "pg.terminate":
            ways = ((BEGIN, None), (BEGIN, SLEEP), (None, None))
        found = tuple([await self._there(self._session(*way)) for way in ways])
        return rig.Deed(action, found, found[0])

    async def move_on(self, deed: rig.Deed) -> None:
        """It goes on: another statement than the one that was seen."""
        await self._there(self._run(deed.moved_on, "SELECT 1"))

    async def state(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        """Whether it is there; to cancel, which statement it runs too."""
        row = await self._row(ref)
        if row is None or action == "pg.terminate":
            return row is not None
        return row["query_start"] if row["state"] == "active" else None

    async def facts(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        """Session, state and transaction; the statement too where that is what is ended."""
        row = await self._row(ref)
        if row is None:
            return None
        idles = str(row["state"]).startswith("idle in transaction")
        moved = row["state_change"] if idles and action == "pg.terminate" else None
        statement = row["query_start"] if action == "pg.cancel" else None
        return row["state"], row["xact_start"], statement, moved

    def churn(self, action: base.ActionId) -> rig.Churn:
        """What a session does; its pid used again is simulated in tests/core."""

        async def ends(ref: base.Ref) -> None:
            await self._there(self._end(ref))

        async def runs_another(ref: base.Ref) -> None:
            await self._there(self._run(ref, "SELECT 1"))

        async def runs_long(ref: base.Ref) -> None:
            await self._there(self._run(ref, SLEEP))

        async def begins(ref: base.Ref) -> None:
            await self._there(self._run(ref, BEGIN))

        async def commits(ref: base.Ref) -> None:
            await self._there(self._run(ref, "COMMIT"))

        return {
            "ends": ends,
            "runs another": runs_another,
            "runs long": runs_long,
            "begins": begins,
            "commits": commits,
        }

    def _populate(self) -> None:
        """An idle session and one that is idle in a transaction."""

        async def connect() -> None:
            for app, statement in (("idle", "SELECT 1"), ("a/b%c?d é", "BEGIN")):
                session = await self._connect(app)
                await session.execute(statement)
                self._sessions.append(session)

        asyncio.run_coroutine_threadsafe(connect(), self._loop).result(20)

    def _leave(self) -> None:
        async def leave() -> None:
            await self._forget()
            for session in self._sessions:
                session.terminate()
            self._sessions.clear()
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(leave(), self._loop).result(20)

    # -- in the loop of the sessions

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _connect(self, app: str) -> asyncpg.Connection:
        settings = {"application_name": app}
        return await asyncpg.connect(self.server.dsn(), server_settings=settings)

    async def _session(self, first: str | None, then: str | None) -> base.Ref:
        session = await self._connect("deed")
        row = await session.fetchrow(
            "SELECT pid, (extract(epoch FROM backend_start) * 1000000)::bigint AS started "
            "FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        )
        ref = refs.make("pg", "session", row["pid"], row["started"])
        self._deeds[ref] = session
        for statement in filter(None, (first, then)):
            await self._run(ref, statement)
        return ref

    async def _run(self, ref: base.Ref, statement: str) -> None:
        """Run a statement, after it has given up the one it runs; a long one is only begun."""
        if (busy := self._busy.pop(ref, None)) is not None:
            while not busy.done():
                await self._ask("SELECT pg_cancel_backend($1)", _pid(ref))
                await asyncio.wait((busy,), timeout=0.05)
        session = self._deeds[ref]

        async def work() -> None:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await session.execute(statement)

        if statement != SLEEP:
            await work()
            return
        self._busy[ref] = task = asyncio.create_task(work())

        async def begun() -> bool:
            row = await self._row(ref)
            runs = row is not None and row["state"] == "active" and row["query"] == SLEEP
            return runs or task.done()

        await waiting.until(begun, what="a statement that runs")

    async def _end(self, ref: base.Ref) -> None:
        self._deeds[ref].terminate()
        if (busy := self._busy.pop(ref, None)) is not None:
            await asyncio.wait((busy,))
        await self._ask("SELECT pg_terminate_backend($1)", _pid(ref))

        async def gone() -> bool:
            return await self._row(ref) is None

        await waiting.until(gone, what="an end")

    async def _forget(self) -> None:
        for ref in list(self._deeds):
            await self._end(ref)
            del self._deeds[ref]

    async def _row(self, ref: base.Ref) -> asyncpg.Record | None:
        sql = "SELECT * FROM pg_stat_activity WHERE pid = $1"
        return next(iter(await self._ask(sql, _pid(ref))), None)

    async def _ask(self, sql: str, *args: object) -> list[asyncpg.Record]:
        admin = await asyncpg.connect(self.server.dsn())
        try:
            return await admin.fetch(sql, *args)
        finally:
            await admin.close()


def _pid(ref: base.Ref) -> int:
    return int(refs.parse(ref).ids[0])
