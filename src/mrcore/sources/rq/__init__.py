"""RQ: queues, workers, schedules, jobs of every state, and what moves them.

Reads are plain commands (SMEMBERS, HGETALL, HMGET, LLEN, ZCARD, ZRANGE, XREVRANGE …: `+@read` is
enough), one round trip for all queues, and nothing is cleaned up by looking, as RQ's own registries
do. Nothing is unpickled. RQ's layout is that of 2.12.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Self

from pydantic import Field

from mrcore import errors, match, redact
from mrcore.model import base, plans, queue, wire
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.engine import acts
from mrcore.sources.redis import link
from mrcore.sources.rq import (
    asking,
    capturing,
    detail,
    failures,
    jobs,
    keys,
    look,
    looking,
    moving,
    offers,
    pausing,
    rights,
    rows,
    running,
    scheduling,
    sweeping,
)

ONE_PAUSE = "queue.pause holds all queues: RQ knows only one pause"


class Settings(link.Settings):
    """Where RQ's Redis is, and which of its queues to show."""

    kind: str = "rq"
    queues: tuple[str, ...] = Field(default=(), description="only these queues; empty: all")
    age_limits: dict[str, float] = Field(
        default={}, description="seconds by job name after which it is not run again: {sendOtp=300}"
    )


def open_source(name: str, settings: Settings, *, now: source_base.Now) -> source_base.Source:
    """The source for one Redis database."""
    return Rq(name, settings, now=now)


class Rq(source_base.SourceBase):
    """Two kept connections: `eye` samples, `hand` reads pages and details, and acts."""

    def __init__(self, name: str, settings: Settings, *, now: source_base.Now) -> None:
        super().__init__(name, now=now)
        gate = asyncio.Lock()
        self._eye = kept.Kept(link.Link(settings.url), gate)
        self._hand = kept.Kept(link.Link(settings.url), gate)
        self._who = rights.Rights(link.login(settings.url))
        self._only = frozenset(settings.queues)
        self._look = look.Look(name, settings.queues, self._who)
        self._jobs = jobs.Jobs(rows.Maker(name, self._who, settings.age_limits))
        self._tail = capturing.Tail(name)
        self._failures = failures.Failures(name, self._who)
        runner = running.Runner(name, self._who, now)
        looker = looking.Looker(self._hand, name, self._jobs)
        self._moving = moving.Moving(self._hand, runner, looker, settings.age_limits)
        pauses = pausing.Pausing(
            self._hand, runner, lambda of: self._look.in_rates.get(of), lambda: self._look.served
        )
        families: dict[tuple[base.ActionId, ...], acts.Act] = {
            moving.ACTIONS: self._moving,
            pausing.ACTIONS: pauses,
            sweeping.ACTIONS: sweeping.Sweeping(self._hand, runner),
            scheduling.ACTIONS: scheduling.Scheduling(self._hand, runner, looker),
        }
        self._acts = acts.table(families)

    async def __aenter__(self) -> Self:
        self._eye.start()
        self._hand.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._eye.stop()
        await self._hand.stop()

    def describe(self) -> wire.Description:
        return wire.Description(
            kinds=("queue", "worker", "schedule", "job", "group"),
            collections=("jobs", "groups", "found", "like"),
            actions=self._who.offered(offers.ALL),
            capabilities=(ONE_PAUSE, *self._who.lacking(), *self._tail.sentence()),
        )

    async def sample(self) -> wire.Sample:
        return await self._eye.run(self._sample)

    async def _sample(self, client: link.Client) -> wire.Sample:
        await self._who.ask(client, self.now())
        sample = await self._look.sample(client, self.now())
        names = [e.name for e in sample.entities if isinstance(e, queue.Queue)]
        captured = await self._tail.read(client, names)
        return sample.model_copy(update={"captured": captured})

    async def page(
        self, ref: base.Ref, collection: str, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        """Rows of a queue; they leave as they come, so with `wait_s` no cursor of jobs leads on."""
        if collection not in ("jobs", "groups", "found", "like"):
            raise self._unsupported(f"collection {collection!r}")
        now = self.now()
        if collection == "like":
            return await self._like(ref, query, cursor)
        name = await self._queue(ref)
        if collection == "groups":
            return await self._hand.run(
                lambda client: self._failures.page(client, name, query, cursor, now, wait_s)
            )
        most = jobs.FOUND if collection == "found" else None
        page = await self._hand.run(
            lambda client: self._jobs.page(client, name, query, cursor, now, most)
        )
        return page.model_copy(update={"cursor": None}) if wait_s and not most else page

    async def _like(self, of: base.Ref, query: plans.Query, cursor: str | None) -> wire.Page:
        """Jobs of the same name that succeeded."""
        match.of(query.text)
        if cursor is not None:
            raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.")
        name, _ = running.job(self.name, of)
        (seen,) = await self._hand.run(lambda client: looking.refs(client, self.name, [of]))
        if not seen.state:
            raise errors.NotFound(f"There is no {of} (any more).")
        return await self._hand.run(
            lambda client: self._jobs.like(client, name, seen.name, query.limit, self.now())
        )

    async def detail(self, ref: base.Ref) -> wire.Detail:
        return await self._detail(ref, redact.ALL)

    async def reveal(self, ref: base.Ref) -> wire.Detail:
        return await self._detail(ref, redact.NOTHING)

    async def _detail(self, of: base.Ref, clean: redact.Redactor) -> wire.Detail:
        if (ids := running.ids(self.name, of, "group", 2)) is not None:
            return await self._group(of, *ids)
        return await self._hand.run(
            lambda client: detail.detail(client, self._look, self._jobs, of, self.now(), clean)
        )

    async def _group(self, of: base.Ref, name: str, fingerprint: str) -> wire.Detail:
        """A group as its collection shows it; its rows are the queue's jobs of that fingerprint."""
        query = plans.Query(fingerprint=fingerprint)
        page = await self._hand.run(
            lambda client: self._failures.page(client, name, query, None, self.now())
        )
        for row in page.rows:
            if row.ref == of:
                return detail.group(row, page.at)
        raise errors.NotFound(f"No failed job of {name} that was looked at is of {of} (any more).")

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
        return {t.ref: moving.removal(t, by) for t in chunk} if action == offers.REMOVE else {}

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        return await self._act(action).apply(action, chunk, args, by)

    async def fared(
        self, action: base.ActionId, chunk: Sequence[plans.Target]
    ) -> Sequence[plans.Fared]:
        return await self._moving.fared(action, chunk)

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

    async def _queue(self, owner: base.Ref) -> str:
        """The queue that a ref is of. Raises NotFound."""
        found = running.ids(self.name, owner, "queue", 1)
        if found is not None and (not self._only or found[0] in self._only):
            member = ("SISMEMBER", keys.QUEUES, f"{keys.QUEUE}{found[0]}")
            (there,) = await self._hand.run(lambda client: asking.ask(client, member))
            if there or found[0] in self._look.served:
                return found[0]
        raise errors.NotFound(f"There is no {owner}; jobs belong to a queue.")
