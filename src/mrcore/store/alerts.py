"""Alerts, notices and silences in the ledger. Every function is part of the caller's transaction.

What is remembered of an alert is a text: its meaning is `mrcore.alerts`' own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from mrcore.model import alert, base, ref


class Notice(NamedTuple):
    """Something to be told; one of a kind and an instant for each firing."""

    alert: base.Ref
    fired_at: str
    at: str
    kind: str
    why: str
    severity: str
    summary: str


def remembered(connection: sqlite3.Connection) -> dict[base.Ref, str]:
    """What is remembered of every alert, by its ref."""
    return {row["id"]: row["body"] for row in connection.execute("SELECT * FROM alert")}


def remember(
    connection: sqlite3.Connection,
    bodies: Iterable[tuple[base.Ref, str | None]],
    notices: Iterable[Notice] = (),
    looked_at: datetime | None = None,
) -> None:
    """Replace what is remembered (None: nothing any more), and what is to be told with it.

    `looked_at` is when that was so.
    """
    for id_, body in bodies:
        if body is None:
            connection.execute("DELETE FROM alert WHERE id = ?", (id_,))
        else:
            connection.execute("INSERT OR REPLACE INTO alert VALUES (?, ?)", (id_, body))
    connection.executemany(
        "INSERT OR IGNORE INTO notice (alert, fired_at, at, kind, why, severity, summary)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        notices,
    )
    if looked_at:
        connection.execute("INSERT OR REPLACE INTO looked VALUES (1, ?)", (looked_at.isoformat(),))


def looked_at(connection: sqlite3.Connection) -> datetime | None:
    """When alerts were looked at last, where one waits."""
    row = connection.execute("SELECT at FROM looked").fetchone()
    return datetime.fromisoformat(row["at"]) if row else None


def notices(connection: sqlite3.Connection, *, after: int = 0) -> list[tuple[int, Notice]]:
    """What was to be told after the notice of that number, in its order."""
    rows = connection.execute("SELECT * FROM notice WHERE seq > ? ORDER BY seq", (after,))
    return [(row["seq"], Notice(*tuple(row)[1:])) for row in rows]


def silence(connection: sqlite3.Connection, new: alert.Silence, operation: int) -> alert.Silence:
    """Begin a silence, once an operation; its number is the ledger's."""
    connection.execute(
        "INSERT OR IGNORE INTO silence"
        " (rule, subject, login, reason, starts_at, expires_at, operation)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            new.rule,
            new.subject,
            new.login,
            new.reason,
            new.starts_at.isoformat(),
            new.expires_at.isoformat(),
            operation,
        ),
    )
    row = connection.execute(
        "SELECT * FROM silence WHERE operation = ? AND rule = ? AND subject = ?",
        (operation, new.rule, new.subject),
    ).fetchone()
    return _silence(row)


def until(connection: sqlite3.Connection, number: int, expires_at: datetime) -> None:
    """Let a silence end then."""
    connection.execute(
        "UPDATE silence SET expires_at = ? WHERE id = ?", (expires_at.isoformat(), number)
    )


def find(connection: sqlite3.Connection, number: int) -> alert.Silence | None:
    """A silence by its number, also one that has ended."""
    row = connection.execute("SELECT * FROM silence WHERE id = ?", (number,)).fetchone()
    return _silence(row) if row else None


def began(connection: sqlite3.Connection, number: int) -> int | None:
    """The operation that has begun a silence."""
    row = connection.execute("SELECT operation FROM silence WHERE id = ?", (number,)).fetchone()
    return int(row["operation"]) if row else None


def lasting(connection: sqlite3.Connection, now: datetime) -> list[alert.Silence]:
    """Every silence that has not ended, also those that begin later."""
    rows = connection.execute("SELECT * FROM silence ORDER BY id")
    return [found for found in map(_silence, rows) if found.expires_at > now]


def _silence(row: sqlite3.Row) -> alert.Silence:
    return alert.Silence(
        ref=ref.make("core", "silence", int(row["id"])),
        actions=("silence.expire",),
        id=row["id"],
        rule=row["rule"],
        subject=row["subject"],
        login=row["login"],
        reason=row["reason"],
        starts_at=datetime.fromisoformat(row["starts_at"]),
        expires_at=datetime.fromisoformat(row["expires_at"]),
    )
