"""Queues, their workers, schedules and jobs, in one vocabulary over every engine."""

from __future__ import annotations

from enum import StrEnum

from mrcore.model.base import Entity, Frozen, Instant, Ref


class JobState(StrEnum):
    """A job's state, in Bull Board's words."""

    WAITING = "waiting"
    ACTIVE = "active"
    DELAYED = "delayed"
    FAILED = "failed"
    COMPLETED = "completed"
    PAUSED = "paused"
    WAITING_CHILDREN = "waiting_children"
    QUARANTINED = "quarantined"


class Counts(Frozen):
    """Jobs by state."""

    waiting: int = 0
    active: int = 0
    delayed: int = 0
    failed: int = 0
    completed: int = 0
    paused: int = 0
    waiting_children: int = 0
    quarantined: int = 0


class Queue(Entity):
    """A queue of jobs; `workers` is None where the engine cannot tell."""

    KIND = "queue"

    engine: str
    name: str
    counts: Counts = Counts()
    paused_since: Instant | None = None
    paused_by: str = ""
    paused_why: str = ""
    workers: int | None = None
    oldest_enqueued_at: Instant | None = None
    listed: bool = True
    keep_completed: int | None = None
    keep_failed: int | None = None


class Worker(Entity):
    """A process that consumes jobs; `last_seen_at` is its newest heartbeat.

    A `supervised` one is started again when it ends.
    """

    KIND = "worker"

    engine: str
    name: str
    queues: tuple[str, ...] = ()
    host: str = ""
    pid: int | None = None
    started_at: Instant | None = None
    last_seen_at: Instant | None = None
    busy_with: tuple[Ref, ...] = ()
    supervised: bool = False


class Schedule(Entity):
    """A repeating job: `declared` in words (`every 15 min`, `59 23 * * * Asia/Kolkata`)."""

    KIND = "schedule"

    engine: str
    name: str
    queue: str
    job: str = ""
    declared: str
    interval_s: float | None = None
    next_at: Instant | None = None
    last_enqueued_at: Instant | None = None
    last_succeeded_at: Instant | None = None
    missed: int = 0


class Job(Entity):
    """A job as a row: its payload, attempts and result come with its detail."""

    KIND = "job"

    engine: str
    queue: str
    id: str
    name: str
    state: JobState
    attempts: int = 0
    max_attempts: int | None = None
    enqueued_at: Instant | None = None
    due_at: Instant | None = None
    started_at: Instant | None = None
    finished_at: Instant | None = None
    error: str = ""
    worker: str = ""
    quarantined_at: Instant | None = None
    quarantined_by: str = ""
    quarantined_why: str = ""
