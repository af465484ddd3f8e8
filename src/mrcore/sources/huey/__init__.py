"""huey through its journal: queues, workers, schedules, jobs of every state, and what moves them.

Reads are plain commands (SMEMBERS, HGETALL, LLEN, ZCARD, ZRANGE, HMGET …: `+@read` is enough), one
round trip for all queues. A queue without journal shows what huey itself keeps: waiting and
delayed. Nothing is unpickled but by `mrcore.journal.reader`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from pydantic import Field

from mrcore import adapters, redact
from mrcore.journal import keys
from mrcore.model import base, plans, wire
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.engine import grouping as engine_grouping
from mrcore.sources.engine import source
from mrcore.sources.huey import (
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


class Huey(source.Source[discover.Place]):
    """huey of one Redis database."""

    actions = offers.ALL

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
        failures = grouping.Failures(root, known, self._who)
        self._groups = engine_grouping.Groups(name, self._hand, failures, now)
        self._runner = runner = running.Runner(name, root, self._found, self._who, now)
        looker = looking.Looker(self._hand, runner, self._jobs, known)
        self._acts = families.build(
            self._hand, runner, looker, lambda of: self._look.in_rates.get(of), unit
        )

    def _seek(self) -> Coroutine[Any, Any, None]:
        return discover.seek(self._hand, self._found)

    def _capabilities(self) -> tuple[str, ...]:
        return (*self._found.capabilities(), *self._who.lacking(), *self._tail.sentence())

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

    async def _place(self, client: link.Client, name: str) -> discover.Place | None:
        return await discover.place(client, self._look.root, self._found, name)

    async def _page(
        self, client: link.Client, place: discover.Place, query: plans.Query, cursor: str | None
    ) -> wire.Page:
        return await self._jobs.page(client, place, query, cursor, self.now())

    async def _found_page(
        self, client: link.Client, place: discover.Place, query: plans.Query, cursor: str | None
    ) -> wire.Page:
        return await searching.found(client, self._jobs, place, query, cursor, self.now())

    async def _name_of(self, of: base.Ref) -> str:
        name, job_id = running.job(self.name, of)
        read = await self._hand.run(
            lambda client: self._jobs.read(client, name, [job_id], payload=False)
        )
        return read[job_id][0].name if job_id in read else ""

    async def _whole(
        self, client: link.Client, of: base.Ref, clean: redact.Redactor
    ) -> wire.Detail:
        return await detail.detail(client, self._look, self._jobs, of, self.now(), clean)

    async def prepare(
        self, action: base.ActionId, chunk: Sequence[plans.Target], by: plans.By
    ) -> Mapping[base.Ref, plans.Args]:
        if action not in (offers.REMOVE, offers.CLEAN, offers.DRAIN):
            return {}
        return {target.ref: moving.removal(target, by) for target in chunk}

    async def _fared(self, chunk: Sequence[plans.Target]) -> Sequence[plans.Fared]:
        return await self._hand.run(lambda client: faring.fared(client, self._runner, chunk))
