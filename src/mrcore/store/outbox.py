"""Messages to channels in the ledger. Every function is part of the caller's transaction.

A message is open until it was sent or dropped. Of one channel and group the oldest open one goes
first, so that no end is told before its beginning.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from mrcore.model import base
from mrcore.store import alerts as store

SENT, DROPPED = "sent", "dropped"

_HEADS = """
SELECT * FROM message WHERE id IN (
    SELECT MIN(id) FROM message WHERE ended_at IS NULL GROUP BY channel, grp
) ORDER BY due_at, id"""
_SINCE_END = """
SELECT DISTINCT m.channel, m.grp FROM told t
JOIN notice n ON n.seq = t.notice JOIN message m ON m.id = t.message
WHERE n.alert = ?1 AND n.seq > (
    SELECT COALESCE(MAX(seq), 0) FROM notice WHERE alert = ?1 AND kind = 'resolved' AND seq < ?2
) ORDER BY m.id"""


class Told(NamedTuple):
    """Where an alert's firing was told, or will be: a channel, and the group it is in there."""

    channel: str
    group: str


class Place(NamedTuple):
    """A message that a notice goes into, the open one of that channel and group or a new one."""

    notice: int
    channel: str
    group: str
    due_at: datetime


class Message(NamedTuple):
    """A message that is not sent yet; `body` is empty while it takes more notices."""

    id: int
    channel: str
    group: str
    made_at: datetime
    due_at: datetime
    body: str
    tries: int
    error: str


class Line(NamedTuple):
    """One telling of an alert: what, and what became of it; no channel: told to nobody."""

    kind: str
    at: datetime
    why: str
    channel: str = ""
    tries: int = 0
    error: str = ""
    due_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str = ""


def unsorted(connection: sqlite3.Connection, most: int) -> list[tuple[int, store.Notice]]:
    """The oldest notices that are in no message yet."""
    rows = connection.execute(
        "SELECT * FROM notice WHERE seq > (SELECT seq FROM sorted) ORDER BY seq LIMIT ?", (most,)
    )
    return [(row["seq"], store.Notice(*tuple(row)[1:])) for row in rows]


def told_of(connection: sqlite3.Connection, alert: base.Ref, before: int) -> list[Told]:
    """Where an alert was told since its last end before that notice."""
    return [Told(*row) for row in connection.execute(_SINCE_END, (alert, before))]


def place(
    connection: sqlite3.Connection, places: Iterable[Place], up_to: int, now: datetime
) -> None:
    """Put notices into messages; all up to that number are sorted then."""
    for each in places:
        number = _open(connection, each.channel, each.group, each.due_at, now)
        connection.execute("INSERT OR IGNORE INTO told VALUES (?, ?)", (each.notice, number))
    connection.execute("UPDATE sorted SET seq = MAX(seq, ?)", (up_to,))


def _open(
    connection: sqlite3.Connection, channel: str, group: str, due_at: datetime, now: datetime
) -> int:
    """The number of the message that takes more notices; it is due when its first one is."""
    row = connection.execute(
        "SELECT id, due_at FROM message"
        " WHERE channel = ? AND grp = ? AND ended_at IS NULL AND body = '' ORDER BY id LIMIT 1",
        (channel, group),
    ).fetchone()
    if row is None:
        made = connection.execute(
            "INSERT INTO message (channel, grp, made_at, due_at) VALUES (?, ?, ?, ?)",
            (channel, group, now.isoformat(), due_at.isoformat()),
        )
        return int(made.lastrowid or 0)
    if due_at < datetime.fromisoformat(row["due_at"]):
        postpone(connection, row["id"], due_at)
    return int(row["id"])


def heads(connection: sqlite3.Connection) -> list[Message]:
    """The message of each channel and group that goes first, what is due first."""
    return [_message(row) for row in connection.execute(_HEADS)]


def find(connection: sqlite3.Connection, message: int) -> Message | None:
    """A message by its number, while it is not sent."""
    row = connection.execute(
        "SELECT * FROM message WHERE id = ? AND ended_at IS NULL", (message,)
    ).fetchone()
    return _message(row) if row else None


def _message(row: sqlite3.Row) -> Message:
    return Message(
        id=row["id"],
        channel=row["channel"],
        group=row["grp"],
        made_at=datetime.fromisoformat(row["made_at"]),
        due_at=datetime.fromisoformat(row["due_at"]),
        body=row["body"],
        tries=row["tries"],
        error=row["error"],
    )


def last_sent(connection: sqlite3.Connection, channel: str, group: str) -> datetime | None:
    """When a message of that channel and group was sent last."""
    found = connection.execute(
        "SELECT MAX(ended_at) FROM message WHERE channel = ? AND grp = ? AND outcome = 'sent'",
        (channel, group),
    ).fetchone()[0]
    return datetime.fromisoformat(found) if found else None


def notices(connection: sqlite3.Connection, message: int) -> list[tuple[int, store.Notice]]:
    """The notices of a message, in their order."""
    rows = connection.execute(
        "SELECT n.* FROM told t JOIN notice n ON n.seq = t.notice WHERE t.message = ?"
        " ORDER BY n.seq",
        (message,),
    )
    return [(row["seq"], store.Notice(*tuple(row)[1:])) for row in rows]


def move(
    connection: sqlite3.Connection, message: Message, group: str, due_at: datetime, now: datetime
) -> bool:
    """Put what an unwritten message has into another group's; False when that is too late."""
    still = connection.execute(
        "SELECT 1 FROM message WHERE id = ? AND body = '' AND ended_at IS NULL", (message.id,)
    ).fetchone()
    if still is None:
        return False
    other = _open(connection, message.channel, group, due_at, now)
    connection.execute(
        "UPDATE OR IGNORE told SET message = ? WHERE message = ?", (other, message.id)
    )
    connection.execute("DELETE FROM told WHERE message = ?", (message.id,))
    connection.execute("DELETE FROM message WHERE id = ?", (message.id,))
    return True


def unsent(connection: sqlite3.Connection, channel: str) -> set[base.Ref]:
    """The alerts of whose beginning that channel was sent nothing yet, not even in vain."""
    rows = connection.execute(
        "SELECT n.alert FROM message m JOIN told t ON t.message = m.id"
        " JOIN notice n ON n.seq = t.notice"
        " WHERE m.channel = ? AND m.ended_at IS NULL AND m.tries = 0 AND n.kind = 'fired'"
        " UNION SELECT alert FROM notice"
        " WHERE seq > (SELECT seq FROM sorted) AND kind = 'fired'",
        (channel,),
    )
    return {row["alert"] for row in rows}


def write(connection: sqlite3.Connection, message: int, body: str, seen: Sequence[int]) -> bool:
    """Write a message; False, and nothing is, when it has other notices than were `seen`."""
    if [seq for seq, _ in notices(connection, message)] != list(seen):
        return False
    connection.execute("UPDATE message SET body = ? WHERE id = ?", (body, message))
    return True


def postpone(connection: sqlite3.Connection, message: int, due_at: datetime) -> None:
    """Let it be due then."""
    connection.execute("UPDATE message SET due_at = ? WHERE id = ?", (due_at.isoformat(), message))


def failed(connection: sqlite3.Connection, message: int, error: str, due_at: datetime) -> None:
    """A try has failed; the next one is due then."""
    connection.execute(
        "UPDATE message SET tries = tries + 1, error = ?, due_at = ? WHERE id = ?",
        (error, due_at.isoformat(), message),
    )


def end(
    connection: sqlite3.Connection, message: int, outcome: str, now: datetime, error: str = ""
) -> None:
    """It was sent, or is dropped and why."""
    connection.execute(
        "UPDATE message SET ended_at = ?, outcome = ?, error = ?, tries = tries + ? WHERE id = ?",
        (now.isoformat(), outcome, error, int(outcome == SENT), message),
    )


def lines(connection: sqlite3.Connection, alert: base.Ref, most: int) -> list[Line]:
    """What was told of an alert and where, the newest first."""
    rows = connection.execute(
        "SELECT n.kind, n.at, n.why, m.channel, m.tries, m.error, m.due_at, m.ended_at, m.outcome"
        " FROM notice n LEFT JOIN told t ON t.notice = n.seq"
        " LEFT JOIN message m ON m.id = t.message"
        " WHERE n.alert = ? ORDER BY n.seq DESC, m.channel LIMIT ?",
        (alert, most),
    )
    return [
        Line(
            kind=row["kind"],
            at=datetime.fromisoformat(row["at"]),
            why=row["why"],
            channel=row["channel"] or "",
            tries=row["tries"] or 0,
            error=row["error"] or "",
            due_at=datetime.fromisoformat(row["due_at"]) if row["due_at"] else None,
            ended_at=datetime.fromisoformat(row["ended_at"]) if row["ended_at"] else None,
            outcome=row["outcome"] or "",
        )
        for row in rows
    ]
