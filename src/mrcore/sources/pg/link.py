"""How a Postgres connection is opened, and its errors as sentences."""

from __future__ import annotations

import contextlib
import socket
from typing import TypeAlias

import asyncpg
from pydantic import SecretStr

from mrcore import errors
from mrcore.sources import kept

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

SETTINGS = {
    "application_name": "mrcore",
    "statement_timeout": "2s",
    "lock_timeout": "200ms",
    "idle_in_transaction_session_timeout": "10s",
    "jit": "off",
}
"""Of every connection; in autocommit, so that the statistics views are never frozen."""

BAD_DSN = "The DSN does not parse: in a password / : @ % are written as %2F %3A %40 %25."

_SOCKET_OPTIONS = {
    "TCP_KEEPIDLE": 10,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 30_000,
}
"""A peer that vanished is noticed within half a minute; a stopped process still acknowledges."""

_LIMITS = {
    "pg_use_reserved_connections": "max_connections - reserved_connections is reached; the rest "
    "is reserved for members of pg_use_reserved_connections",
    "SUPERUSER": "max_connections - superuser_reserved_connections is reached; the rest is "
    "reserved for superusers",
    "superuser connections": "max_connections - superuser_reserved_connections is reached; the "
    "rest is reserved for superusers",
    "for role": "the role's CONNECTION LIMIT is reached",
    "for database": "the database's CONNECTION LIMIT is reached",
    "too many clients": "max_connections is reached",
}
"""Which limit a 53300 means, by its words (the code is one for all)."""


class Link:
    """Opens connections to one server; the reader's refuses to write."""

    failures: tuple[type[Exception], ...] = (
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,  # a connection that was cut in the middle of its start
        OSError,
    )

    def __init__(self, dsn: SecretStr, *, read_only: bool) -> None:
        self._dsn = dsn
        self._settings = {**SETTINGS, "default_transaction_read_only": "on" if read_only else "off"}

    async def open(self) -> Connection:
        """Connect.

        Raises Unreachable, NoSlot with the limit's name, or NotPermitted.
        """
        try:
            connection: Connection = await asyncpg.connect(
                self._dsn.get_secret_value(), timeout=kept.OPEN_S, server_settings=self._settings
            )
        except self.failures as error:
            raise self.explain(error) from error
        except ValueError:
            raise errors.Unreachable(BAD_DSN) from None
        _watch(connection)
        return connection

    def lost(self, connection: Connection) -> bool:
        return connection.is_closed()

    async def close(self, connection: Connection) -> None:
        connection.terminate()

    def explain(self, error: Exception) -> errors.SourceError:
        """The sentence for a failure; of a DSN that does not parse nothing is repeated."""
        words = str(error).strip().rstrip(".")
        match error:
            case asyncpg.TooManyConnectionsError():
                limit = next((why for key, why in _LIMITS.items() if key in words), words)
                return kept.NoSlot(
                    f"Postgres has no connection left for us: {limit}.",
                    fix="Grant pg_use_reserved_connections and set reserved_connections = 2.",
                )
            case asyncpg.ClientConfigurationError():
                return errors.Unreachable(BAD_DSN)
            case (
                asyncpg.InvalidAuthorizationSpecificationError()
                | asyncpg.InsufficientPrivilegeError()
            ):
                return errors.NotPermitted(f"Postgres refused: {words}.")
            case asyncpg.QueryCanceledError():
                return errors.Unreachable(f"Postgres gave the statement up: {words}.")
            case (
                asyncpg.PostgresConnectionError()
                | asyncpg.InterfaceError()
                | asyncpg.InternalClientError()
                | OSError()
            ):
                return errors.Unreachable(f"Postgres cannot be reached: {words or 'no answer'}.")
            case asyncpg.OperatorInterventionError():
                return errors.Unreachable(f"Postgres is not available: {words}.")
        return errors.SourceError(f"Postgres answered with an error: {words}.")


def _watch(connection: Connection) -> None:
    """Notice a peer that is gone without a word; asyncpg sets no keepalive."""
    transport = connection._transport  # type: ignore[attr-defined]
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _SOCKET_OPTIONS.items():
        if (number := getattr(socket, option, None)) is not None:
            with contextlib.suppress(OSError):  # a platform that names it may still refuse it
                sock.setsockopt(socket.IPPROTO_TCP, number, value)
