"""BullMQ: queues, workers, schedules and jobs of the layouts 3 to 6; what acts on them, of 6 only.

Reads are plain commands (LLEN, ZCARD, LRANGE, ZRANGE, HMGET …: `+@read` is enough; workers need
`+client|list`), two round trips for all queues. Writes are the scripts of the official Python
package, each with our guard in front of it on the server (`library`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Self

from pydantic import Field

from mrcore import errors, redact
from mrcore.model import base, plans, queue, ref, wire
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.bullmq import (
    capturing,
    detail,
    faring,
    grouping,
    jobs,
    look,
    looking,
    moving,
    offers,
    pausing,
    places,
    rights,
    rows,
    running,
    scheduling,
    searching,
    workers,
)
from mrcore.sources.engine import acts
from mrcore.sources.redis import link

FIRST_LOOK_S = 0.5
"""How long the first sample waits for queues to be found, where there are few keys."""


class Settings(link.Settings):
    """Where BullMQ's Redis is, and which of its queues to show."""

    kind: str = "bullmq"
    prefixes: tuple[str, ...] = Field(
        default=(places.PREFIX,), min_length=1, description="what its keys begin with, before the :"
    )
    queues: tuple[str, ...] = Field(
        default=(), description="only these queues (prefix:name, or name); empty: all found"
    )
    age_limits: dict[str, float] = Field(
        default={}, description="seconds after which a job is not run again, by job name"
    )


def open_source(name: str, settings: Settings, *, now: source_base.Now) -> source_base.Source:
    """The source for one Redis database."""
    return BullMQ(name, settings, now=now)


class BullMQ(source_base.SourceBase):
    """Two kept connections: `eye` samples, `hand` reads pages and details, and acts."""

    def __init__(self, name: str, settings: Settings, *, now: source_base.Now) -> None:
        super().__init__(name, now=now)
        gate = asyncio.Lock()
        self._eye = kept.Kept(link.Link(settings.url), gate)
        self._hand = kept.Kept(link.Link(settings.url), gate)
        self._found = places.Found(settings.prefixes, settings.queues)
        self._staff = workers.Staff()
        self._who = rights.Rights(settings.prefixes, link.login(settings.url))
        self._look = look.Look(name, self._found, self._staff, self._who)
        self._jobs = jobs.Jobs(rows.Maker(name, settings.prefixes, settings.age_limits))
        self._tail = capturing.Tail(name, self._found)
        self._groups = grouping.Groups(name, self._hand, now)
        self._runner = running.Runner(name, self._found, self._who, now)
        looker = looking.Looker(self._hand, self._runner, self._jobs)
        families: dict[tuple[base.ActionId, ...], acts.Act] = {
            moving.ACTIONS: moving.Moving(self._hand, self._runner, looker),
            pausing.ACTIONS: pausing.Pausing(self._hand, self._runner),
            scheduling.ACTIONS: scheduling.Scheduling(self._hand, self._runner),
        }
        self._acts = acts.table(families)
        self._seeker: asyncio.Task[None] | None = None
        self._waited = False

    async def __aenter__(self) -> Self:
        self._eye.start()
        self._hand.start()
        self._seeker = asyncio.create_task(places.seek(self._hand, self._found))
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._seeker is not None:
            self._seeker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._seeker
        await self._eye.stop()
        await self._hand.stop()

    def describe(self) -> wire.Description:
        unknown = () if self._staff.hands is not None else (workers.NEEDS,)
        if self._found.refused:
            unknown = (*unknown, f"only the queues of the settings: {self._found.refused}")
        return wire.Description(
            kinds=("queue", "worker", "schedule", "job", "group"),
            collections=("jobs", "groups", "found", "like"),
            actions=(*self._who.offered(offers.WRITES), offers.REVEAL),
            capabilities=(*self._who.lacking(), *unknown, *self._tail.sentence()),
        )

    async def sample(self) -> wire.Sample:
        if not self._waited and not self._found.looked.is_set():
            self._waited = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_LOOK_S):
                    await self._found.looked.wait()
        return await self._eye.run(self._sample)

    async def _sample(self, client: link.Client) -> wire.Sample:
        if self._found.refused and not self._found.places():
            raise errors.NotPermitted(
                f"Queues of BullMQ cannot be found: {self._found.refused}.",
                fix="Grant it, or name the queues in the settings.",
            )
        await self._who.ask(client, self.now())
        sample = await self._look.sample(client, self.now())
        captured = await self._tail.read(client, self.now())
        return sample.model_copy(update={"captured": captured})

    async def page(
        self, ref: base.Ref, collection: str, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        """Jobs leave as they come, so that with `wait_s` only of groups a cursor leads on."""
        if collection not in self.describe().collections:
            raise self._unsupported(f"collection {collection!r}")
        if collection == "like":
            return await self._like(ref, query, cursor)
        place, may = await self._place(ref)
        if collection == "groups":
            return await self._groups.page(place, query, cursor, wait_s, may)
        if collection == "found":
            return await self._hand.run(
                lambda client: searching.found(
                    client, self._jobs, place, query, cursor, self.now(), may
                )
            )
        page = await self._hand.run(
            lambda client: self._jobs.page(client, place, query, cursor, self.now(), may)
        )
        return page.model_copy(update={"cursor": None}) if wait_s else page

    async def _like(self, of: base.Ref, query: plans.Query, cursor: str | None) -> wire.Page:
        job = (await self.detail(of)).entity
        if not isinstance(job, queue.Job):
            raise errors.NotFound(f"{of} is no job: only a job is like others.")
        place, _ = await self._place(ref.make(self.name, "queue", job.queue))
        return await self._hand.run(
            lambda client: searching.like(
                client, self._jobs, place, job.name, query, cursor, self.now()
            )
        )

    async def detail(self, ref: base.Ref) -> wire.Detail:
        return await self._detail(ref, redact.ALL)

    async def reveal(self, ref: base.Ref) -> wire.Detail:
        return await self._detail(ref, redact.NOTHING)

    async def _detail(self, of: base.Ref, clean: redact.Redactor) -> wire.Detail:
        address = ref.parse(of)
        if address.kind == "group" and len(address.ids) == 2:
            return await self._group(of, address)
        may: tuple[base.ActionId, ...] = ()
        if address.kind == "job" and len(address.ids) == 2:
            owner = ref.make(self.name, "queue", address.ids[0])
            _, may = await self._place(owner)
        return await self._hand.run(
            lambda client: detail.detail(
                client, self._look, self._jobs, self._found, of, self.now(), may, clean
            )
        )

    async def _group(self, of: base.Ref, address: ref.Address) -> wire.Detail:
        place, may = await self._place(ref.make(self.name, "queue", address.ids[0]))
        group = await self._groups.group(place, address.id, may)
        if group is None:
            raise errors.NotFound(f"There is no {of} (any more): nothing fails like that.")
        links = tuple(
            wire.Link(label=label, ref=to)
            for label, to in (("newest", group.newest), ("oldest", group.oldest))
            if to
        )
        return wire.Detail(at=self.now(), entity=group, links=links)

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        async for part in self._act(action).plan(action, selection, args, progress):
            yield part

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        return await self._act(action).apply(action, chunk, args, by)

    async def fared(
        self, action: base.ActionId, chunk: Sequence[plans.Target]
    ) -> Sequence[plans.Fared]:
        if action not in (offers.RETRY, offers.EDIT):
            raise self._unsupported(f"watch over {action!r}")
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

    async def _place(self, owner: base.Ref) -> tuple[places.Place, tuple[base.ActionId, ...]]:
        """The queue that a ref is of, and what is offered for its jobs. Raises NotFound."""
        found = running.ids(self.name, owner, "queue", 1)
        if found is not None:
            place, why = await self._hand.run(lambda client: self._runner.place(client, found[0]))
            if place is not None:
                offered = (*(() if why else offers.OF_JOBS), offers.REVEAL)
                return place, self._who.offered(offered)
        raise errors.NotFound(f"There is no {owner}; jobs belong to a queue.")
