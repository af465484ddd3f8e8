"""Postgres: sessions, who blocks whom, and how full the server is; on two kept connections."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.resources
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Self

from pydantic import Field, SecretStr, field_validator

from mrcore import settings as core_settings
from mrcore.model import backend, base, plans, ref, wire
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.pg import detail, link, rows, signals

SLOW_MS = 250.0
NEEDS_MONITOR = "needs pg_monitor: statements, states and times of other roles are hidden"


class Settings(core_settings.SourceSettings):
    """Where Postgres is: directly, not through a pooler, whose pool may be what is full."""

    kind: str = "pg"
    dsn: SecretStr = Field(description="postgresql://user:password@host:port/database")

    @field_validator("dsn")
    @classmethod
    def _is_url(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must begin with postgresql://")
        return value


def open_source(name: str, settings: Settings, *, now: source_base.Now) -> source_base.Source:
    """The source for one server."""
    return Pg(name, settings, now=now)


def _sql(name: str) -> str:
    """A statement from the `.sql` file of that name beside this module."""
    return importlib.resources.files(__name__).joinpath(f"{name}.sql").read_text()


class Pg(source_base.SourceBase):
    """Two connections, opened at start and kept: `eye` samples, `hand` does what takes longer."""

    def __init__(self, name: str, settings: Settings, *, now: source_base.Now) -> None:
        super().__init__(name, now=now)
        gate = asyncio.Lock()
        self._eye = kept.Kept(link.Link(settings.dsn, read_only=True), gate)
        self._hand = kept.Kept(link.Link(settings.dsn, read_only=False), gate)
        self._server_sql, self._snapshot_sql = _sql("server"), _sql("snapshot")
        self._before: rows.Look | None = None
        self._missing: tuple[str, ...] = ()

    async def __aenter__(self) -> Self:
        self._eye.start()
        self._hand.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await kept.stop(self._eye, self._hand)

    def describe(self) -> wire.Description:
        return wire.Description(
            kinds=("postgres", "session", "check"),
            actions=signals.ACTIONS,
            capabilities=self._missing,
        )

    async def probe(self) -> Sequence[backend.Check]:
        return (self._check(await self._eye.run(self._round_trip)),)

    async def sample(self) -> wire.Sample:
        seen = await self._eye.run(self._look)
        at = self.now()
        hidden = () if seen.server["sees_all"] else (NEEDS_MONITOR,)
        self._missing = (*hidden, *filter(None, (seen.rights.missing,)))
        sessions, left_out = rows.sessions(self.name, seen)
        server = rows.server(self.name, seen, left_out)
        points = self._points(seen, server.ref, at)
        self._before = seen
        return wire.Sample(
            at=at,
            entities=(server, self._check(seen.round_trip_ms), *sessions),
            points=tuple(points),
        )

    async def detail(self, ref: base.Ref) -> wire.Detail:
        kind = detail.kind_of(self.name, ref)
        return await self._hand.run(lambda connection: self._detail(kind, ref, connection))

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        """Sessions by their refs, or of the server's `sessions` by state and text."""
        if action not in signals.ACTIONS:
            raise self._unsupported(f"action {action!r}")
        seen = await self._hand.run(self._look)
        for part in signals.plan(self.name, action, selection, seen):
            yield part
        progress(len(seen.clients), len(seen.clients))

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        if action not in signals.ACTIONS:
            raise self._unsupported(f"action {action!r}")
        return await signals.apply(self._hand, self._own, action, chunk)

    async def _detail(self, kind: str, asked: base.Ref, connection: link.Connection) -> wire.Detail:
        seen = await self._look(connection)
        if kind == "session":
            return await detail.of_session(self.name, asked, connection, seen, self.now())
        if kind == "check":
            return detail.of_check(self._check(seen.round_trip_ms), self.now())
        return detail.of_server(self.name, seen, self.now())

    async def _look(self, connection: link.Connection) -> rows.Look:
        """Two statements; the first is short and always there, so its time is the round trip."""
        asked, started = self.now(), time.perf_counter()
        server = await connection.fetchrow(self._server_sql)
        round_trip_ms = (time.perf_counter() - started) * 1000
        assert server is not None
        snapshot = await connection.fetch(self._snapshot_sql)
        seen = rows.look(server, snapshot, self._own(), round_trip_ms)
        ahead_ms = (seen.now - asked).total_seconds() * 1000 - round_trip_ms / 2
        return dataclasses.replace(seen, clock_off_ms=ahead_ms)

    def _own(self) -> list[int]:
        """Pids of our own backends."""
        kept_now = (self._eye.connection, self._hand.connection)
        return [connection.get_server_pid() for connection in kept_now if connection is not None]

    async def _round_trip(self, connection: link.Connection) -> float:
        started = time.perf_counter()
        await connection.fetchval("SELECT 1")
        return (time.perf_counter() - started) * 1000

    def _check(self, round_trip_ms: float) -> backend.Check:
        slow = round_trip_ms > SLOW_MS
        return backend.Check(
            ref=ref.make(self.name, "check", "postgres"),
            name="postgres",
            says="answers",
            verdict=base.Verdict(
                level=base.Level.WARN, code="slow", why=f"a round trip takes over {SLOW_MS:g} ms"
            )
            if slow
            else base.OK,
        )

    def _points(self, seen: rows.Look, server: base.Ref, at: datetime) -> list[wire.Point]:
        foreign = [row for row in seen.clients if row["pid"] not in seen.own]
        values = {
            "pg.sessions": float(len(seen.clients)),
            "pg.active": float(sum(1 for row in foreign if row["state"] == "active")),
            "pg.idle_in_tx": float(rows.idle_in_tx(seen)),
            "pg.blocked": float(sum(1 for row in foreign if row["blocked_by"])),
            "pg.round_trip_ms": seen.round_trip_ms,
            "pg.clock_off_ms": seen.clock_off_ms,
            **rows.rates(self._before, seen),
        }
        check = ref.make(self.name, "check", "postgres")
        return [
            wire.Point(metric="check.latency_ms", ref=check, at=at, value=seen.round_trip_ms),
            *(wire.Point(metric=k, ref=server, at=at, value=v) for k, v in values.items()),
        ]
