"""Runs of runbooks: what was found, decided, done and proven, step by step."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from mrcore.model.base import ActionId, Entity, Frozen, Instant, Ref


class StepState(StrEnum):
    """Where a step is. What it found is its verdict, which is another matter."""

    PENDING = "pending"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    UNVERIFIABLE = "unverifiable"
    NOT_SELECTED = "not_selected"
    ABORTED = "aborted"


class RunState(StrEnum):
    """Where a run is: `waiting` is for a person; the last four are how it ended."""

    DIAGNOSING = "diagnosing"
    WAITING = "waiting"
    FIXING = "fixing"
    VERIFYING = "verifying"
    RECOVERED = "recovered"
    UNVERIFIED = "unverified"
    FAILED = "failed"
    ABORTED = "aborted"


StepKind = Literal["diagnose", "decide", "fix", "manual", "wait", "note"]


class Step(Frozen):
    """One step of a run. `found` is its verdict: ok, unknown, or what is bad (a code).

    `text` is what its runbook says of it, `when` the condition under which it is taken (empty:
    always), `until` the condition that proves it, `true_since` since when that holds; `plan` is the
    plan of a fix, `by` who did it or confirmed it.
    """

    id: str
    kind: StepKind
    title: str
    state: StepState
    found: str = ""
    why: str = ""
    text: str = ""
    action: ActionId = ""
    when: str = ""
    until: str = ""
    plan: str = ""
    operation: Ref = ""
    by: str = ""
    true_since: Instant | None = None
    began_at: Instant | None = None
    ended_at: Instant | None = None


class Runbook(Entity):
    """A runbook that can be started; `params` are what it has to be told, and of which type.

    `about` is the kind of what a run of it is about, `where` its file, `recovered_at` when a run of
    it last led to a recovery: one that went by itself does not count.
    """

    KIND = "runbook"

    id: str
    title: str
    symptom: str
    recovers: str
    severity: str
    owner: str
    about: str = ""
    steps: int = 0
    params: dict[str, str] = {}
    where: str = ""
    recovered_at: Instant | None = None


class Run(Entity):
    """A runbook under way, or ended: it lives in the core and outlives every terminal.

    `alert` is the alert that began it (empty: a person did), `alerts` are all that it is for,
    `subject` is what it is about, `login` who has it now. `diagnosis` is one sentence of what its
    diagnosis found, empty until that has ended. `recovers` is what must be true, in words, for it
    to end as recovered. `waits` is the step that waits for a person, `why` how it ended.
    """

    KIND = "run"

    id: int
    runbook: str
    title: str
    state: RunState
    login: str
    alert: Ref = ""
    alerts: tuple[Ref, ...] = ()
    subject: Ref = ""
    diagnosis: str = ""
    codes: tuple[str, ...] = ()
    recovers: str = ""
    waits: str = ""
    why: str = ""
    steps: tuple[Step, ...] = ()
    began_at: Instant
    diagnosed_at: Instant | None = None
    ended_at: Instant | None = None
