"""Whose sessions this role may cancel and terminate, and the GRANT that is missing."""

from __future__ import annotations

from typing import Any, Protocol

from mrcore.model import base

CANCEL, TERMINATE = "pg.cancel", "pg.terminate"
RUNNING = ("active", "fastpath function call")


class Row(Protocol):
    """A row of a statement: a value by column name."""

    def __getitem__(self, column: str, /) -> Any: ...


class Rights:
    """What PostgreSQL's pg_signal_backend() would allow, from the row of server.sql.

    Superusers' sessions only a superuser may signal; others' only a member of that role or of
    pg_signal_backend. PostgreSQL checks all of it again when it is done.
    """

    def __init__(self, server: Row) -> None:
        self._login: str = server["login"]
        self._all: bool = server["superuser"]
        self._others: bool = server["signals"]
        self._superusers = frozenset((server["superusers"] or "").split())
        self._own_roles = frozenset((server["own_roles"] or "").split())

    @property
    def missing(self) -> str:
        """The grant that a role needs that may signal its own sessions only; else ''."""
        if self._all or self._others:
            return ""
        return f"needs GRANT pg_signal_backend TO {self._login}; for sessions of other roles"

    def refusal(self, row: Row) -> str:
        """Why this client's session cannot be signalled; '' where it can."""
        if row["backend_start"] is None or row["state"] is None:
            return f"its state is hidden: GRANT pg_read_all_stats TO {self._login}; is missing"
        role = str(row["usesysid"])
        if self._all:
            return ""
        if role in self._superusers:
            return f"it is a superuser's, and {self._login} is none: no GRANT changes that"
        if self._others or role in self._own_roles:
            return ""
        return f"it is another role's: GRANT pg_signal_backend TO {self._login}; is missing"

    def actions(self, row: Row) -> tuple[base.ActionId, ...]:
        """What can be done to a client's session as it is now."""
        if self.refusal(row):
            return ()
        return (CANCEL, TERMINATE) if row["state"] in RUNNING else (TERMINATE,)
