"""BullMQ: queues, workers, schedules and jobs of the layouts 3 to 6; what acts on them, of 6 only.

Reads are plain commands (LLEN, ZCARD, LRANGE, ZRANGE, HMGET …: `+@read` is enough; workers need
`+client|list`), two round trips for all queues. Writes are the scripts of the official Python
package, each with our guard in front of it on the server (`library`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any

from pydantic import Field

from mrcore import errors, redact
from mrcore.model import base, plans, queue, wire
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
    registering,
    rights,
    rows,
    running,
    scheduling,
    searching,
    workers,
)
from mrcore.sources.engine import acts, declared, source
from mrcore.sources.engine import grouping as engine_grouping
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
    unlisted: tuple[str, ...] = Field(
        default=(), description="queues that the application's board does not list: they are marked"
    )
    age_limits: dict[str, float] = Field(
        default={}, description="seconds after which a job is not run again, by job name"
    )
    schedules: dict[str, declared.Schedule] = Field(
        default={}, max_length=300, description="how schedules shall be, by their id"
    )


def open_source(name: str, settings: Settings, *, now: source_base.Now) -> source_base.Source:
    """The source for one Redis database."""
    return BullMQ(name, settings, now=now)


class BullMQ(source.Source[places.Owner]):
    """BullMQ of one Redis database."""

    actions = (*offers.WRITES, offers.REVEAL)
    watched = (offers.RETRY, offers.EDIT)

    def __init__(self, name: str, settings: Settings, *, now: source_base.Now) -> None:
        super().__init__(name, now=now)
        gate = asyncio.Lock()
        self._eye = kept.Kept(link.Link(settings.url), gate)
        self._hand = kept.Kept(link.Link(settings.url), gate)
        self._found = places.Found(settings.prefixes, settings.queues)
        self._staff = workers.Staff()
        self._who = rights.Rights(settings.prefixes, link.login(settings.url))
        self._tail = capturing.Tail(name, self._found)
        self._look = look.Look(
            name,
            self._found,
            self._staff,
            self._who,
            self._tail,
            should=settings.schedules,
            unlisted=frozenset(settings.unlisted),
        )
        self._jobs = jobs.Jobs(rows.Maker(name, settings.prefixes, settings.age_limits))
        self._groups = engine_grouping.Groups(name, self._hand, grouping.Failures(), now)
        self._runner = running.Runner(name, self._found, self._who, now)
        looker = looking.Looker(self._hand, self._runner, self._jobs)
        families: dict[tuple[base.ActionId, ...], acts.Act] = {
            moving.ACTIONS: moving.Moving(self._hand, self._runner, looker),
            pausing.ACTIONS: pausing.Pausing(self._hand, self._runner),
            scheduling.ACTIONS: scheduling.Scheduling(self._hand, self._runner),
            registering.ACTIONS: registering.Registering(
                self._hand, self._runner, settings.schedules
            ),
        }
        self._acts = acts.table(families)
        self._waited = False

    def _seek(self) -> Coroutine[Any, Any, None]:
        return places.seek(self._hand, self._found)

    def _capabilities(self) -> tuple[str, ...]:
        unknown = () if self._staff.hands is not None else (workers.NEEDS,)
        if self._found.refused:
            unknown = (*unknown, f"only the queues of the settings: {self._found.refused}")
        return (*self._who.lacking(), *unknown, *self._tail.sentence())

    async def sample(self) -> wire.Sample:
        if not self._waited and not self._found.looked.is_set():
            self._waited = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_LOOK_S):
                    await self._found.looked.wait()
        return await super().sample()

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

    async def _place(self, client: link.Client, name: str) -> places.Owner | None:
        place, why = await self._runner.place(client, name)
        if place is None:
            return None
        offered = (*(() if why else offers.OF_JOBS), offers.REVEAL)
        return places.Owner(place, self._who.offered(offered))

    async def _page(
        self, client: link.Client, place: places.Owner, query: plans.Query, cursor: str | None
    ) -> wire.Page:
        return await self._jobs.page(client, place.at, query, cursor, self.now(), place.may)

    async def _found_page(
        self, client: link.Client, place: places.Owner, query: plans.Query, cursor: str | None
    ) -> wire.Page:
        return await searching.found(
            client, self._jobs, place.at, query, cursor, self.now(), place.may
        )

    async def _name_of(self, of: base.Ref) -> str:
        job = (await self.detail(of)).entity
        return job.name if isinstance(job, queue.Job) else ""

    async def _whole(
        self, client: link.Client, of: base.Ref, clean: redact.Redactor
    ) -> wire.Detail:
        found = running.ids(self.name, of, "job", 2)
        owner = await self._place(client, found[0]) if found else None
        may = owner.may if owner else ()
        return await detail.detail(
            client, self._look, self._jobs, self._found, of, self.now(), may, clean
        )

    async def _fared(self, chunk: Sequence[plans.Target]) -> Sequence[plans.Fared]:
        return await self._hand.run(lambda client: faring.fared(client, self._runner, chunk))
