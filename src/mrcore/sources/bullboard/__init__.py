"""An existing Bull Board over HTTP, versions 5 to 9: what it shows, and what it can be asked to do.

The board says no version: what it can do is told by the shape of its queues. Payloads are as it
shows them, which its backend may have formatted. It has no compare-and-set: each act looks first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Self

from mrcore import redact
from mrcore.model import base, plans, wire
from mrcore.queues import following
from mrcore.sources import base as source_base
from mrcore.sources.bullboard import (
    capturing,
    copying,
    detail,
    emptying,
    faring,
    jobs,
    link,
    look,
    moving,
    offers,
    queueing,
    rows,
    scheduling,
    seeing,
    shape,
)
from mrcore.sources.engine import acts as engine_acts
from mrcore.sources.engine import lateness

Settings = link.Settings


def open_source(name: str, settings: Settings, *, now: source_base.Now) -> source_base.Source:
    """The source for one board. Raises SettingsError for certificates that cannot be used."""
    return BullBoard(name, settings, now=now)


class BullBoard(source_base.SourceBase):
    """One HTTP client: polls one overview at a time, and at most 8 others."""

    def __init__(self, name: str, settings: Settings, *, now: source_base.Now) -> None:
        super().__init__(name, now=now)
        maker = rows.Maker(name, settings.age_limits)
        self._board = link.Link(settings)
        self._look = look.Look(self._board, maker)
        self._jobs = jobs.Jobs(self._board, maker, now)
        self._tail = capturing.Tail(self._jobs)
        self._seer = seeing.Seer(self._board, self._look, self._jobs)
        self._details = detail.Details(self._board, self._look, self._seer, self._jobs)
        adder = copying.Adder(self._seer, now)
        mover = moving.Moving(self._seer, now)
        emptier = emptying.Emptying(self._seer, mover)
        families: Mapping[tuple[base.ActionId, ...], engine_acts.Act] = {
            moving.ACTIONS: mover,
            copying.ACTIONS: copying.Copying(self._seer, adder, now),
            queueing.ACTIONS: queueing.Queueing(self._seer, self._look, emptier),
            scheduling.ACTIONS: scheduling.Scheduling(self._look, adder),
        }
        self._acts = {action: act for ids, act in families.items() for action in ids}

    async def __aenter__(self) -> Self:
        self._board.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._tail.stop()
        await self._look.stop()
        await self._board.stop()

    def describe(self) -> wire.Description:
        apps = self._look.apps
        told = sorted({shape.words(app) for app in apps.values()})
        return wire.Description(
            kinds=("queue", "worker", "schedule", "job", "group"),
            collections=("jobs", "groups", "found", "like"),
            actions=offers.of_board(apps.values()),
            capabilities=(
                *told,
                *((self._look.refused,) if self._look.refused else ()),
                *((self._jobs.shallow,) if self._jobs.shallow else ()),
                *self._tail.sentences(),
            ),
        )

    async def sample(self) -> wire.Sample:
        sample = await self._look.sample(self.now())
        return self._tail.add(sample, self._look.apps, self.now())

    async def page(
        self, ref: base.Ref, collection: str, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        """Jobs of a queue; they leave as they come, so with `wait_s` no cursor leads on."""
        if collection not in self.describe().collections:
            raise self._unsupported(f"collection {collection!r}")
        if collection == "like":
            found = await self._seer.one(ref)
            if found.app is None or found.row is None:
                raise look.gone(ref)
            return await self._jobs.like(found.app, found.row, query, cursor, self.now())
        owner = await self._seer.owner(ref)
        if collection == "groups":
            return await self._groups(ref, owner, query, cursor, wait_s)
        page = await self._jobs.page(owner, collection, query, cursor, self.now())
        follows = wait_s and collection == "jobs"
        return page.model_copy(update={"cursor": None}) if follows else page

    async def _groups(
        self,
        of: base.Ref,
        owner: shape.App,
        query: plans.Query,
        cursor: str | None,
        wait_s: float,
    ) -> wire.Page:
        if not wait_s:
            return await self._jobs.grouped(owner, query, cursor, self.now(), 0.0)

        async def look(at: str | None, long_s: float) -> wire.Page:
            now = await self._seer.owner(of)
            return await self._jobs.grouped(now, query, at, self.now(), long_s)

        return await following.page(look, cursor, wait_s, again_s=jobs.AGAIN_S)

    async def detail(self, ref: base.Ref) -> wire.Detail:
        return await self._details.detail(ref, self.now())

    async def reveal(self, ref: base.Ref) -> wire.Detail:
        return await self._details.detail(ref, self.now(), redact.NOTHING)

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
        if action not in (offers.RETRY, offers.EDIT):
            raise self._unsupported(f"watch over {action!r}")
        return await faring.fared(self._seer, chunk)

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        async for part in self._act(action).plan_undo(action, done):
            yield part

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        return await self._act(action).undo(action, chunk, by)

    def _act(self, action: base.ActionId) -> engine_acts.Act:
        if action not in self._acts:
            raise self._unsupported(f"action {action!r}")
        return self._acts[action]
