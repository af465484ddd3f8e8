"""Alerts and silences."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from mrcore.model.base import Entity, Instant, Ref


class Phase(StrEnum):
    """Where an alert is."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """How bad it is: P1 wakes somebody, P2 is for today, P3 for this week, info for the record."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    INFO = "info"


About = Literal["condition", "nodata", "error"]
"""Whether the rule holds, has no data to tell, or cannot be reckoned."""


class Alert(Entity):
    """What a rule says of one thing, while it is pending, fires, recovers, and for an hour after.

    `since` is since when it is true; `fired_at` is what tells one firing from the next. `told_at`
    and `told_why` are the newest notification of it, `hidden` is why there is none now:
    `silenced_by` (a silence), `suppressed_by` (an alert that this one depends on).
    """

    KIND = "alert"

    rule: str
    about: About = "condition"
    severity: Severity
    phase: Phase
    subject: Ref
    name: str
    summary: str
    expr: str = ""
    runbook: str = ""
    since: Instant | None = None
    fired_at: Instant | None = None
    resolved_at: Instant | None = None
    told_at: Instant | None = None
    told_why: str = ""
    escalated_at: Instant | None = None
    flapping_at: Instant | None = None
    hidden: str = ""
    silenced_by: Ref = ""
    suppressed_by: Ref = ""
    acked_by: str = ""
    acked_until: Instant | None = None
    ack_note: str = ""


class Silence(Entity):
    """Nobody is told of an alert, or of a rule's (`subject` is empty), until `expires_at`.

    One that `starts_at` later is a maintenance window. `firing` counts what fires beneath it.
    """

    KIND = "silence"

    id: int
    rule: str
    subject: Ref = ""
    login: str
    reason: str
    starts_at: Instant
    expires_at: Instant
    firing: int = 0


class Heartbeat(Entity):
    """A dead man's switch: what has to say in time that it was done, and when it said what.

    `state` is new (it has said nothing yet), started, up, grace (late, and not too late) or down.
    `due_at` is when it has to be done again, `late_at` when it will be missed. `run` is the id
    with which it has begun. A switch with a `schedule` is not pinged: that entity is asked.
    """

    KIND = "heartbeat"

    name: str
    state: Literal["new", "started", "up", "grace", "down"] = "new"
    declared: str = ""
    schedule: Ref = ""
    run: str = ""
    started_at: Instant | None = None
    succeeded_at: Instant | None = None
    failed_at: Instant | None = None
    exit_code: int | None = None
    took_s: float | None = None
    due_at: Instant | None = None
    late_at: Instant | None = None
