"""Operations in the ledger. Every function is part of the caller's transaction.

An operation works through its plan's targets in chunks. A chunk is opened before it is applied
and closed with its outcomes, so after a crash it is known which targets are in doubt.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mrcore.model import base, core, plans, ref
from mrcore.store import plans as plan_store
from mrcore.store import walk

CHUNK_MAX = 500


@dataclass(frozen=True)
class Chunk:
    """The open chunk of an operation: its targets, the first being number `first`."""

    first: int
    targets: list[plans.Target]


def begin(
    connection: sqlite3.Connection,
    plan: plans.Plan,
    *,
    content: str,
    login: str,
    reason: str,
    now: datetime,
) -> core.Operation:
    """Start the one operation of a plan; `content` is the plan's hash without its turn."""
    cursor = connection.execute(
        "INSERT INTO operation"
        " (plan_id, content, action, label, login, reason, state, total, started_at)"
        " VALUES (?, ?, ?, ?, ?, ?, 'running', ?, ?)",
        (
            plan.plan_id,
            content,
            plan.action,
            plan.label,
            login,
            reason,
            plan.total,
            now.isoformat(),
        ),
    )
    return get(connection, int(cursor.lastrowid or 0))


def get(connection: sqlite3.Connection, operation: int) -> core.Operation:
    """An operation by its number, which must exist."""
    row = connection.execute("SELECT * FROM operation WHERE id = ?", (operation,)).fetchone()
    return _entity(row)


def find(connection: sqlite3.Connection, operation: int) -> core.Operation | None:
    """An operation by its number, or None."""
    row = connection.execute("SELECT * FROM operation WHERE id = ?", (operation,)).fetchone()
    return _entity(row) if row else None


def of_plan(connection: sqlite3.Connection, plan_id: str) -> core.Operation | None:
    """The operation of a plan, or None."""
    row = connection.execute("SELECT * FROM operation WHERE plan_id = ?", (plan_id,)).fetchone()
    return _entity(row) if row else None


def finished(connection: sqlite3.Connection, content: str) -> int:
    """How many operations on this content have ended: the next plan of it is another plan."""
    row = connection.execute(
        "SELECT count(*) FROM operation WHERE content = ? AND finished_at IS NOT NULL", (content,)
    ).fetchone()
    return int(row[0])


def running(connection: sqlite3.Connection) -> list[core.Operation]:
    """Operations that have not ended, oldest first."""
    rows = connection.execute("SELECT * FROM operation WHERE finished_at IS NULL ORDER BY id")
    return [_entity(row) for row in rows]


def read(connection: sqlite3.Connection, wanted: walk.Walk) -> walk.Rows:
    """Operations, page by page.

    Raises ValueError when the walk's text is not a regular expression.
    """
    return walk.walk(
        connection,
        "operation",
        "id",
        wanted,
        lambda row: (_entity(row), f"{row['state']} {row['login']} {row['label']} {row['reason']}"),
    )


def newest(connection: sqlite3.Connection, limit: int) -> list[core.Operation]:
    """The newest operations, newest first."""
    rows = connection.execute("SELECT * FROM operation ORDER BY id DESC LIMIT ?", (limit,))
    return [_entity(row) for row in rows]


def open_chunk(connection: sqlite3.Connection, operation: int) -> tuple[Chunk | None, bool]:
    """The chunk to apply now, and whether it is new; no chunk when all targets have outcomes."""
    row = connection.execute(
        "SELECT plan_id, open_first, open_count FROM operation WHERE id = ?", (operation,)
    ).fetchone()
    plan_id, first, count = row
    if first is not None:
        return Chunk(first, plan_store.targets(connection, plan_id, first, count)), False
    first = connection.execute(
        "SELECT min(n) FROM target WHERE plan_id = ? AND outcome IS NULL", (plan_id,)
    ).fetchone()[0]
    if first is None:
        return None, False
    targets = plan_store.targets(connection, plan_id, first, CHUNK_MAX)
    connection.execute(
        "UPDATE operation SET open_first = ?, open_count = ? WHERE id = ?",
        (first, len(targets), operation),
    )
    return Chunk(first, targets), True


def close_chunk(
    connection: sqlite3.Connection,
    operation: int,
    chunk: Chunk,
    outcomes: Sequence[plans.TargetOutcome],
) -> None:
    """Write what became of the open chunk's targets, in their order, and close it."""
    plan_id = get(connection, operation).plan_id
    connection.executemany(
        "UPDATE target SET outcome = ?, why = ? WHERE plan_id = ? AND n = ?",
        [(o.outcome, o.why, plan_id, n) for n, o in enumerate(outcomes, chunk.first)],
    )
    tally = Counter(outcome.outcome for outcome in outcomes)
    connection.execute(
        "UPDATE operation SET open_first = NULL, open_count = NULL,"
        " done = done + ?, skipped = skipped + ?, failed = failed + ? WHERE id = ?",
        (
            tally[plans.Outcome.DONE],
            tally[plans.Outcome.SKIPPED],
            tally[plans.Outcome.FAILED],
            operation,
        ),
    )


def finish(
    connection: sqlite3.Connection, operation: int, now: datetime, error: str = ""
) -> core.Operation:
    """End an operation: FAILED with an error or when no target was spared, otherwise DONE."""
    row = get(connection, operation)
    failed = bool(error) or (row.failed > 0 and row.failed == row.total)
    state = core.OperationState.FAILED if failed else core.OperationState.DONE
    connection.execute(
        "UPDATE operation SET state = ?, finished_at = ?, error = ? WHERE id = ?",
        (state, now.isoformat(), error, operation),
    )
    return get(connection, operation)


def _entity(row: sqlite3.Row) -> core.Operation:
    columns = {k: row[k] for k in row.keys() if k in core.Operation.model_fields}  # noqa: SIM118
    return core.Operation(
        ref=ref.make("core", "operation", row["id"]), verdict=_verdict(row), **columns
    )


def _verdict(row: sqlite3.Row) -> base.Verdict:
    if row["error"]:
        return base.Verdict(level=base.Level.BAD, code="stopped_early", why=row["error"])
    if row["failed"]:
        why = f"{row['failed']} of {row['total']} targets failed."
        return base.Verdict(level=base.Level.BAD, code="targets_failed", why=why)
    return base.OK
