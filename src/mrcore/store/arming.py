"""Who is armed, in the ledger. Every function is part of the caller's transaction."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from mrcore.model import core, ref


def arm(connection: sqlite3.Connection, arming: core.Arming, operation: int) -> None:
    """Let a login change the environment until `arming.until`; it replaces what it had."""
    connection.execute(
        "INSERT OR REPLACE INTO arming VALUES (?, ?, ?, ?, ?)",
        (
            arming.login,
            arming.reason,
            arming.since.isoformat(),
            arming.until.isoformat(),
            operation,
        ),
    )


def armed_by(connection: sqlite3.Connection, login: str) -> int | None:
    """The number of the operation that armed a login last."""
    row = connection.execute("SELECT operation FROM arming WHERE login = ?", (login,)).fetchone()
    return int(row[0]) if row else None


def disarm(connection: sqlite3.Connection, login: str, now: datetime) -> None:
    """End a login's arming; it stays known which operation it was."""
    connection.execute(
        "UPDATE arming SET until = ? WHERE login = ? AND until > ?",
        (now.isoformat(), login, now.isoformat()),
    )


def find(connection: sqlite3.Connection, login: str, now: datetime) -> core.Arming | None:
    """A login's arming while it lasts."""
    return next((a for a in lasting(connection, now) if a.login == login), None)


def lasting(connection: sqlite3.Connection, now: datetime) -> list[core.Arming]:
    """Every arming that has not ended."""
    rows = connection.execute("SELECT * FROM arming ORDER BY login")
    armings = [
        entity(
            row["login"],
            row["reason"],
            since=datetime.fromisoformat(row["since"]),
            until=datetime.fromisoformat(row["until"]),
        )
        for row in rows
    ]
    return [arming for arming in armings if arming.until > now]


def entity(login: str, reason: str, *, since: datetime, until: datetime) -> core.Arming:
    """An arming as it is shown."""
    return core.Arming(
        ref=ref.make("core", "arming", login),
        actions=("core.disarm",),
        login=login,
        reason=reason,
        since=since,
        until=until,
    )
