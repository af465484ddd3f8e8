"""RQ: queues, workers, schedules, jobs of every state, and what moves them.

Reads are plain commands (SMEMBERS, HGETALL, HMGET, LLEN, ZCARD, ZRANGE, XREVRANGE …: `+@read` is
enough), one round trip for all queues, and nothing is cleaned up by looking, as RQ's own registries
do. No pickle is loaded: the journal's restricted reader reads them. RQ's layout is that of 2.12.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from pydantic import Field

from mrcore import redact
from mrcore.model import base, plans, queue, wire
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.engine import acts, declared, searching, source
from mrcore.sources.engine import grouping as engine_grouping
from mrcore.sources.redis import link
from mrcore.sources.rq import (
    asking,
    capturing,
    detail,
    emptying,
    grouping,
    jobs,
    keys,
    look,
    looking,
    moving,
    offers,
    pausing,
    registering,
    rights,
    rows,
    running,
    scheduling,
    vanishing,
)

ONE_PAUSE = "queue.pause holds all queues: RQ knows only one pause"


class Settings(link.Settings):
    """Where RQ's Redis is, and which of its queues to show."""

    kind: str = "rq"
    queues: tuple[str, ...] = Field(default=(), description="only these queues; empty: all")
    schedules: dict[str, declared.Schedule] = Field(
        default={}, max_length=300, description="how schedules shall be, by cron name or job id"
    )
    age_limits: dict[str, float] = Field(
        default={}, description="seconds by job name after which it is not run again: {sendOtp=300}"
    )


def open_source(name: str, settings: Settings, *, now: source_base.Now) -> source_base.Source:
    """The source for one Redis database."""
    return Rq(name, settings, now=now)


class Rq(source.Source[str]):
    """RQ of one Redis database; a queue is its name."""

    actions = offers.ALL

    def __init__(self, name: str, settings: Settings, *, now: source_base.Now) -> None:
        super().__init__(name, now=now)
        gate = asyncio.Lock()
        self._eye = kept.Kept(link.Link(settings.url, alone="RQ"), gate)
        self._hand = kept.Kept(link.Link(settings.url, alone="RQ"), gate)
        self._who = rights.Rights(link.login(settings.url))
        self._only = frozenset(settings.queues)
        self._look = look.Look(name, settings.queues, self._who, settings.schedules)
        self._jobs = jobs.Jobs(rows.Maker(name, self._who, settings.age_limits))
        self.tail = capturing.Tail(name, self._hand)
        opener = link.Link(settings.url, alone="RQ")
        self.vanishing = vanishing.Vanishing(name, opener, gate, self._hand, self._only, now)
        failures = grouping.Failures(self._who)
        self._groups = engine_grouping.Groups(name, self._hand, failures, now)
        runner = running.Runner(name, self._who, now)
        looker = looking.Looker(self._hand, name, self._jobs)
        self._moving = moving.Moving(self._hand, runner, looker, settings.age_limits)
        pauses = pausing.Pausing(
            self._hand, runner, lambda of: self._look.in_rates.get(of), lambda: self._look.served
        )
        families: dict[tuple[base.ActionId, ...], acts.Act] = {
            moving.ACTIONS: self._moving,
            pausing.ACTIONS: pauses,
            emptying.ACTIONS: emptying.Emptying(runner, looker, self._moving, self._is_there),
            scheduling.ACTIONS: scheduling.Scheduling(self._hand, runner, looker),
            registering.ACTIONS: registering.Registering(self._hand, runner, settings.schedules),
        }
        self._acts = acts.table(families)

    def _seek(self) -> Coroutine[Any, Any, None]:
        return self._follow()

    async def _follow(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.tail.follow())
            group.create_task(self.vanishing.follow())

    def _capabilities(self) -> tuple[str, ...]:
        told = (*self.tail.sentence(), *self.vanishing.sentence())
        return (ONE_PAUSE, *self._who.lacking(), *told)

    async def _sample(self, client: link.Client) -> wire.Sample:
        await self._who.ask(client, self.now())
        sample = await self._look.sample(client, self.now())
        names = [e.name for e in sample.entities if isinstance(e, queue.Queue)]
        gone, lost = self.vanishing.take()
        captured = (*self.tail.take(names), *gone)
        return sample.model_copy(update={"captured": captured, "uncaptured": lost})

    async def _place(self, client: link.Client, name: str) -> str | None:
        if self._only and name not in self._only:
            return None
        (there,) = await asking.ask(client, ("SISMEMBER", keys.QUEUES, f"{keys.QUEUE}{name}"))
        return name if there or name in self._look.served else None

    async def _is_there(self, name: str) -> bool:
        return await self._named(name) is not None

    async def _page(
        self, client: link.Client, place: str, query: plans.Query, cursor: str | None
    ) -> wire.Page:
        return await self._jobs.page(client, place, query, cursor, self.now())

    async def _found_page(
        self, client: link.Client, place: str, query: plans.Query, cursor: str | None
    ) -> wire.Page:
        most = searching.LOOKED
        return await self._jobs.page(client, place, query, cursor, self.now(), most)

    async def _name_of(self, of: base.Ref) -> str:
        (seen,) = await self._hand.run(lambda client: looking.refs(client, self.name, [of]))
        return seen.name if seen.state else ""

    async def _whole(
        self, client: link.Client, of: base.Ref, clean: redact.Redactor
    ) -> wire.Detail:
        return await detail.detail(client, self._look, self._jobs, of, self.now(), clean)

    async def prepare(
        self, action: base.ActionId, chunk: Sequence[plans.Target], by: plans.By
    ) -> Mapping[base.Ref, plans.Args]:
        if action not in (offers.REMOVE, *emptying.ACTIONS):
            return {}
        return {target.ref: moving.removal(target, by) for target in chunk}

    async def _fared(self, chunk: Sequence[plans.Target]) -> Sequence[plans.Fared]:
        return await self._moving.fared(chunk)
