"""What the core says of itself: its sources, operations, and who is asking."""

from __future__ import annotations

from enum import StrEnum

from mrcore.model.base import ActionId, Entity, Frozen, Instant, Ref


class SourceStatus(Entity):
    """How a source is: `last_sample_at` is set while it fails, `why` is the verdict's sentence."""

    KIND = "source"

    name: str
    source_kind: str
    interval_s: float
    deadline_s: float
    state: str = "starting"
    since: Instant | None = None
    last_sample_at: Instant | None = None
    failures: int = 0
    kinds: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


class OperationState(StrEnum):
    """Where an operation is; the last three are final."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


class Operation(Entity):
    """A plan being applied: `done + skipped + failed` of `total` targets so far."""

    KIND = "operation"

    id: int
    plan_id: str
    action: ActionId
    label: str
    login: str
    reason: str = ""
    state: OperationState = OperationState.RUNNING
    total: int = 0
    done: int = 0
    skipped: int = 0
    failed: int = 0
    started_at: Instant
    finished_at: Instant | None = None
    error: str = ""


class AuditRow(Entity):
    """One row of the audit: an intent, or the outcome of one."""

    KIND = "audit"

    seq: int
    at: Instant
    stage: str
    login: str
    action: ActionId
    refs: tuple[Ref, ...] = ()
    plan_id: str = ""
    operation: int | None = None
    reason: str = ""
    outcome: str = ""
    text: str = ""
    hash: str = ""


class Me(Frozen):
    """The login behind a request, and what the core is."""

    login: str
    roles: tuple[str, ...]
    via: str
    environment: str
    protected: bool
    core_version: str
    core_pid: int
    started_at: Instant
