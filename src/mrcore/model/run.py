"""Runs of runbooks: what was found, decided, done and proven, step by step."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from mrcore.model.base import Entity, Frozen, Instant, Ref


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
    """One step of a run. `found` is its verdict: ok, unknown, or what is bad (a code)."""

    id: str
    kind: StepKind
    title: str
    state: StepState
    found: str = ""
    why: str = ""
    plan: str = ""
    operation: Ref = ""
    began_at: Instant | None = None
    ended_at: Instant | None = None


class Run(Entity):
    """A runbook under way, or ended: it lives in the core and outlives every terminal.

    `alert` is the alert that began it (empty: a person did), `subject` what it is about,
    `diagnosis` one sentence of what its diagnosis found, empty until that has ended. `recovers`
    is what must be true, in words, for it to end as recovered.
    """

    KIND = "run"

    id: int
    runbook: str
    title: str
    state: RunState
    login: str
    alert: Ref = ""
    subject: Ref = ""
    diagnosis: str = ""
    codes: tuple[str, ...] = ()
    recovers: str = ""
    steps: tuple[Step, ...] = ()
    began_at: Instant
    diagnosed_at: Instant | None = None
    ended_at: Instant | None = None
