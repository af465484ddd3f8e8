"""The schema of Mr. Mentor: numbered SQL files, each applied once, all in one transaction."""

from __future__ import annotations

from importlib import resources

import asyncpg

from mrcore import errors

_LOCK = 7_361_001
"""Advisory lock: two seeds at once would both see a file as missing."""


def files() -> list[tuple[int, str, str]]:
    """Number, name and text of every file, in order."""
    folder = resources.files("mrcore.mentor") / "schema"
    found = [f for f in folder.iterdir() if f.name.endswith(".sql")]
    return sorted((int(f.name[:4]), f.name, f.read_text()) for f in found)


async def run(connection: asyncpg.Connection) -> list[str]:
    """Apply what is missing as `mentor_owner`; the names of what was applied, often none.

    Raises StackError that names the file when Postgres refuses it; then nothing was applied.
    """
    applied: list[str] = []
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute("SET LOCAL ROLE mentor_owner")
        if not await connection.fetchval("SELECT to_regclass('public.mentor_migrations')"):
            await connection.execute(
                "CREATE TABLE public.mentor_migrations (number integer PRIMARY KEY,"
                " name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
            )
        rows = await connection.fetch("SELECT number FROM public.mentor_migrations")
        known = {row["number"] for row in rows}
        for number, name, text in files():
            if number in known:
                continue
            try:
                await connection.execute(text)
            except asyncpg.PostgresError as error:
                raise errors.StackError(f"Schema file {name} failed: {error}.") from error
            await connection.execute(
                "INSERT INTO public.mentor_migrations (number, name) VALUES ($1, $2)", number, name
            )
            applied.append(name)
    return applied
