"""Schemas of the files of a state folder: numbered SQL files, applied in order, after a copy."""

from __future__ import annotations

import importlib.resources
import sqlite3
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path

from mrcore import errors


def apply(connection: sqlite3.Connection, path: Path, schema: str) -> None:
    """Bring the file to this release's schema, a numbered SQL file at a time.

    A file that has data is copied first (`ledger.sqlite.before-2`).
    Raises StoreError when a newer release has written it.
    """
    files = numbered(schema)
    have = _version(connection)
    if have > len(files):
        raise errors.StoreError(
            f"{path} was written by a newer release (schema {have}, this one knows {len(files)}).",
            fix="Start that release, or name another state folder with --state DIR.",
        )
    if 0 < have < len(files):
        copy = Path(f"{path}.before-{have + 1}")
        copy.unlink(missing_ok=True)
        connection.execute("VACUUM INTO ?", (str(copy),))
        copy.chmod(0o600)
    for number, file in enumerate(files[have:], have + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _version(connection) < number:  # else a command, or the core, came first
                for statement in _statements(file.read_text()):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, triggers and comments included."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def numbered(schema: str) -> list[Traversable]:
    """The SQL files of a schema in their order."""
    folder = importlib.resources.files("mrcore.store") / "schema" / schema
    return sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
