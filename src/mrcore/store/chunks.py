"""An operation's chunks in the ledger. Every function is part of the caller's transaction.

A chunk is opened before it is applied and closed with its outcomes, so after a crash it is known
which targets are in doubt.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mrcore.model import core, plans
from mrcore.store import operations
from mrcore.store import plans as plan_store

IN_DOUBT = (
    "It may have been done: the core ended in the middle of it, and it was stopped before the core"
    " looked again."
)


@dataclass(frozen=True)
class Chunk:
    """The open chunk of an operation: its targets, the first being number `first`."""

    first: int
    targets: list[plans.Target]


@dataclass(frozen=True)
class Tried:
    """A target that was done, or failed and why."""

    n: int
    done: bool
    why: str


@dataclass(frozen=True)
class Step:
    """What an operation does next: a chunk, which is `new` or was left open, or nothing.

    It is `held` when it was paused here because it may not go on; `watch`: nothing more is done
    before what was done has been watched.
    """

    operation: core.Operation
    chunk: Chunk | None = None
    new: bool = False
    held: bool = False
    watch: bool = False


def step(
    connection: sqlite3.Connection, operation: int, size: int, *, lost: bool, held: str = ""
) -> Step:
    """What a running operation does next: its open chunk, a new one of at most `size`, or nothing.

    A wish to pause or stop is heeded between two chunks, and when the open one is `lost`: left by
    a core that ended in the middle of it. Nothing of it is touched then; `stopped` closes it.
    Where `held` says why it may not go on, it is paused before what it would do next. With a
    `size` of 0 what was done is to be watched before anything more is.
    """
    row = connection.execute(
        "SELECT plan_id, open_first, open_count, wanted FROM operation WHERE id = ?", (operation,)
    ).fetchone()
    plan_id, first, count, wanted = row
    new = first is None
    if wanted and (new or lost or held):
        operations.turn(connection, operation, core.OperationState(wanted))
        return Step(operations.get(connection, operation))
    if new:
        first, count = _next(connection, plan_id), size
    if first is None:
        return Step(operations.get(connection, operation))
    if held:
        operations.hold(connection, operation, held)
        return Step(operations.get(connection, operation), held=True)
    if new and not size:
        return Step(operations.get(connection, operation), watch=True)
    targets = plan_store.targets(connection, plan_id, first, count)
    if new:
        connection.execute(
            "UPDATE operation SET open_first = ?, open_count = ? WHERE id = ?",
            (first, len(targets), operation),
        )
    return Step(operations.get(connection, operation), Chunk(first, targets), new=new)


def _next(connection: sqlite3.Connection, plan_id: str) -> int | None:
    """The number of the first target that nothing was done to."""
    row = connection.execute(
        "SELECT min(n) FROM target WHERE plan_id = ? AND outcome IS NULL", (plan_id,)
    ).fetchone()
    number: int | None = row[0]
    return number


def tried(connection: sqlite3.Connection, plan_id: str, count: int) -> list[Tried]:
    """The first `count` targets that were done or failed."""
    rows = connection.execute(
        "SELECT n, outcome, why FROM target WHERE plan_id = ? AND outcome IN (?, ?) ORDER BY n"
        " LIMIT ?",
        (plan_id, plans.Outcome.DONE, plans.Outcome.FAILED, count),
    )
    return [Tried(n, outcome == plans.Outcome.DONE, why) for n, outcome, why in rows]


def first_left(connection: sqlite3.Connection, operation: int, count: int) -> int | None:
    """Of `count` targets that are tried before the rest, how many are still to be tried.

    0: all were, and the rest has not begun. None: it has.
    """
    plan_id, first = connection.execute(
        "SELECT plan_id, open_first FROM operation WHERE id = ?", (operation,)
    ).fetchone()
    numbers = [one.n for one in tried(connection, plan_id, count)]
    if len(numbers) < count:
        return count - len(numbers)
    rest = connection.execute(
        "SELECT 1 FROM target WHERE plan_id = ? AND n > ? AND outcome IS NOT NULL LIMIT 1",
        (plan_id, numbers[-1]),
    ).fetchone()
    return None if rest or (first is not None and first > numbers[-1]) else 0


def left_open(connection: sqlite3.Connection, operation: int) -> Chunk | None:
    """The chunk that has an intent and no outcome yet."""
    row = connection.execute(
        "SELECT plan_id, open_first, open_count FROM operation WHERE id = ?", (operation,)
    ).fetchone()
    plan_id, first, count = row
    if first is None:
        return None
    return Chunk(first, plan_store.targets(connection, plan_id, first, count))


def close(
    connection: sqlite3.Connection,
    operation: int,
    chunk: Chunk,
    outcomes: Sequence[plans.TargetOutcome],
    *,
    now: datetime,
    worked_s: float = 0.0,
) -> None:
    """Write what became of the open chunk's targets, in their order, and close it."""
    plan_id = operations.get(connection, operation).plan_id
    connection.executemany(
        "UPDATE target SET outcome = ?, why = ? WHERE plan_id = ? AND n = ?",
        [(o.outcome, o.why, plan_id, n) for n, o in enumerate(outcomes, chunk.first)],
    )
    tally = Counter(outcome.outcome for outcome in outcomes)
    connection.execute(
        "UPDATE operation SET open_first = NULL, open_count = NULL, at = ?,"
        " worked_s = worked_s + ?, done = done + ?, skipped = skipped + ?, failed = failed + ?"
        " WHERE id = ?",
        (
            now.isoformat(),
            worked_s,
            tally[plans.Outcome.DONE],
            tally[plans.Outcome.SKIPPED],
            tally[plans.Outcome.FAILED],
            operation,
        ),
    )
