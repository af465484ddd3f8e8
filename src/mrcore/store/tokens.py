"""Bearer tokens in the ledger. Every function is part of the caller's transaction."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from mrcore.model import core, ref
from mrcore.store import walk


@dataclass(frozen=True)
class Token:
    """A token: whom it stands for; `hash` is the sha256 of its secret part."""

    id: int
    login: str
    roles: tuple[str, ...]
    hash: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


def add(
    connection: sqlite3.Connection,
    *,
    login: str,
    roles: tuple[str, ...],
    digest: str,
    now: datetime,
    expires_at: datetime,
) -> int:
    """Store a token and return its number."""
    cursor = connection.execute(
        "INSERT INTO token (login, roles, hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        (login, json.dumps(roles), digest, now.isoformat(), expires_at.isoformat()),
    )
    return int(cursor.lastrowid or 0)


def find(connection: sqlite3.Connection, token: int) -> Token | None:
    """A token by its number, or None."""
    row = connection.execute("SELECT * FROM token WHERE id = ?", (token,)).fetchone()
    return _token(row) if row else None


def every(connection: sqlite3.Connection) -> list[Token]:
    """All tokens, oldest first, also revoked and expired ones."""
    return [_token(row) for row in connection.execute("SELECT * FROM token ORDER BY id")]


def revoke(connection: sqlite3.Connection, token: int, now: datetime) -> bool:
    """Revoke a token; False when there is none to revoke."""
    cursor = connection.execute(
        "UPDATE token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
        (now.isoformat(), token),
    )
    return cursor.rowcount == 1


def read(connection: sqlite3.Connection, wanted: walk.Walk) -> walk.Rows:
    """Tokens, page by page: never the secret or its hash.

    Raises BadRequest when the walk's text is no filter.
    """
    return walk.walk(connection, "token", "id", wanted, _entity)


def _entity(row: sqlite3.Row) -> tuple[core.Token, str]:
    token = _token(row)
    entity = core.Token(
        ref=ref.make("core", "token", token.id),
        actions=() if token.revoked_at else ("token.revoke",),
        id=token.id,
        login=token.login,
        roles=token.roles,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
    )
    return entity, f"{token.login} {' '.join(token.roles)}"


def _token(row: sqlite3.Row) -> Token:
    revoked = row["revoked_at"]
    return Token(
        id=row["id"],
        login=row["login"],
        roles=tuple(json.loads(row["roles"])),
        hash=row["hash"],
        created_at=datetime.fromisoformat(row["created_at"]),
        expires_at=datetime.fromisoformat(row["expires_at"]),
        revoked_at=datetime.fromisoformat(revoked) if revoked else None,
    )
