"""What undoing needs, in the ledger, encrypted. Every function is part of the caller's transaction.

A memento is used up when its target was undone, so what an undo had to skip can be planned again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mrcore.model import plans


@dataclass(frozen=True)
class Kept:
    """A target number `n` that was acted on, and the encrypted memento of it."""

    n: int
    target: plans.Target
    body: bytes


def save(
    connection: sqlite3.Connection,
    operation: int,
    sealed: Iterable[tuple[int, bytes]],
    expires_at: datetime,
) -> None:
    """Keep mementos of an operation's targets, by their numbers."""
    until = expires_at.isoformat()
    connection.executemany(
        "INSERT OR REPLACE INTO memento VALUES (?, ?, ?, ?)",
        [(operation, n, body, until) for n, body in sealed],
    )
    connection.execute("UPDATE operation SET undo_until = ? WHERE id = ?", (until, operation))


def kept(
    connection: sqlite3.Connection, operation: int, after: int, count: int, now: datetime
) -> list[Kept]:
    """At most `count` things that an operation did, and can be undone, beyond number `after`."""
    rows = connection.execute(
        "SELECT m.n, t.body AS target, m.body FROM memento m"
        " JOIN operation o ON o.id = m.operation"
        " JOIN target t ON t.plan_id = o.plan_id AND t.n = m.n"
        " WHERE m.operation = ? AND m.n > ? AND m.expires_at > ? ORDER BY m.n LIMIT ?",
        (operation, after, now.isoformat(), count),
    )
    return [Kept(n, plans.Target.model_validate_json(target), body) for n, target, body in rows]


def count(connection: sqlite3.Connection, operation: int, now: datetime) -> int:
    """How many targets of an operation can be undone."""
    row = connection.execute(
        "SELECT count(*) FROM memento WHERE operation = ? AND expires_at > ?",
        (operation, now.isoformat()),
    ).fetchone()
    return int(row[0])


def of_chunk(
    connection: sqlite3.Connection, plan_id: str, undoes: int, first: int, count: int
) -> dict[int, bytes]:
    """The mementos that a chunk of an undo needs, by the numbers of the undo's targets."""
    rows = connection.execute(
        "SELECT t.n, m.body FROM target t JOIN memento m ON m.operation = ? AND m.n = t.undoes_n"
        " WHERE t.plan_id = ? AND t.n >= ? AND t.n < ?",
        (undoes, plan_id, first, first + count),
    )
    return {n: body for n, body in rows}


def of(connection: sqlite3.Connection, operation: int, first: int, count: int) -> dict[int, bytes]:
    """The mementos of an operation's targets from number `first` on."""
    rows = connection.execute(
        "SELECT n, body FROM memento WHERE operation = ? AND n >= ? AND n < ?",
        (operation, first, first + count),
    )
    return {n: body for n, body in rows}


def drop(connection: sqlite3.Connection, operation: int, numbers: Iterable[int]) -> None:
    """Drop the mementos of targets to which nothing was done."""
    connection.executemany(
        "DELETE FROM memento WHERE operation = ? AND n = ?", [(operation, n) for n in numbers]
    )


def use_up(
    connection: sqlite3.Connection, plan_id: str, undoes: int, numbers: Iterable[int]
) -> None:
    """Drop the mementos of an undo's targets that were undone."""
    connection.executemany(
        "DELETE FROM memento WHERE operation = ?"
        " AND n = (SELECT undoes_n FROM target WHERE plan_id = ? AND n = ?)",
        [(undoes, plan_id, n) for n in numbers],
    )


def overtaken(connection: sqlite3.Connection, action: str, refs: Iterable[str]) -> list[int]:
    """Drop what undoing `action` on these refs needs: it is over by something else.

    Returns the operations that this was of.
    """
    rows = connection.execute(
        "SELECT m.operation, m.n FROM memento m JOIN operation o ON o.id = m.operation"
        " JOIN target t ON t.plan_id = o.plan_id AND t.n = m.n WHERE o.action = ?"
        " AND json_extract(t.body, '$.ref') IN (SELECT value FROM json_each(?))",
        (action, json.dumps(list(refs))),
    ).fetchall()
    connection.executemany("DELETE FROM memento WHERE operation = ? AND n = ?", map(tuple, rows))
    return sorted({row[0] for row in rows})


def forget_expired(connection: sqlite3.Connection, now: datetime) -> None:
    """Drop what is older than it may be."""
    connection.execute("DELETE FROM memento WHERE expires_at <= ?", (now.isoformat(),))
