"""What the routes answer, as entities; texts are redacted."""

from __future__ import annotations

import hashlib
import json
import uuid

import pydantic
from pydantic import alias_generators

from mrcore import redact
from mrcore.model import base, ref, slot

CLEAN, ENQUEUE, REVEAL = "slots.clean", "slots.enqueue", "trail.reveal"

FILTERS = {
    "all": "total",
    "available": "available",
    "booked": "booked",
    "future": "future",
    "expired": "expired",
    "expiredUnbooked": "expired_unbooked",
}
"""The routes' filters, with the count that each is listed under."""

STALE = "expiredUnbooked"
EXHAUSTED = base.Verdict(level=base.Level.WARN, code="exhausted", why="no slot can be booked")


class _Read(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(
        alias_generator=alias_generators.to_camel, populate_by_name=True
    )


class Counted(_Read):
    """The six counts."""

    total: pydantic.NonNegativeInt
    available: pydantic.NonNegativeInt
    booked: pydantic.NonNegativeInt
    future: pydantic.NonNegativeInt
    expired: pydantic.NonNegativeInt
    expired_unbooked: pydantic.NonNegativeInt

    @property
    def counts(self) -> slot.Counts:
        return slot.Counts(**self.model_dump())


class Statistics(_Read):
    """Answer of `GET /cleanup/statistics`, of all or of one mentor."""

    data: Counted


class Row(_Read):
    """One slot of a list."""

    id: uuid.UUID
    mentor_id: uuid.UUID
    mentor_name: str | None = None
    starts_at: pydantic.AwareDatetime
    ends_at: pydantic.AwareDatetime
    booked_by: str | None = None

    @property
    def name(self) -> str:
        """The mentor's name, or id."""
        return redact.text(self.mentor_name or "") or str(self.mentor_id)


class Listed(_Read):
    """Answer of `GET /cleanup/slots/:filter`, the earliest first."""

    data: list[Row]


class Cleaned(_Read):
    """Answer of `DELETE /cleanup/slots`."""

    deleted_count: pydantic.NonNegativeInt


class Enqueued(_Read):
    """Answer of `POST /cleanup/schedule`."""

    job_id: str = ""


class Told(_Read):
    """One row of the trails."""

    trail: str
    at: pydantic.AwareDatetime
    who: str | None = None
    what: str | None = None
    about: str | None = None
    old: str | None = None
    new: str | None = None
    address: str | None = None

    @property
    def digest(self) -> str:
        """What tells it from others of its instant."""
        words = json.dumps(self.model_dump(mode="json", exclude={"at"}), sort_keys=True)
        return hashlib.sha256(words.encode("utf-8", "backslashreplace")).hexdigest()[:16]


class Trails(_Read):
    """Answer of `GET /admin/trails`, the newest first."""

    data: list[Told]


def whole(source: str, counts: slot.Counts, mentors: int, unlisted: str) -> slot.Slots:
    """All slots: what is expired and unbooked can be cleaned."""
    exhausted = counts.total and not counts.available
    return slot.Slots(
        ref=ref.make(source, "slots", "all"),
        name="all",
        counts=counts,
        mentors=mentors,
        unlisted=unlisted,
        verdict=EXHAUSTED if exhausted else base.OK,
        actions=(CLEAN, ENQUEUE) if counts.expired_unbooked else (),
    )


def mentor(source: str, of: uuid.UUID, name: str, counts: slot.Counts) -> slot.Mentor:
    """One mentor's slots."""
    return slot.Mentor(ref=ref.make(source, "mentor", str(of)), name=name, counts=counts)


def one(source: str, row: Row) -> slot.Slot:
    """One slot."""
    return slot.Slot(
        ref=ref.make(source, "slot", str(row.id)),
        mentor=row.name,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        booked_by=redact.text(row.booked_by or ""),
    )


def trail(source: str, row: Told, *, shown: bool = False) -> slot.Trail:
    """One row of a trail; with `shown` as it is."""

    def said(text: str | None) -> str:
        return (text or "") if shown else redact.text(text or "")

    return slot.Trail(
        ref=ref.make(source, "trail", row.trail, row.at.isoformat(), row.digest),
        trail=row.trail,
        at=row.at,
        who=said(row.who),
        what=said(row.what),
        about=said(row.about),
        old=said(row.old),
        new=said(row.new),
        address=said(row.address),
        actions=(REVEAL,),
    )
