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
    """A plan being applied: `done + skipped + failed` of `total` targets so far.

    `worked_s` is the time that it has worked until `at`, pauses and waits left out; `undoes` and
    `undone_by` are numbers of operations; `undo_until` is how long it can still be undone.
    """

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
    worked_s: float = 0.0
    at: Instant | None = None
    approved_by: str = ""
    broke_glass: bool = False
    undoes: int | None = None
    undone_by: int | None = None
    undo_until: Instant | None = None


class Environment(Entity):
    """What this core watches: the ref that is armed. `protected` starts read-only."""

    KIND = "environment"

    name: str
    protected: bool = False
    read_only: bool = False


class Arming(Entity):
    """A login that may change a protected environment until `until`, and why."""

    KIND = "arming"

    login: str
    reason: str
    since: Instant
    until: Instant


class WaitingPlan(Entity):
    """A plan that needs a second login: `state` is waiting, approved or refused."""

    KIND = "plan"

    plan_id: str
    action: ActionId
    label: str
    login: str
    reason: str = ""
    total: int = 0
    state: str = "waiting"
    by: str = ""
    answer: str = ""
    created_at: Instant
    expires_at: Instant


class Token(Entity):
    """A bearer token, never its secret."""

    KIND = "token"

    id: int
    login: str
    roles: tuple[str, ...]
    created_at: Instant
    expires_at: Instant
    revoked_at: Instant | None = None


class AuditRow(Entity):
    """One row of the audit: an intent, the outcome of one, or an attempt that was refused.

    `whys` has a sentence for each of `refs`, or nothing; `uid`, `token` and `address` (of the SSH
    client) are of who asked, where they are known; `took_ms` is an outcome's.
    """

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
    whys: tuple[str, ...] = ()
    via: str = ""
    uid: int | None = None
    token: int | None = None
    address: str = ""
    took_ms: float | None = None
    hash: str = ""


class Me(Frozen):
    """The login behind a request, and what the core is.

    `uid` is the peer's on the socket, `token` the number of the token that was shown, `address`
    where the person's SSH client or the TCP client is; each where it is known.
    """

    login: str
    roles: tuple[str, ...]
    via: str
    uid: int | None = None
    token: int | None = None
    address: str = ""
    environment: str
    protected: bool
    read_only: bool = False
    armed_until: Instant | None = None
    core_version: str
    core_pid: int
    started_at: Instant
