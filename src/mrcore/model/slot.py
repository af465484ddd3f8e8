"""Slots of mentors, as Mr. Mentor counts and lists them, and the rows of its audit trails."""

from __future__ import annotations

from mrcore.model.base import Entity, Frozen, Instant


class Counts(Frozen):
    """The six counts; one that runs now is neither future nor expired."""

    total: int = 0
    available: int = 0
    booked: int = 0
    future: int = 0
    expired: int = 0
    expired_unbooked: int = 0


class Slots(Entity):
    """All slots of one backend; its collections are `slots` and `trails`.

    `unlisted` says whose counts are not shown, and why; empty where every mentor's are.
    """

    KIND = "slots"

    name: str
    counts: Counts = Counts()
    mentors: int = 0
    unlisted: str = ""


class Mentor(Entity):
    """One mentor's slots; its collection is `slots`."""

    KIND = "mentor"

    name: str
    counts: Counts = Counts()


class Slot(Entity):
    """One slot; `booked_by` is the id of the student, empty while nobody has it."""

    KIND = "slot"

    mentor: str
    starts_at: Instant
    ends_at: Instant
    booked_by: str = ""


class Trail(Entity):
    """One row of an audit trail: who did what about whom or what, and from where."""

    KIND = "trail"

    trail: str
    at: Instant
    who: str = ""
    what: str = ""
    about: str = ""
    old: str = ""
    new: str = ""
    address: str = ""
