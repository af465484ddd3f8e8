"""huey through its journal: queues, workers, schedules, jobs of every state, and what moves them.

Reads are plain commands (SMEMBERS, HGETALL, LLEN, ZCARD, ZRANGE, HMGET …: `+@read` is enough), one
round trip for all queues. A queue without journal shows what huey itself keeps: waiting and
delayed. Nothing is unpickled but by `mrcore.journal.reader`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Self

from pydantic import Field

from mrcore import adapters, errors, redact
from mrcore.journal import keys
from mrcore.model import base, plans, ref, wire
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.huey import (
    acts,
    detail,
    discover,
    jobs,
    look,
    looking,
    moving,
    offers,
    pausing,
    restarting,
    rights,
    rows,
    running,
    scheduling,
)
from mrcore.sources.redis import link


class Settings(link.Settings):
    """Where huey's Redis is, and which of its queues to show."""

    kind: str = "huey"
    queues: tuple[str, ...] = Field(default=(), description="only these queues; empty: all found")
    prefix: str = Field(default=keys.PREFIX, description="what the journal's keys begin with")
    restart: dict[str, Any] = Field(
        default={}, description='the unit that runs the workers: {adapter = "systemd", …}'
    )


def open_source(name: str, settings: Settings, *, now: source_base.Now) -> source_base.Source:
    """The source for one Redis database."""
    return Huey(name, settings, now=now)


class Huey(source_base.SourceBase):
    """Two kept connections: `eye` samples, `hand` reads pages and details, and acts."""

    def __init__(self, name: str, settings: Settings, *, now: source_base.Now) -> None:
        super().__init__(name, now=now)
        gate = asyncio.Lock()
        self._eye = kept.Kept(link.Link(settings.url), gate)
        self._hand = kept.Kept(link.Link(settings.url), gate)
        root = keys.Root(settings.prefix)
        self._found = discover.Found(settings.queues)
        self._who = rights.Rights(root, link.login(settings.url))
        unit = adapters.build(settings.restart, where="restart") if settings.restart else None
        self._look = look.Look(name, root, self._found, self._who, restartable=unit is not None)
        self._jobs = jobs.Jobs(rows.Maker(name, self._who, now), root, self._found)
        runner = running.Runner(name, root, self._found, self._who, now)
        looker = looking.Looker(self._hand, runner, self._jobs)
        families: dict[tuple[base.ActionId, ...], acts.Act] = {
            moving.ACTIONS: moving.Moving(self._hand, runner, looker),
            pausing.ACTIONS: pausing.Pausing(
                self._hand, runner, lambda of: self._look.in_rates.get(of)
            ),
            scheduling.ACTIONS: scheduling.Scheduling(self._hand, runner, looker),
            restarting.ACTIONS: restarting.Restarting(self._hand, runner, unit),
        }
        self._acts = {action: act for ids, act in families.items() for action in ids}
        self._seeker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._eye.start()
        self._hand.start()
        self._seeker = asyncio.create_task(discover.seek(self._hand, self._found))
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._seeker is not None:
            self._seeker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._seeker
        await self._eye.stop()
        await self._hand.stop()

    def describe(self) -> wire.Description:
        return wire.Description(
            kinds=("queue", "worker", "schedule", "job"),
            collections=("jobs",),
            actions=self._who.offered(offers.ALL),
            capabilities=(*self._found.capabilities(), *self._who.sentence()),
        )

    async def sample(self) -> wire.Sample:
        return await self._eye.run(self._sample)

    async def _sample(self, client: link.Client) -> wire.Sample:
        await self._who.ask(client, self.now())
        return await self._look.sample(client, self.now())

    async def page(
        self, ref: base.Ref, collection: str, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        """Jobs of a queue; they leave as they come, so with `wait_s` no cursor leads on."""
        if collection != "jobs":
            raise self._unsupported(f"collection {collection!r}")
        place = await self._place(ref)
        page = await self._hand.run(
            lambda client: self._jobs.page(client, place, query, cursor, self.now())
        )
        return page.model_copy(update={"cursor": None}) if wait_s else page

    async def detail(self, ref: base.Ref) -> wire.Detail:
        return await self._hand.run(
            lambda client: detail.detail(client, self._look, self._jobs, ref, self.now())
        )

    async def reveal(self, ref: base.Ref) -> wire.Detail:
        return await self._hand.run(
            lambda client: detail.detail(
                client, self._look, self._jobs, ref, self.now(), redact.NOTHING
            )
        )

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        async for part in self._act(action).plan(action, selection, progress):
            yield part

    async def prepare(
        self, action: base.ActionId, chunk: Sequence[plans.Target], by: plans.By
    ) -> Mapping[base.Ref, plans.Args]:
        return {t.ref: moving.removal(t, by) for t in chunk} if action == offers.REMOVE else {}

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        return await self._act(action).apply(action, chunk, by)

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        async for part in self._act(action).plan_undo(action, done):
            yield part

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        return await self._act(action).undo(action, chunk, by)

    def _act(self, action: base.ActionId) -> acts.Act:
        if action not in self._acts:
            raise self._unsupported(f"action {action!r}")
        return self._acts[action]

    async def _place(self, owner: base.Ref) -> discover.Place:
        """The queue that a ref is of. Raises NotFound."""
        address = ref.parse(owner)
        if address.kind == "queue" and len(address.ids) == 1:
            with contextlib.suppress(UnicodeDecodeError):
                name = address.ids[0].decode()
                place = await self._hand.run(
                    lambda client: discover.place(client, self._look.root, self._found, name)
                )
                if place is not None:
                    return place
        raise errors.NotFound(f"There is no {owner}; jobs belong to {self.name}/queue/NAME.")
