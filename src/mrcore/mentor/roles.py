"""The database roles: who owns, who works, who watches.

| role | login | what it may |
|---|---|---|
| `mentor_owner` | no | owns schemas and tables |
| `mentor_app` | yes | the backend's rows; on the trails INSERT and SELECT only (schema/0005) |
| `mr_watcher` | yes | read statistics, end sessions, connect when all slots are taken; read-only |
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

import asyncpg
from pydantic import SecretStr

_WATCHER_GRANTS = ("pg_monitor", "pg_signal_backend", "pg_use_reserved_connections")
"""The last one exists since Postgres 16."""

_ITERATIONS = 4096


async def make(
    connection: asyncpg.Connection, *, app_password: SecretStr, watcher_password: SecretStr
) -> None:
    """Make the roles or bring them to this state; `connection` is a superuser's.

    Passwords are sent as verifiers, so that no statement, log or view shows them; an empty one
    leaves the role's as it is.
    """
    await _role(connection, "mentor_owner", "NOLOGIN", None)
    await _role(connection, "mentor_app", "LOGIN", app_password)
    await _role(connection, "mr_watcher", "LOGIN", watcher_password)
    await connection.execute("ALTER ROLE mr_watcher SET default_transaction_read_only = on")
    rows = await connection.fetch(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY($1)", list(_WATCHER_GRANTS)
    )
    for row in rows:
        await connection.execute(f"GRANT {row['rolname']} TO mr_watcher")
    await connection.execute(
        "DO $$ BEGIN EXECUTE format("
        "'GRANT CONNECT, CREATE ON DATABASE %I TO mentor_owner', current_database());"
        " EXECUTE format("
        "'GRANT CONNECT ON DATABASE %I TO mentor_app, mr_watcher', current_database()); END $$"
    )
    await connection.execute("GRANT USAGE, CREATE ON SCHEMA public TO mentor_owner")


async def _role(
    connection: asyncpg.Connection, name: str, login: str, password: SecretStr | None
) -> None:
    exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name)
    given = password is not None and password.get_secret_value()
    secret = f" PASSWORD '{verifier(password)}'" if password and given else ""
    await connection.execute(f"{'ALTER' if exists else 'CREATE'} ROLE {name} {login}{secret}")


def verifier(password: SecretStr, salt: bytes | None = None) -> str:
    """A SCRAM-SHA-256 verifier as `pg_authid.rolpassword` keeps it (RFC 5803)."""
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.get_secret_value().encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(_ITERATIONS, *parts)
