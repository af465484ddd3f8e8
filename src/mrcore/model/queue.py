"""Queues, their workers, schedules and jobs, in one vocabulary over every engine."""

from __future__ import annotations

from enum import StrEnum

from mrcore.model.base import Entity, Frozen, Instant, Ref


class JobState(StrEnum):
    """A job's state, in Bull Board's words."""

    WAITING = "waiting"
    PRIORITIZED = "prioritized"
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
    prioritized: int = 0
    active: int = 0
    delayed: int = 0
    failed: int = 0
    completed: int = 0
    paused: int = 0
    waiting_children: int = 0
    quarantined: int = 0


class Queue(Entity):
    """A queue of jobs; `workers` is None where the engine cannot tell.

    `listed` is whether the board of the backend shows it; `layout` is what the engine says of its
    keys (`bullmq:6.7.0`); `limited_until` is when a rate limit lets the next job go.
    """

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
    layout: str = ""
    limited_until: Instant | None = None


class Worker(Entity):
    """A process that consumes jobs; `last_seen_at` is its newest heartbeat.

    `does` are the names of the jobs that it is `busy_with`, in their order; '' where nobody says. A
    `supervised` one is started again when it ends. One that does nothing may be heard of only every
    `beat_s`, by its engine's rules: it is silent after that.
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
    does: tuple[str, ...] = ()
    supervised: bool = False
    beat_s: float = 0.0


class Schedule(Entity):
    """A repeating job: `declared` in words (`every 15 min`, `59 23 * * * Asia/Kolkata`).

    `interval_s` is the declared interval, `observed_s` the one that its runs have had; `missed`
    counts ticks that enqueued nothing, `overrun` runs that took longer than the interval;
    `registered` is how often it is there (more than once: it runs more than once).
    """

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
    observed_s: float | None = None
    overrun: int = 0
    registered: int = 1


class Job(Entity):
    """A job as a row: its payload, attempts and result come with its detail.

    `fingerprint` is of its failure; after `expires_at` it shall not run any more (a code that has
    expired); at `trims_at` the engine forgets it; `progress` is a share from 0 to 1; `captured_at`
    says that the engine has forgotten it and the core has not.
    """

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
    priority: int | None = None
    progress: float | None = None
    fingerprint: str = ""
    expires_at: Instant | None = None
    trims_at: Instant | None = None
    captured_at: Instant | None = None
    parent: Ref = ""
    quarantined_at: Instant | None = None
    quarantined_by: str = ""
    quarantined_why: str = ""


class Captured(Frozen):
    """A run that has ended, as a source hands it to the core before its engine forgets it.

    `ref` is the job's; `attempts` counts this run; `outcome` is the engine's own word where it has
    more than one for a state (`revoked`); `error` and `trace` are redacted, and bounded.
    """

    ref: Ref
    engine: str
    queue: str
    id: str
    name: str
    state: JobState
    outcome: str = ""
    attempts: int = 0
    error: str = ""
    trace: str = ""
    fingerprint: str = ""
    schedule: str = ""
    enqueued_at: Instant | None = None
    started_at: Instant | None = None
    finished_at: Instant


class FailureGroup(Entity):
    """Failed jobs with one fingerprint: normalised message + top frame of the application.

    `title` is the normalised message, `code` what SMTP, HTTP, Postgres or the system answered;
    `names` are the commonest job names, `newest` and `oldest` jobs of it; `whole` is whether
    every failed job of the queue was looked at.

    A live one is of the failures of the last 10 min: `worst` is how often one job failed in these,
    `share` which part in percent of all that failed in the queue.
    """

    KIND = "group"

    engine: str
    queue: str
    fingerprint: str
    title: str
    code: str = ""
    frame: str = ""
    jobs: int
    names: tuple[str, ...] = ()
    first_at: Instant | None = None
    last_at: Instant | None = None
    newest: Ref = ""
    oldest: Ref = ""
    per_min: float | None = None
    whole: bool = True
    worst: int = 0
    share: float | None = None
