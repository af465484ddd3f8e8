"""Plans: what an action would do, to exactly which targets, and what became of each."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, JsonValue

from mrcore.model.base import ActionId, Frozen, Instant, Ref, Request

Args = dict[str, JsonValue]
"""An action's arguments, by name."""

TEXT_MAX = 1_000
REFS_MAX = 10_000


class Risk(StrEnum):
    """`low` runs at once, `high` shows its plan and asks, `critical` wants the target typed."""

    LOW = "low"
    HIGH = "high"
    CRITICAL = "critical"


class Query(Request):
    """Which rows of a collection: empty fields do not filter.

    `text` is a case-insensitive regular expression of RE2, at most 1,000 characters, `!` in front
    inverts it; `limit` is at most 300.
    """

    state: str = ""
    text: str = Field(default="", max_length=TEXT_MAX)
    level: str = ""
    prefix: str = ""
    limit: int = Field(default=100, ge=1, le=300)
    order: Literal["newest", "oldest"] = "newest"


class Selection(Request):
    """What an action is meant for: at most 10,000 refs, or a collection's rows that match."""

    refs: tuple[Ref, ...] = Field(default=(), max_length=REFS_MAX)
    ref: Ref = ""
    collection: str = ""
    query: Query = Query()


class PlanRequest(Request):
    """Body of `POST /plans`."""

    action: ActionId
    selection: Selection
    args: Args = {}


class ApplyRequest(Request):
    """Body of `POST /plans/{id}/apply`: `confirm` is the target's typed name where asked for."""

    reason: str = ""
    confirm: str = ""


class Target(Frozen):
    """One thing that a plan will touch, and the facts that must still hold then (`guard`)."""

    ref: Ref
    label: str
    guard: dict[str, JsonValue] = {}
    note: str = ""


class LeftOut(Frozen):
    """Targets that were selected but will not be touched, and why."""

    why: str
    count: int
    samples: tuple[Ref, ...] = ()


class Plan(Frozen):
    """What an action would do; `plan_id` is the hash of action, arguments and targets."""

    plan_id: str
    action: ActionId
    label: str
    args: Args = {}
    created_at: Instant
    expires_at: Instant
    login: str
    total: int
    samples: tuple[Target, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    causes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    risk: Risk
    undoable: bool
    confirm: str = ""


class Outcome(StrEnum):
    """What became of a target: `skipped` means that it had moved on."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


class TargetOutcome(Frozen):
    """A target's outcome with its sentence."""

    ref: Ref
    outcome: Outcome
    why: str = ""


class Targets(Frozen):
    """Some of a plan's targets in their order, and what became of those acted on.

    `following` is the number from which to ask on, None at the end.
    """

    total: int
    targets: tuple[Target, ...] = ()
    outcomes: tuple[TargetOutcome, ...] = ()
    following: int | None = None
