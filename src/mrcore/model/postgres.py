"""Postgres: the server with its limits, and its sessions (pg_stat_activity)."""

from __future__ import annotations

from mrcore.model.base import Entity, Instant


class PostgresServer(Entity):
    """One server: limits and counts of client backends.

    `max_connections`, `reserved` and `superuser_reserved` are the settings of those names; an
    application may open at most `max_connections - reserved - superuser_reserved`. `sessions` and
    `by_app` count the core's own two, which take slots; `left_out` are not in the live set.
    """

    KIND = "postgres"

    version: str
    database: str = ""
    started_at: Instant | None = None
    in_recovery: bool = False
    max_connections: int = 0
    reserved: int = 0
    superuser_reserved: int = 0
    sessions: int = 0
    left_out: int = 0
    by_state: dict[str, int] = {}
    by_app: dict[str, int] = {}
    blocked: int = 0
    oldest_xact_start: Instant | None = None


class Session(Entity):
    """One client backend of pg_stat_activity; `blocked_by` is pg_blocking_pids()."""

    KIND = "session"

    pid: int
    backend_start: Instant | None = None
    user: str = ""
    database: str = ""
    app: str = ""
    client: str = ""
    state: str = ""
    state_since: Instant | None = None
    xact_start: Instant | None = None
    query_start: Instant | None = None
    wait: str = ""
    query: str = ""
    blocked_by: tuple[int, ...] = ()
    blocks: tuple[int, ...] = ()
