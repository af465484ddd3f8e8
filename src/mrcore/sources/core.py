"""The core as a source: how its sources are, its operations, its audit, and what it costs."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Self, cast

import psutil

from mrcore import errors, runs
from mrcore.model import backend, plans, wire
from mrcore.model import base as model
from mrcore.model import core as entities
from mrcore.model import ref as refs
from mrcore.sources import base, own, ran, standing
from mrcore.store import database, operations, tokens, walk
from mrcore.trust import audit

NAME = "core"
SELF = refs.make(NAME, "core", "self")
LAG_EVERY_S = 0.5
FOLLOW_EVERY_S = 0.5

Read = Callable[[sqlite3.Connection, walk.Walk], walk.Rows]
_READ: dict[str, Read] = {
    "audit": audit.read,
    "operations": operations.read,
    "tokens": tokens.read,
}
_OF_KIND = {"audit": "audit", "operation": "operations", "token": "tokens"}


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the core knows of itself, asked at every sample."""

    environment: entities.Environment
    statuses: Callable[[], Sequence[entities.SourceStatus]]
    operations: Callable[[], Sequence[entities.Operation]]
    sample_times: Callable[[], Sequence[wire.Point]]
    clients: Callable[[], int]
    audit: Callable[[], model.Verdict]
    not_resumed: Callable[[], str]
    alerts: Callable[[], Sequence[model.Entity]] = tuple
    checks: Callable[[], Sequence[backend.Check]] = tuple
    told: Callable[[model.Entity], Awaitable[Sequence[wire.Section]]] | None = None
    runbooks: Callable[[], Sequence[model.Entity]] = tuple


class CoreSource(base.SourceBase):
    """Source `core`; its sample only reads memory."""

    def __init__(
        self,
        facts: Facts,
        ledger: database.Database,
        history: database.Database,
        kept: runs.Runs,
        acts: Mapping[model.ActionId, own.Act],
        *,
        now: base.Now,
    ) -> None:
        super().__init__(NAME, now=now)
        self._facts = facts
        self._acts = acts
        self._standing = standing.Standing(ledger, now=now)
        self._ledger = ledger
        self._history = history
        self._runs = kept
        self._ran = ran.Ran(kept, now=now)
        self._lag_s = 0.0
        self._lagging: asyncio.Task[None] | None = None
        self._process = psutil.Process()

    async def __aenter__(self) -> Self:
        self._lagging = asyncio.create_task(self._measure_lag())
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._lagging:
            self._lagging.cancel()
        self._standing.stop()

    def describe(self) -> wire.Description:
        return wire.Description(
            kinds=(
                "source",
                "operation",
                "check",
                "environment",
                "arming",
                "plan",
                "audit",
                "token",
                "alert",
                "silence",
                "heartbeat",
                "runbook",
                "run",
            ),
            collections=(*_READ, ran.COLLECTION),
            actions=tuple(self._acts),
        )

    async def probe(self) -> Sequence[backend.Check]:
        ledger = "Actions are refused until it can be written."
        history = "Nothing is recorded until it can be written; watching goes on."
        return (
            self._file("ledger", self._ledger, model.Level.BAD, ledger),
            self._file("history", self._history, model.Level.WARN, history),
            backend.Check(
                ref=refs.make(NAME, "check", "audit"),
                verdict=self._facts.audit(),
                name="audit",
                target=str(self._ledger.path),
            ),
            backend.Check(
                ref=refs.make(NAME, "check", "runs"),
                verdict=self._runs.verdict(),
                name="runs",
                target=str(self._history.path),
            ),
            *self._not_resumed(),
            *self._facts.checks(),
        )

    async def sample(self) -> wire.Sample:
        now = self.now()
        lag_s, self._lag_s = self._lag_s, 0.0
        measured = {
            "core.rss_bytes": float(self._process.memory_info().rss),
            "core.loop_lag_ms": lag_s * 1000,
            "core.clients": float(self._facts.clients()),
        }
        armings, waiting = await self._standing.now_standing()
        measures = [wire.Point(metric=m, ref=SELF, at=now, value=v) for m, v in measured.items()]
        return wire.Sample(
            at=now,
            entities=(
                self._facts.environment,
                *armings,
                *waiting,
                *self._facts.statuses(),
                *self._facts.operations(),
                *self._facts.alerts(),
                *self._facts.runbooks(),
                *await self.probe(),
            ),
            points=(*measures, *self._facts.sample_times()),
        )

    async def detail(self, ref: model.Ref) -> wire.Detail:
        address = refs.parse(ref)
        if address.kind == entities.WaitingPlan.KIND:
            return await self._standing.detail(ref)
        number = int(address.id) if _is_number(address.id) else 0
        if address.kind in _OF_KIND:
            wanted = walk.Walk(limit=1, newest=False, after=number - 1)
            found = (await self._read(_READ[_OF_KIND[address.kind]], wanted)).rows
        else:
            found = [e for e in (await self.sample()).entities if e.ref == ref]
        if not found or found[0].ref != ref:
            raise errors.NotFound(f"The core has no {ref!r}.")
        told = await self._facts.told(found[0]) if self._facts.told else ()
        return wire.Detail(
            at=self.now(),
            entity=found[0],
            sections=(*told, standing.facts(found[0])),
            links=standing.links(found[0]),
        )

    async def plan(
        self,
        action: model.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: base.Progress,
    ) -> AsyncIterator[base.Planned]:
        act = self._act(action)
        if selection.ref:
            raise errors.BadRequest(f"{action} takes refs, not a collection.")
        async for item in own.planned(act, selection.refs, args):
            yield item

    async def apply(
        self, action: model.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        act = self._act(action)
        return [await act.apply(target, args, by) for target in chunk]

    async def plan_undo(
        self, action: model.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[base.Planned]:
        act = cast(own.UndoableAct, self._act(action))  # the catalogue says which are
        for one in done:
            yield await act.plan_undo(one)

    async def undo(
        self, action: model.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        act = cast(own.UndoableAct, self._act(action))
        return [await act.undo(one, by) for one in chunk]

    def _act(self, action: model.ActionId) -> own.Act:
        if action not in self._acts:
            raise self._unsupported(f"action {action!r}")
        return self._acts[action]

    async def page(
        self, ref: model.Ref, collection: str, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        """Rows of a collection of `core/core/self`; the cursor is a row's number.

        The `state` of an audit row is its stage.
        """
        if ref == SELF and collection == ran.COLLECTION:
            return await self._ran.page(query, cursor, wait_s)
        read = _READ.get(collection)
        if ref != SELF or read is None:
            raise self._unsupported(f"collection {collection!r} at {ref}")
        after = _number(cursor)
        forward = after is not None if wait_s else query.order == "oldest"
        wanted = walk.Walk(
            query.limit, newest=not forward, after=after, text=query.text, state=query.state
        )
        found = await self._read(read, wanted)
        if not wait_s:
            return self._page(found, found.rows, found.last if found.more else None)
        if after is None:
            newest = _number(found.rows[0].ref.rsplit("/")[-1]) if found.rows else 0
            return self._page(found, found.rows[::-1], newest)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not found.rows:
                    await asyncio.sleep(FOLLOW_EVERY_S)
                    wanted = dataclasses.replace(wanted, after=found.last or wanted.after)
                    found = await self._read(read, wanted)
        return self._page(found, found.rows, found.last or wanted.after)

    async def _read(self, read: Read, wanted: walk.Walk) -> walk.Rows:
        return await self._ledger.look(lambda connection: read(connection, wanted))

    def _page(
        self, found: walk.Rows, rows: Sequence[model.Entity], cursor: int | None
    ) -> wire.Page:
        return wire.Page(
            at=self.now(),
            rows=tuple(rows),
            cursor=None if cursor is None else str(cursor),
            looked=wire.Looked(scanned=found.scanned, complete=not found.more),
        )

    def _file(
        self, name: str, file: database.Database, level: model.Level, effect: str
    ) -> backend.Check:
        verdict = model.OK
        if file.trouble:
            verdict = model.Verdict(level=level, code="store", why=f"{file.trouble}. {effect}")
        return backend.Check(
            ref=refs.make(NAME, "check", name), verdict=verdict, name=name, target=str(file.path)
        )

    def _not_resumed(self) -> Iterator[backend.Check]:
        """Why the last core's interrupted operations do not go on, when that is so."""
        if why := self._facts.not_resumed():
            said = f"What the last core left unfinished was not taken up: {why}"
            yield backend.Check(
                ref=refs.make(NAME, "check", "resume"),
                verdict=model.Verdict(level=model.Level.BAD, code="not_resumed", why=said),
                name="resume",
                target=str(self._ledger.path),
            )

    async def _measure_lag(self) -> None:
        """Note by how much the loop wakes this task too late."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self._lag_s = max(self._lag_s, loop.time() - due_s)


def _number(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not _is_number(cursor):
        raise errors.BadRequest("That cursor is not one of this collection's.")
    return int(cursor)


def _is_number(text: str) -> bool:
    """Whether it can be a row's number, which has 64 bits."""
    return text.isascii() and text.isdigit() and len(text) < 19
