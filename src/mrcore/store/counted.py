"""Numbers up to which the core has seen what engines count. Part of the caller's transaction."""

from __future__ import annotations

import sqlite3

from mrcore.model import wire


def joined(earlier: wire.Counted, later: wire.Counted) -> wire.Counted:
    """What was seen in all: from the first number of the one to the last of the other."""
    fresh = {name: (earlier.get(name, span)[0], span[1]) for name, span in later.items()}
    return {**earlier, **fresh}


def keep(connection: sqlite3.Connection, seen: wire.Counted) -> dict[str, int]:
    """Keep the last numbers; how many lie between those kept before and the first seen now.

    What begins below the number kept before was seen already, or is counted anew.
    """
    missed: dict[str, int] = {}
    for name, (first, last) in seen.items():
        row = connection.execute("SELECT number FROM counted WHERE name = ?", (name,)).fetchone()
        if row is not None and first > row[0] + 1:
            missed[name] = first - row[0] - 1
        connection.execute(
            "INSERT INTO counted VALUES (?, ?) ON CONFLICT DO UPDATE SET number = excluded.number",
            (name, last),
        )
    return missed
