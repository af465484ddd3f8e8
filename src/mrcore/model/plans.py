"""Plans: what an action would do, to exactly which targets, and what became of each."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from mrcore.model import ref as paths
from mrcore.model.base import ActionId, Frozen, Instant, Level, Ref, Request

Args = dict[str, JsonValue]
"""An action's arguments, by name."""

TEXT_MAX = 1_000
REASON_MAX = 500
REFS_MAX = 10_000
REF_MAX = 4_096


Meant = Annotated[Ref, Field(max_length=REF_MAX), AfterValidator(paths.plain)]
"""A ref as somebody names it, also in the form that is shown and pasted."""


class Risk(StrEnum):
    """`low` runs at once, `high` shows its plan and asks, `critical` wants the target typed."""

    LOW = "low"
    HIGH = "high"
    CRITICAL = "critical"


class Query(Request):
    """Which rows of a collection: empty fields do not filter.

    `text` is a case-insensitive regular expression of RE2, at most 1,000 characters, `!` in front
    inverts it; `limit` is at most 300. Of jobs: `name`, the `fingerprint` of the failure, and how
    long ago they were enqueued, or ended where they have ended (`younger_s`, `older_s`).
    """

    state: str = ""
    text: str = Field(default="", max_length=TEXT_MAX)
    level: str = ""
    prefix: str = ""
    name: str = ""
    fingerprint: str = ""
    younger_s: float | None = Field(default=None, ge=0)
    older_s: float | None = Field(default=None, ge=0)
    limit: int = Field(default=100, ge=1, le=300)
    order: Literal["newest", "oldest"] = "newest"


class Selection(Request):
    """What an action is meant for: at most 10,000 refs, or a collection's rows that match.

    A ref has at most 4,096 characters; `mr://` in front of it is left out.
    """

    refs: tuple[Meant, ...] = Field(default=(), max_length=REFS_MAX)
    ref: Meant = ""
    collection: str = ""
    query: Query = Query()


class PlanRequest(Request):
    """Body of `POST /plans`."""

    action: ActionId
    selection: Selection
    args: Args = {}


class ApplyRequest(Request):
    """Body of `POST /plans/{id}/apply`: `confirm` is the target's typed name where asked for.

    `break_glass` does without the second login's approval: an admin's, with a reason, and loud.
    """

    reason: str = Field(default="", max_length=REASON_MAX)
    confirm: str = Field(default="", max_length=TEXT_MAX)
    break_glass: bool = False


class By(Frozen):
    """Who acts, and why, as a source is told.

    `again`: the core has ended in the middle of this, so it may have been done.
    """

    login: str
    roles: tuple[str, ...] = ()
    reason: str = ""
    operation: int = 0
    again: bool = False


class Target(Frozen):
    """One thing that a plan will touch, and the facts that must still hold then (`guard`).

    `at` is since when it is as it is (enqueued, idle since): the plan's age spread is made of it.
    `name` is what is typed to confirm a critical plan on it, where that is not the label.
    """

    ref: Ref
    label: str
    name: str = ""
    guard: dict[str, JsonValue] = {}
    note: str = ""
    at: Instant | None = None


class LeftOut(Frozen):
    """Targets that were selected but will not be touched, and why."""

    why: str
    count: int
    samples: tuple[Ref, ...] = ()


class Remark(Frozen):
    """What a plan causes (`unblocks 12 sessions`); from `warn` on, what to know before.

    `risk` is the plan's at least, where that is higher than the catalogue's.
    """

    text: str
    level: Level = Level.OK
    risk: Risk = Risk.LOW


class Undo(Frozen):
    """Whether and how a source undoes what it plans, where that is not as the catalogue says.

    `words` go on after "possible:" or "not possible:".
    """

    possible: bool
    words: str


class Plan(Frozen):
    """What an action would do; `plan_id` is the hash of action, arguments and targets.

    `undo` says how it is undone, or why it cannot be; `needs_approval`: a second login's;
    `approved_by` and `refused_by` are who has answered, `answer` is what they said.
    """

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
    undo: str = ""
    confirm: str = ""
    oldest_at: Instant | None = None
    newest_at: Instant | None = None
    needs_reason: bool = False
    needs_approval: bool = False
    approved_by: str = ""
    refused_by: str = ""
    answer: str = ""


class Progress(Frozen):
    """How far the making of a plan has looked; `total` is None where nobody knows."""

    looked: int = 0
    total: int | None = None


class Outcome(StrEnum):
    """What became of a target: `skipped` means that it had moved on."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


class TargetOutcome(Frozen):
    """A target's outcome with its sentence.

    `memento` is what undoing it needs; it never leaves the core, which keeps it encrypted.
    `doubtful`: it failed and may have been done all the same; what was prepared to undo it is kept.
    """

    ref: Ref
    outcome: Outcome
    why: str = ""
    doubtful: bool = Field(default=False, exclude=True)
    memento: dict[str, JsonValue] | None = Field(default=None, exclude=True)


class Fared(Frozen):
    """How something fares since an action was applied to it; a failure has a fingerprint.

    `gone`: it is not there any more, and nobody knows how it went.
    """

    ref: Ref
    state: Literal["pending", "well", "failed", "gone"]
    fingerprint: str = ""
    why: str = ""


class Undoable(Frozen):
    """A target that was acted on, and what its source kept to undo it."""

    target: Target
    memento: dict[str, JsonValue]


class Targets(Frozen):
    """Some of a plan's targets in their order, and what became of those acted on.

    `following` is the number from which to ask on, None at the end.
    """

    total: int
    targets: tuple[Target, ...] = ()
    outcomes: tuple[TargetOutcome, ...] = ()
    following: int | None = None
