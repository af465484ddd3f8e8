"""huey through its journal: queues, workers, schedules, jobs of every state, and what moves them.

Reads are plain commands (SMEMBERS, HGETALL, LLEN, ZCARD, ZRANGE, HMGET …: `+@read` is enough), one
round trip for all queues. A queue without journal shows what huey itself keeps: waiting and
delayed. Nothing is unpickled but by `mrcore.journal.reader`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from pydantic import Field

from mrcore import adapters, errors, redact
from mrcore.journal import keys
from mrcore.model import base, plans, ref, wire
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.huey import (
    acts,
    capturing,
    detail,
    discover,
    families,
    faring,
    grouping,
    jobs,
    look,
    looking,
    moving,
    offers,
    prints,
    reading,
    rights,
    rows,
    running,
    searching,
)
from mrcore.sources.redis import link


class Settings(link.Settings):
    """Where huey's Redis is, and which of its queues to show."""

    kind: str = "huey"
    queues: tuple[str, ...] = Field(default=(), description="only these queues; empty: all found")
    prefix: str = Field(default=keys.PREFIX, description="what the journal's keys begin with")
    age_limits: dict[str, float] = Field(
        default={},
        description="seconds after which a job is not retried any more, by name: {sendOtp = 300}",
    )
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
        self._eye = kept.Kept(link.Link(settings.url, alone="huey"), gate)
        self._hand = kept.Kept(link.Link(settings.url, alone="huey"), gate)
        root = keys.Root(settings.prefix)
        self._found = discover.Found(settings.queues)
        self._who = rights.Rights(root, link.login(settings.url))
        unit = adapters.build(settings.restart, where="restart") if settings.restart else None
        self._look = look.Look(name, root, self._found, self._who, restartable=unit is not None)
        known = prints.Prints(root)
        maker = rows.Maker(name, self._who, now)
        self._jobs = jobs.Jobs(reading.Reader(maker, root, known, settings.age_limits))
        self._tail = capturing.Tail(name, root, self._found, known)
        self._groups = grouping.Groups(name, self._hand, root, known, self._who, now)
        self._runner = runner = running.Runner(name, root, self._found, self._who, now)
        looker = looking.Looker(self._hand, runner, self._jobs, known)
        self._acts = families.build(
            self._hand, runner, looker, lambda of: self._look.in_rates.get(of), unit
        )
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
            kinds=("queue", "worker", "schedule", "job", "group"),
            collections=("jobs", "groups", "found", "like"),
            actions=self._who.offered(offers.ALL),
            capabilities=(
                *self._found.capabilities(),
                *self._who.sentence(),
                *self._tail.sentence(),
            ),
        )

    async def sample(self) -> wire.Sample:
        return await self._eye.run(self._sample)

    async def _sample(self, client: link.Client) -> wire.Sample:
        await self._who.ask(client, self.now())
        sample = await self._look.sample(client, self.now())
        captured, unseen = await self._tail.read(client)
        return sample.model_copy(
            update={
                "captured": captured,
                "uncaptured": unseen,
                "counted": self._tail.counted,
            }
        )

    async def page(
        self, ref: base.Ref, collection: str, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        """Jobs of a queue; they leave as they come, so with `wait_s` no cursor leads on.

        Only groups are followed: the counts of those that there are.
        """
        match collection:
            case "groups":
                return await self._groups.page(await self._place(ref), query, cursor, wait_s)
            case "like":
                return await self._hand.run(lambda client: self._like(client, ref, query, cursor))
            case "jobs" | "found":
                place = await self._place(ref)
                ask = self._jobs.page if collection == "jobs" else self._search
                page = await self._hand.run(
                    lambda client: ask(client, place, query, cursor, self.now())
                )
                return page.model_copy(update={"cursor": None}) if wait_s else page
        raise self._unsupported(f"collection {collection!r}")

    async def _search(
        self,
        client: link.Client,
        place: discover.Place,
        query: plans.Query,
        cursor: str | None,
        now: datetime,
    ) -> wire.Page:
        return await searching.found(client, self._jobs, place, query, cursor, now)

    async def _like(
        self, client: link.Client, of: base.Ref, query: plans.Query, cursor: str | None
    ) -> wire.Page:
        """The newest succeeded jobs like this one, on one page."""
        name, job_id = running.job(self.name, of)
        place = await discover.place(client, self._look.root, self._found, name)
        read = await self._jobs.read(client, name, [job_id], payload=False)
        if place is None or job_id not in read:
            raise errors.NotFound(f"The journal has no {of}, so nothing is like it.")
        if cursor:
            raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.")
        return await searching.like(client, self._jobs, place, read[job_id][0], query, self.now())

    async def detail(self, ref: base.Ref) -> wire.Detail:
        if (of := running.ids(self.name, ref, "group", 2)) is not None:
            return await self._group(ref, *of)
        return await self._hand.run(
            lambda client: detail.detail(client, self._look, self._jobs, ref, self.now())
        )

    async def _group(self, of: base.Ref, name: str, known: str) -> wire.Detail:
        place = await self._hand.run(
            lambda client: discover.place(client, self._look.root, self._found, name)
        )
        row = None if place is None else await self._groups.group(place, known)
        if row is None:
            raise errors.NotFound(f"There is no {of} (any more) among the newest failures.")
        return detail.of_group(self.name, row, self.now())

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
        async for part in self._act(action).plan(action, selection, args, progress):
            yield part

    async def prepare(
        self, action: base.ActionId, chunk: Sequence[plans.Target], by: plans.By
    ) -> Mapping[base.Ref, plans.Args]:
        if action not in (offers.REMOVE, offers.CLEAN, offers.DRAIN):
            return {}
        return {target.ref: moving.removal(target, by) for target in chunk}

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        return await self._act(action).apply(action, chunk, args, by)

    async def fared(
        self, action: base.ActionId, chunk: Sequence[plans.Target]
    ) -> Sequence[plans.Fared]:
        if action != offers.RETRY:
            return await super().fared(action, chunk)
        return await self._hand.run(lambda client: faring.fared(client, self._runner, chunk))

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
