"""People that a fault needs: those whom Mr. Mentor has, or one of the game day's own."""

from __future__ import annotations

from typing import Literal

import asyncpg

from mrcore.gameday.faults import base

Role = Literal["mentor", "student"]

_FIND = "SELECT id, email, role::text AS role FROM users WHERE role::text = $1 ORDER BY id LIMIT 1"
_MAKE = """INSERT INTO users (email, name, phone, role)
           VALUES ($1, 'Game Day', '+910000000000', $2::text::user_role) ON CONFLICT DO NOTHING"""


async def one(stage: base.Stage, role: Role) -> asyncpg.Record:
    """Id, e-mail and role of somebody; a stack without a seed has nobody, and is given one."""
    connection = await stage.arena.app("mrcore-gameday")
    try:
        found = await connection.fetchrow(_FIND, role)
        if found is None:
            await connection.execute(_MAKE, f"gameday-{role}@mrmentor.example", role)
            found = await connection.fetchrow(_FIND, role)
    finally:
        await connection.close()
    assert found is not None
    return found
