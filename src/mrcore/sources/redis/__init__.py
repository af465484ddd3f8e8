"""Redis and Valkey: whether writes work, INFO as points, and keys page by page."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Self

from pydantic import Field

from mrcore import errors, redact
from mrcore.journal import keys as keys_of_huey
from mrcore.model import backend, base, plans, ref, wire
from mrcore.model import redis as model
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.redis import (
    acting,
    canary,
    faults,
    info,
    keys,
    link,
    looking,
    primaries,
    scan,
    value,
)
from mrcore.sources.redis import waking as wakings


class Settings(link.Settings):
    """Where Redis is; the database in the URL is the one whose keys are shown."""

    kind: str = "redis"
    journals: tuple[str, ...] = Field(
        default=(keys_of_huey.PREFIX,),
        description="what the keys of huey's journals begin with: they are not deleted as keys",
    )


def open_source(name: str, settings: Settings, *, now: source_base.Now) -> source_base.Source:
    """The source for one server."""
    return Redis(name, settings, now=now)


class Redis(source_base.SourceBase):
    """Three kept connections: `eye` reads INFO, `wing` writes, `hand` reads keys.

    A write that hangs (CLIENT PAUSE, a full disk) so never keeps INFO and the keys from being read.
    """

    def __init__(self, name: str, settings: Settings, *, now: source_base.Now) -> None:
        super().__init__(name, now=now)
        gate = asyncio.Lock()
        opened = link.Link(settings.url)
        self._eye = kept.Kept(opened, gate)
        self._wing = kept.Kept(link.Link(settings.url), gate)
        self._hand = kept.Kept(link.Link(settings.url), gate)
        self._scanner = scan.Scanner()
        self._looking = looking.Looking(opened, self._eye, self._wing, now)
        self._acting = acting.Acting(
            name, link.login(settings.url), self._hand, self._wing, now, settings.journals
        )
        self._facts: info.Info = {}
        self._before: tuple[info.Info, datetime] | None = None
        self._run: tuple[str, datetime | None] = ("", None)
        self._node = ref.make(name, "node", "main")
        self._waking = wakings.Waking(self._node, self._hand)
        self._check = ref.make(name, "check", "canary")

    async def __aenter__(self) -> Self:
        for connection in (self._eye, self._wing, self._hand):
            connection.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await kept.stop(self._eye, self._wing, self._hand)

    def describe(self) -> wire.Description:
        return wire.Description(
            kinds=("node", "check"),
            collections=("keys",),
            actions=(*self._acting.actions, *self._wakes()),
            capabilities=(*self._looking.missing.values(), *self._acting.missing),
        )

    async def probe(self) -> Sequence[backend.Check]:
        return (self._check_of(await self._looking.write()),)

    async def sample(self) -> wire.Sample:
        """The server, also while it is away: that it is so, and how, is what there is to say.

        Raises NotPermitted, and Unsupported for what is no server that can be watched.
        """
        wrote, (facts, size) = await self._looking.seen()
        if wrote.ok is not False or (facts and wrote.code not in ("hangs", "paused")):
            with contextlib.suppress(errors.SourceError):  # who asks for a plan is told
                await self._acting.allowed()
        at = self.now()
        self._facts = facts or self._facts
        node = info.node(
            self._node, self._facts, self._started(self._facts, at), wrote.ok, wrote.verdict
        )
        if self._facts and not facts and self._before:
            node = node.model_copy(update={"silent_since": self._before[1]})
        values = info.values(facts, self._before, at)
        if facts and self._looking.ahead_ms is not None:
            values["redis.clock_off_ms"] = self._looking.ahead_ms
        values |= {"redis.keys": float(size)} if size is not None else {}
        points = [wire.Point(metric=k, ref=self._node, at=at, value=v) for k, v in values.items()]
        if wrote.took_ms is not None:
            for metric, of in (("redis.canary_ms", self._node), ("check.latency_ms", self._check)):
                points.append(wire.Point(metric=metric, ref=of, at=at, value=wrote.took_ms))
        if facts:
            self._before = (facts, at)
        if wrote.code == "not_permitted":
            self._looking.missing["SET"] = wrote.why
        return wire.Sample(at=at, entities=(node, self._check_of(wrote)), points=tuple(points))

    async def page(
        self, ref: base.Ref, collection: str, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        """Keys in SCAN's order; there is no end to wait at, so with `wait_s` no cursor leads on."""
        if collection != "keys":
            raise self._unsupported(f"collection {collection!r}")
        if ref != self._node:
            raise errors.NotFound(f"There is no {ref}; keys belong to {self._node}.")
        keep = scan.keep(query.text)

        async def look(client: link.Client) -> wire.Page:
            found = await self._scanner.page(client, query, cursor, keep)
            rows = await keys.rows(client, self.name, found.names, self.now())
            size = (await client.ask(("DBSIZE",)))[0]
            total = size if isinstance(size, int) else None
            return wire.Page(
                at=self.now(),
                rows=tuple(map(self._acting.offer, sorted(rows, key=lambda row: row.name))),
                cursor=None if wait_s else found.cursor,
                looked=scan.looked(found, total),
            )

        return await self._hand.run(look)

    async def detail(self, ref: base.Ref) -> wire.Detail:
        kind, name = self._address(ref)
        if kind == "key":
            return await self._key(name, redact.ALL)
        wrote, (facts, _) = await asyncio.gather(
            self._looking.write(), self._hand.run(self._looking.look)
        )
        if wrote is canary.HANGS:
            wrote = canary.bad(faults.hangs(facts, wrote.why))
        at = self.now()
        node = info.node(self._node, facts, self._started(facts, at), wrote.ok, wrote.verdict)
        entity = node if kind == "node" else self._check_of(wrote)
        lacks = tuple(wire.Field(name=k, value=v) for k, v in self._looking.missing.items())
        section = wire.Section(id="lacks", title="What this login lacks", fields=lacks)
        parts = await self._hand.run(primaries.section)
        sections = (*info.sections(facts), *parts, *((section,) if lacks else ()))
        return wire.Detail(at=at, entity=entity, sections=sections)

    async def reveal(self, ref: base.Ref) -> wire.Detail:
        kind, name = self._address(ref)
        if kind != "key":
            raise self._unsupported(f"hidden part of {ref}")
        return await self._key(name, redact.NOTHING)

    async def _key(self, name: bytes, clean: redact.Redactor) -> wire.Detail:
        found = await self._hand.run(
            lambda client: value.detail(client, self.name, name, self.now(), clean)
        )
        assert isinstance(found.entity, model.Key)
        return found.model_copy(update={"entity": self._acting.offer(found.entity)})

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        """Keys by their refs, or of the node's `keys` by prefix and text, as SCAN finds them."""
        if action in wakings.ACTIONS and not selection.ref:
            async for planned in self._waking.plan(action, selection.refs):
                yield planned
            return
        self._deletes(action)
        if selection.ref and (selection.ref, selection.collection) != (self._node, "keys"):
            asked = f"There is no collection {selection.collection} of {selection.ref}"
            raise errors.NotFound(f"{asked}; keys belong to {self._node}.")
        async for part in self._acting.plan(selection, progress):
            yield part

    async def prepare(
        self, action: base.ActionId, chunk: Sequence[plans.Target], by: plans.By
    ) -> Mapping[base.Ref, plans.Args]:
        if action in wakings.ACTIONS:
            return {}
        self._deletes(action)
        return await self._acting.prepare(chunk, by)

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        if action in wakings.ACTIONS:
            return await self._waking.apply(action, chunk, by)
        self._deletes(action)
        return await self._acting.delete(chunk, by)

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        self._deletes(action)
        for part in await self._acting.plan_undo(done):
            yield part

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        self._deletes(action)
        return await self._acting.undelete(chunk)

    def _wakes(self) -> tuple[base.ActionId, ...]:
        """What lets the server go on; a login that may change no key may hardly do that."""
        return wakings.ACTIONS if acting.DELETE in self._acting.actions else ()

    def _deletes(self, action: base.ActionId) -> None:
        if action != acting.DELETE:
            raise self._unsupported(f"action {action!r}")

    def _check_of(self, wrote: canary.Canary) -> backend.Check:
        return backend.Check(
            ref=self._check,
            name="canary",
            target=canary.KEY,
            says="written and read back" if wrote.ok else "",
            verdict=wrote.verdict,
        )

    def _started(self, facts: info.Info, at: datetime) -> datetime | None:
        """Reckoned once a run: INFO rounds the uptime, so every sample would reckon another."""
        run_id = facts.get("run_id", "")
        if run_id != self._run[0]:
            self._run = (run_id, info.started(facts, at))
        return self._run[1]

    def _address(self, asked: base.Ref) -> tuple[str, bytes]:
        if asked in (self._node, self._check):
            return ("node" if asked == self._node else "check"), b""
        try:
            address = ref.parse(asked)
        except ValueError:
            address = None
        if address and address[:2] == (self.name, "key") and len(address.ids) == 1:
            return "key", address.ids[0]
        raise errors.NotFound(f"There is no {asked} (any more).")
