"""What travels between a source, the core and a screen."""

from __future__ import annotations

from typing import Literal

import pydantic
from pydantic import JsonValue

from mrcore.model.base import ActionId, AnyEntity, Frozen, Instant, Ref
from mrcore.model.core import SourceStatus
from mrcore.model.queue import Captured


class Point(Frozen):
    """One measured value: `metric` is an id of `catalogue.METRICS`, which has its unit."""

    metric: str
    ref: Ref
    at: Instant
    value: float


Counted = dict[str, tuple[int, int]]
"""Of what an engine counts, by name, the first and the last number that was seen."""


class Sample(Frozen):
    """What a source saw at one instant: its whole live set and its points.

    `captured` are runs that have ended since the last sample, `uncaptured` how many more ended that
    it could not see any more. `counted` says of what an engine counts (by name, with the source in
    it) the first and the last number that was seen, so that a core knows after a restart what it
    has missed. All are for the core's history, and no screen is sent them.
    """

    at: Instant
    entities: tuple[AnyEntity, ...] = ()
    points: tuple[Point, ...] = ()
    captured: tuple[Captured, ...] = pydantic.Field(default=(), exclude=True)
    uncaptured: int = pydantic.Field(default=0, exclude=True)
    counted: Counted = pydantic.Field(default={}, exclude=True)


class Description(Frozen):
    """What a source can do; tests and screens skip what is not here."""

    kinds: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    actions: tuple[ActionId, ...] = ()
    capabilities: tuple[str, ...] = ()


class Changed(Frozen):
    """One sample's difference: applied whole or not at all. Empty upserts still renew `at`."""

    type: Literal["changed"] = "changed"
    source: str
    at: Instant
    upserts: tuple[AnyEntity, ...] = ()
    removes: tuple[Ref, ...] = ()
    points: tuple[Point, ...] = ()


class Touched(Frozen):
    """Refs that an action has just changed: an open collection that shows them asks again."""

    type: Literal["touched"] = "touched"
    refs: tuple[Ref, ...]


class Snapshot(Frozen):
    """Everything that is live: the first event of a stream, and the answer of `GET /live`."""

    type: Literal["snapshot"] = "snapshot"
    at: Instant
    environment: str
    core_version: str
    sources: tuple[Changed, ...] = ()


class Looked(Frozen):
    """How far a page looked: `scanned` of `total` (None where the source cannot tell)."""

    scanned: int = 0
    total: int | None = None
    complete: bool = True


class Page(Frozen):
    """Rows of a collection; `cursor` leads on (None: there is no more), `at` says how fresh."""

    at: Instant
    rows: tuple[AnyEntity, ...] = ()
    cursor: str | None = None
    looked: Looked = Looked()


class Field(Frozen):
    """One named value of a section; an Instant is shown as an age."""

    name: str
    value: JsonValue = None
    at: Instant | None = None
    ref: Ref = ""


class Section(Frozen):
    """A part of a detail: `form` says how to show it (fields, json, text or trace)."""

    id: str
    title: str
    form: Literal["fields", "json", "text", "trace"] = "fields"
    fields: tuple[Field, ...] = ()
    data: JsonValue = None
    text: str = ""


class Link(Frozen):
    """A way on from a detail: the next hop of the thread."""

    label: str
    ref: Ref


class Detail(Frozen):
    """One entity in full; secrets are already redacted."""

    at: Instant
    entity: AnyEntity
    sections: tuple[Section, ...] = ()
    links: tuple[Link, ...] = ()


class Series(Frozen):
    """Points of one metric and ref between two instants, oldest first, one a `step_s`."""

    metric: str
    ref: Ref
    unit: str = ""
    step_s: float
    points: tuple[tuple[Instant, float], ...] = ()


class Sources(Frozen):
    """Answer of `GET /sources`."""

    at: Instant
    sources: tuple[SourceStatus, ...]


class Problem(Frozen):
    """An error's body (RFC 9457): `code` is stable, `detail` the sentence, `fix` what to do."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    fix: str = ""
