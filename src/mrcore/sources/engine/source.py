"""The source of a queue engine: what is asked of it, and who of the engine answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from typing import Any, Generic, Self, TypeVar

from mrcore import errors, match, redact
from mrcore.model import base, plans, wire
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.engine import (
    acts,
    detail,
    grouping,
    lateness,
    naming,
    rights,
    searching,
    walking,
)
from mrcore.sources.redis import link

KINDS = ("queue", "worker", "schedule", "job", "group")
COLLECTIONS = ("jobs", "groups", "found", "like")
P = TypeVar("P")


class Source(source_base.SourceBase, Generic[P]):
    """Two kept connections: `eye` samples, `hand` reads pages and details, and acts.

    `P` is what an engine calls a queue. What begins with `_` and raises NotImplementedError is the
    engine's.
    """

    actions: tuple[base.ActionId, ...]
    """All actions of the engine."""

    watched: tuple[base.ActionId, ...] = ("queue.retry",)
    """The actions whose canary can be watched."""

    _eye: kept.Kept[link.Client]
    _hand: kept.Kept[link.Client]
    _who: rights.Rights
    _groups: grouping.Groups[P]
    _acts: Mapping[base.ActionId, acts.Act]
    _seeker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._eye.start()
        self._hand.start()
        if (seek := self._seek()) is not None:
            self._seeker = asyncio.create_task(seek)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._seeker is not None:
            self._seeker.cancel()
        await kept.stop(self._eye, self._hand)
        if self._seeker is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._seeker

    def _seek(self) -> Coroutine[Any, Any, None] | None:
        """What looks for queues in the background, for an engine that does not list them."""
        return None

    def describe(self) -> wire.Description:
        return wire.Description(
            kinds=KINDS,
            collections=COLLECTIONS,
            actions=self._who.offered(self.actions),
            capabilities=self._capabilities(),
        )

    def _capabilities(self) -> tuple[str, ...]:
        raise NotImplementedError

    async def sample(self) -> wire.Sample:
        return await self._eye.run(self._sample)

    async def _sample(self, client: link.Client) -> wire.Sample:
        raise NotImplementedError

    async def page(
        self, ref: base.Ref, collection: str, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        """Rows of a queue: jobs leave as they come, so with `wait_s` only of groups a cursor leads
        on."""
        if collection not in COLLECTIONS:
            raise self._unsupported(f"collection {collection!r}")
        if collection == "like":
            return await self._like(ref, query, cursor)
        place = await self._owner(ref)
        if collection == "groups":
            return await self._groups.page(place, query, cursor, wait_s)
        ask = self._found_page if collection == "found" else self._page
        page = await self._hand.run(lambda client: ask(client, place, query, cursor))
        return page.model_copy(update={"cursor": None}) if wait_s else page

    async def _owner(self, owner: base.Ref) -> P:
        """The queue that a ref is of. Raises NotFound."""
        found = naming.ids(self.name, owner, "queue", 1)
        place = None if found is None else await self._named(found[0])
        if place is None:
            raise errors.NotFound(f"There is no {owner}; jobs belong to {self.name}/queue/NAME.")
        return place

    async def _named(self, name: str) -> P | None:
        return await self._hand.run(lambda client: self._place(client, name))

    async def _place(self, client: link.Client, name: str) -> P | None:
        """The queue of that name, if it is there and wanted."""
        raise NotImplementedError

    async def _page(
        self, client: link.Client, place: P, query: plans.Query, cursor: str | None
    ) -> wire.Page:
        """Jobs, state after state."""
        raise NotImplementedError

    async def _found_page(
        self, client: link.Client, place: P, query: plans.Query, cursor: str | None
    ) -> wire.Page:
        """Hits of a search over all states."""
        raise NotImplementedError

    async def _like(self, of: base.Ref, query: plans.Query, cursor: str | None) -> wire.Page:
        """The newest succeeded jobs like this one, on one page."""
        match.of(query.text)
        if cursor is not None:
            raise walking.nowhere(cursor)
        name, _ = naming.job(self.name, of)
        place = await self._named(name)
        job = "" if place is None else await self._name_of(of)
        if place is None or not job:
            raise errors.NotFound(f"There is no {of} (any more), so nothing is like it.")
        return await self._hand.run(
            lambda client: searching.like(
                lambda named, after: self._page(client, place, named, after), job, query
            )
        )

    async def _name_of(self, of: base.Ref) -> str:
        """The name of a job, '' where there is none."""
        raise NotImplementedError

    async def detail(self, ref: base.Ref) -> wire.Detail:
        return await self._detail(ref, redact.ALL)

    async def reveal(self, ref: base.Ref) -> wire.Detail:
        return await self._detail(ref, redact.NOTHING)

    async def _detail(self, of: base.Ref, clean: redact.Redactor) -> wire.Detail:
        if (ids := naming.ids(self.name, of, "group", 2)) is not None:
            return await self._group(of, *ids)
        return await self._hand.run(lambda client: self._whole(client, of, clean))

    async def _whole(
        self, client: link.Client, of: base.Ref, clean: redact.Redactor
    ) -> wire.Detail:
        """A job, queue, worker or schedule; `clean` is what is done to a job's texts."""
        raise NotImplementedError

    async def _group(self, of: base.Ref, name: str, known: str) -> wire.Detail:
        place = await self._named(name)
        row = None if place is None else await self._groups.group(place, known)
        if row is None:
            raise errors.NotFound(f"There is no {of} (any more) among the newest failures.")
        return detail.of_group(self.name, row, self.now())

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
        return await lateness.apply(self._act(action), action, chunk, args, by, self.now)

    async def fared(
        self, action: base.ActionId, chunk: Sequence[plans.Target]
    ) -> Sequence[plans.Fared]:
        if action not in self.watched:
            raise self._unsupported(f"watch over {action!r}")
        return await self._fared(chunk)

    async def _fared(self, chunk: Sequence[plans.Target]) -> Sequence[plans.Fared]:
        raise NotImplementedError

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
