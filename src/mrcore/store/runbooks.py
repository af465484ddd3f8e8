"""Runs of runbooks in the ledger. Every function is part of the caller's transaction.

What is remembered of a run, and each line of its timeline, is a text: its meaning is
`mrcore.runbooks`' own, but for `acted`: whether something was done.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple


class Kept(NamedTuple):
    """A run as it is kept; `ended_at` is empty while it is active."""

    id: int
    runbook: str
    subject: str
    state: str
    began_at: str
    ended_at: str
    body: str


def begin(connection: sqlite3.Connection, new: Kept) -> int | None:
    """Keep a new run and return its number; None where one is active on the same."""
    made = connection.execute(
        "INSERT OR IGNORE INTO runbook_run (runbook, subject, active, state, began_at, ended_at,"
        " body) VALUES (?, ?, 1, ?, ?, '', ?)",
        (new.runbook, new.subject, new.state, new.began_at, new.body),
    )
    return made.lastrowid if made.rowcount else None


def keep(connection: sqlite3.Connection, run: Kept) -> None:
    """Replace what is remembered of a run."""
    connection.execute(
        "UPDATE runbook_run SET active = ?, state = ?, ended_at = ?, body = ? WHERE id = ?",
        (not run.ended_at, run.state, run.ended_at, run.body, run.id),
    )


def active(connection: sqlite3.Connection) -> list[Kept]:
    """Every run that has not ended, oldest first."""
    rows = connection.execute("SELECT * FROM runbook_run WHERE active ORDER BY id")
    return [_kept(row) for row in rows]


def newest(connection: sqlite3.Connection, count: int) -> list[Kept]:
    """The newest runs that have ended, newest first."""
    rows = connection.execute(
        "SELECT * FROM runbook_run WHERE NOT active ORDER BY id DESC LIMIT ?", (count,)
    )
    return [_kept(row) for row in rows]


def find(connection: sqlite3.Connection, number: int) -> Kept | None:
    """A run by its number."""
    row = connection.execute("SELECT * FROM runbook_run WHERE id = ?", (number,)).fetchone()
    return _kept(row) if row else None


def recovered(connection: sqlite3.Connection) -> dict[str, datetime]:
    """When each runbook last led to a recovery: what went by itself, it did not."""
    rows = connection.execute(
        "SELECT runbook, max(ended_at) AS at FROM runbook_run WHERE state = 'recovered'"
        " AND json_extract(body, '$.acted')"
        " GROUP BY runbook"
    )
    return {row["runbook"]: datetime.fromisoformat(row["at"]) for row in rows}


def of_alerts(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """The firings (ref, instant) for which there was a run."""
    return {(row["alert"], row["fired"]) for row in connection.execute("SELECT * FROM run_alert")}


def note_alert(connection: sqlite3.Connection, alert: str, fired: str, run: int) -> None:
    """For this firing there was a run; older firings of the alert are forgotten."""
    connection.execute("DELETE FROM run_alert WHERE alert = ?", (alert,))
    connection.execute("INSERT INTO run_alert VALUES (?, ?, ?)", (alert, fired, run))


def tell(connection: sqlite3.Connection, run: int, bodies: Iterable[str]) -> None:
    """Add to the timeline of a run."""
    connection.executemany(
        "INSERT INTO run_event (run, body) VALUES (?, ?)", [(run, body) for body in bodies]
    )


def timeline(connection: sqlite3.Connection, run: int) -> list[str]:
    """The timeline of a run, oldest first."""
    rows = connection.execute("SELECT body FROM run_event WHERE run = ? ORDER BY seq", (run,))
    return [row["body"] for row in rows]


def _kept(row: sqlite3.Row) -> Kept:
    return Kept(
        row["id"],
        row["runbook"],
        row["subject"],
        row["state"],
        row["began_at"],
        row["ended_at"],
        row["body"],
    )
