"""Dead man's switches in the ledger. Every function is part of the caller's transaction."""

from __future__ import annotations

import sqlite3


def remembered(connection: sqlite3.Connection) -> dict[str, str]:
    """What is remembered of every switch, by its name."""
    return {row["name"]: row["body"] for row in connection.execute("SELECT * FROM heartbeat")}


def remember(connection: sqlite3.Connection, name: str, body: str) -> None:
    """Replace what is remembered of one."""
    connection.execute("INSERT OR REPLACE INTO heartbeat VALUES (?, ?)", (name, body))
