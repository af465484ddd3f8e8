"""Mr. Mentor by its own admin routes: slots counted, listed, cleaned; orders settled; trails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Self

from mrcore import errors
from mrcore.model import base, plans, ref, slot, wire
from mrcore.sources import base as source_base
from mrcore.sources.slots import acts, link, listing, look, money, rows, trails

Settings = link.Settings


def open_source(name: str, settings: Settings, *, now: source_base.Now) -> source_base.Source:
    """The source for one backend."""
    return Slots(name, settings, now=now)


class Slots(source_base.SourceBase):
    """One HTTP client of the backend, as an admin there."""

    def __init__(self, name: str, settings: Settings, *, now: source_base.Now) -> None:
        super().__init__(name, now=now)
        self._backend = link.Link(settings)
        self._look = look.Look(name, self._backend)
        self._listing = listing.Listing(name, self._look)
        self._trails = trails.Trails(name, self._backend)
        self._acts = acts.Acts(name, self._backend, self._look)
        self._money = money.Money(name, self._backend)
        self._all = ref.make(name, "slots", "all")
        self._kinds = {
            "slots": self._of_all,
            "mentor": self._of_mentor,
            "slot": self._of_slot,
            "order": self._of_order,
            "trail": self._of_trail,
        }

    async def __aenter__(self) -> Self:
        self._backend.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._backend.stop()

    def describe(self) -> wire.Description:
        return wire.Description(
            kinds=tuple(self._kinds),
            collections=("slots", "trails"),
            actions=(*acts.ACTIONS, money.ACTION, rows.REVEAL),
        )

    async def sample(self) -> wire.Sample:
        sample, orders = await asyncio.gather(self._look.sample(self.now()), self._money.orders())
        return sample.model_copy(update={"entities": (*sample.entities, *orders)})

    async def page(
        self, ref: base.Ref, collection: str, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        """Rows as they are now: with `wait_s` no cursor leads on, since no route waits."""
        if collection == "trails" and ref == self._all:
            page = await self._trails.page(query, cursor, self.now())
        elif collection == "slots" and (ref == self._all or _kind(ref) == "mentor"):
            page = await self._listing.page(ref, query, cursor, self.now())
        else:
            raise self._unsupported(f"collection {collection!r} of {ref}")
        return page.model_copy(update={"cursor": None}) if wait_s else page

    async def detail(self, ref: base.Ref) -> wire.Detail:
        kind = _kind(ref)
        if kind not in self._kinds:
            raise self._unsupported(f"detail of {ref}")
        return await self._kinds[kind](ref)

    async def reveal(self, ref: base.Ref) -> wire.Detail:
        if _kind(ref) != "trail":
            raise self._unsupported(f"hidden part of {ref}")
        return await self._trails.detail(ref, self.now(), shown=True)

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        if action not in (*acts.ACTIONS, money.ACTION):
            raise self._unsupported(f"action {action!r}")
        if action == money.ACTION:
            parts = self._money.plan(selection, progress)
        else:
            parts = self._acts.plan(action, selection, progress)
        async for part in parts:
            yield part

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        if action == money.ACTION:
            return await self._money.apply(chunk, by)
        if action not in acts.ACTIONS:
            raise self._unsupported(f"action {action!r}")
        return await self._acts.apply(action, chunk, by)

    async def _of_all(self, of: base.Ref) -> wire.Detail:
        if of != self._all:
            raise errors.NotFound(f"There is no {of}.")
        sample = await self._look.sample(self.now())
        found, *mentors = sample.entities
        assert isinstance(found, slot.Slots)
        links = [wire.Link(label=str(getattr(m, "name", "")), ref=m.ref) for m in mentors]
        return wire.Detail(
            at=sample.at, entity=found, sections=(_counts(found.counts),), links=tuple(links)
        )

    async def _of_mentor(self, of: base.Ref) -> wire.Detail:
        whom = listing.mentor_of(of)
        listed = await self._look.listed("all")
        name = next((row.name for row in listed if row.mentor_id == whom), str(whom))
        found = await self._look.mentor(whom, name)
        if found.ref != of:
            raise errors.NotFound(f"There is no {of}.")
        return wire.Detail(at=self.now(), entity=found, sections=(_counts(found.counts),))

    async def _of_slot(self, of: base.Ref) -> wire.Detail:
        row = await self._listing.find(listing.mentor_of(of))
        found = rows.one(self.name, row)
        if found.ref != of:
            raise errors.NotFound(f"There is no {of}.")
        whose = ref.make(self.name, "mentor", str(row.mentor_id))
        fields = (
            wire.Field(name="mentor", value=found.mentor, ref=whose),
            wire.Field(name="begins", value=found.starts_at.isoformat()),
            wire.Field(name="ends", value=found.ends_at.isoformat()),
            wire.Field(name="booked by", value=found.booked_by or "nobody"),
        )
        part = wire.Section(id="slot", title="Slot", fields=fields)
        return wire.Detail(at=self.now(), entity=found, sections=(part,))

    async def _of_order(self, of: base.Ref) -> wire.Detail:
        found = next((each for each in await self._money.orders() if each.ref == of), None)
        if found is None:
            raise errors.NotFound(f"There is no {of} that is not settled.")
        fields = (
            wire.Field(name="amount", value=money.money(found.amount_paise)),
            wire.Field(name="ordered", value=found.created_at.isoformat()),
            wire.Field(name="state", value=found.state),
            wire.Field(name="payment", value=found.payment_id or "none was told of"),
            wire.Field(name="granted", value=found.granted),
            wire.Field(name="invoiced", value=found.invoiced),
        )
        part = wire.Section(id="order", title="Order", fields=fields)
        return wire.Detail(at=self.now(), entity=found, sections=(part,))

    async def _of_trail(self, of: base.Ref) -> wire.Detail:
        return await self._trails.detail(of, self.now())


def _kind(of: base.Ref) -> str:
    return ref.parse(of).kind


def _counts(counts: slot.Counts) -> wire.Section:
    fields = tuple(
        wire.Field(name=name.replace("_", " "), value=value)
        for name, value in counts.model_dump().items()
    )
    return wire.Section(id="counts", title="Slots", fields=fields)
