"""huey through its journal: queues, workers, schedules, jobs of every state, retry of a failed one.

Reads are plain commands (SMEMBERS, HGETALL, LLEN, ZCARD, ZRANGE, HMGET …: `+@read` is enough), one
round trip for all queues. A queue without journal shows what huey itself keeps: waiting and
delayed. Nothing is unpickled but by `mrcore.journal.reader`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Sequence
from typing import Self

from pydantic import Field

from mrcore import errors
from mrcore.journal import keys
from mrcore.model import base, plans, queue, ref, wire
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.huey import detail, discover, jobs, look, retry, rows
from mrcore.sources.redis import link


class Settings(link.Settings):
    """Where huey's Redis is, and which of its queues to show."""

    kind: str = "huey"
    queues: tuple[str, ...] = Field(default=(), description="only these queues; empty: all found")
    prefix: str = Field(default=keys.PREFIX, description="what the journal's keys begin with")


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
        self._look = look.Look(name, root, self._found)
        self._jobs = jobs.Jobs(rows.Maker(name, now), root, self._found)
        self._retry = retry.Retry(name, root, self._found, now)
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
            actions=(retry.ACTION,),
            capabilities=self._found.capabilities(),
        )

    async def sample(self) -> wire.Sample:
        return await self._eye.run(lambda client: self._look.sample(client, self.now()))

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

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        if action != retry.ACTION:
            raise self._unsupported(f"action {action!r}")
        left_out = retry.LeftOuts()
        count = 0
        async for looked, total in self._looked(selection):
            count += len(looked)
            for target in left_out.sift(looked):
                yield target
            progress(count, total)
        for one in left_out.told():
            yield one

    async def _looked(
        self, selection: plans.Selection
    ) -> AsyncIterator[tuple[Sequence[retry.Looked], int | None]]:
        """What is selected, in portions of at most 300, and how many there are."""
        for start in range(0, len(selection.refs), 300):
            refs = selection.refs[start : start + 300]
            found = await self._hand.run(functools.partial(self._retry.look, refs=refs))
            yield found, len(selection.refs)
        if not selection.ref:
            return
        query = selection.query.model_copy(update={"limit": 300})
        cursor: str | None = None
        while True:
            page = await self.page(selection.ref, selection.collection, query, cursor, 0)
            rows_ = [row for row in page.rows if isinstance(row, queue.Job)]
            yield [(row.ref, retry.of_row(row)) for row in rows_], page.looked.total
            cursor = page.cursor
            if cursor is None:
                return

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        if action != retry.ACTION:
            raise self._unsupported(f"action {action!r}")
        return await self._hand.run(lambda client: self._retry.apply(client, chunk))

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
        raise errors.NotFound(f"There is no {owner}; jobs belong to a queue.")
