"""What stands in the ledger for everybody to see: who is armed, which plans wait for an answer."""

from __future__ import annotations

import asyncio
import sqlite3

from mrcore import errors
from mrcore.model import alert, plans, wire
from mrcore.model import base as model
from mrcore.model import core as entities
from mrcore.model import ref as refs
from mrcore.sources import base
from mrcore.store import approvals, arming, database
from mrcore.store import plans as plan_store

WAIT_S = 0.5
"""How long a sample waits for the ledger, whose thread may be at something long."""

Stands = tuple[list[entities.Arming], list[entities.WaitingPlan]]


class Standing:
    """Reads it; while the ledger cannot be read it is as it was, and what has ended is left out."""

    def __init__(self, ledger: database.Database, *, now: base.Now) -> None:
        self._ledger = ledger
        self._now = now
        self._known: Stands = ([], [])
        self._reading: asyncio.Task[None] | None = None

    async def now_standing(self) -> Stands:
        """Every arming that lasts, every plan that was asked about and is not applied yet."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        await asyncio.wait({self._reading}, timeout=WAIT_S)
        armings, waiting = self._known
        now = self._now()
        return [a for a in armings if a.until > now], [w for w in waiting if w.expires_at > now]

    def stop(self) -> None:
        """Wait for the ledger no more."""
        if self._reading:
            self._reading.cancel()

    async def detail(self, ref: model.Ref) -> wire.Detail:
        """A waiting plan as whoever answers has to see it.

        Raises NotFound, StoreError.
        """
        plan_id, now = refs.parse(ref).id, self._now()

        def read(
            connection: sqlite3.Connection,
        ) -> tuple[entities.WaitingPlan, plans.Plan] | None:
            found = approvals.find(connection, plan_id, now)
            return (found, plan_store.load(connection, plan_id).plan) if found else None

        found = await self._ledger.read(read)
        if found is None or found[0].ref != ref:
            raise errors.NotFound(f"The core has no {ref!r} that waits for an answer.")
        waiting, plan = found
        sections = (facts(waiting), *_sections(plan))
        return wire.Detail(at=now, entity=waiting, sections=sections)

    async def _read(self) -> None:
        now = self._now()
        try:
            self._known = await self._ledger.read(
                lambda c: (arming.lasting(c, now), approvals.open_ones(c, now))
            )
        except errors.StoreError:
            return  # the check of the ledger says so


_TOLD = {"run": ("steps",)}
"""Fields that have a section of their own."""


def links(entity: model.Entity) -> tuple[wire.Link, ...]:
    """Where an entity leads: an alert to what it is about, and to what hides it."""
    if not isinstance(entity, alert.Alert):
        return ()
    named = (
        (entity.name, entity.subject),
        ("the silence", entity.silenced_by),
        ("what it comes from", entity.suppressed_by),
    )
    return tuple(wire.Link(label=label, ref=ref) for label, ref in named if ref)


def facts(entity: model.Entity) -> wire.Section:
    """An entity's own fields."""
    skipped = {*model.Entity.model_fields, *_TOLD.get(entity.kind, ())}
    values = {k: v for k, v in entity.model_dump(mode="json").items() if k not in skipped}
    fields = tuple(wire.Field(name=name, value=value) for name, value in values.items())
    return wire.Section(id="facts", title="Facts", fields=fields)


def _sections(plan: plans.Plan) -> tuple[wire.Section, ...]:
    """What a plan would touch, causes and leaves out."""
    targets = [wire.Field(name=t.label, value=t.note, ref=t.ref) for t in plan.samples]
    says = [
        *(wire.Field(name="warning", value=text) for text in plan.warnings),
        *(wire.Field(name="causes", value=text) for text in plan.causes),
        *(wire.Field(name="left out", value=f"{o.count:,} × {o.why}") for o in plan.left_out),
        wire.Field(name="undo", value=plan.undo),
    ]
    title = f"Targets: {len(targets):,} of {plan.total:,}"
    return (
        wire.Section(id="targets", title=title, fields=tuple(targets)),
        wire.Section(id="effects", title="Effects", fields=tuple(says)),
    )
