"""A seeded Mr. Mentor for the tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import asyncpg
import pytest
from pydantic import SecretStr

from mrcore.mentor import people, seed
from tests import servers

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
SEED = 7
TINY = people.Scale("small", 2, 3, 4, 60, 12, 60, 30, 40, 40, 30, 20)


def order(
    database: str, number: int | None = SEED, scale: people.Scale = people.SMALL
) -> seed.Order:
    """An order for the database of this DSN, with the tests' passwords."""
    return seed.Order(
        admin_dsn=SecretStr(database),
        database=urlsplit(database).path.removeprefix("/"),
        app_password=SecretStr(servers.PASSWORD),
        watcher_password=SecretStr(servers.PASSWORD),
        seed=number,
        scale=scale,
    )


def as_role(database: str, role: str) -> str:
    """The same database's DSN for another role with the tests' password."""
    return database.replace("mr_admin:", f"{role}:", 1)


@pytest.fixture
async def seeded(database: str) -> str:
    """DSN (superuser) of a database with a tiny Mr. Mentor as of NOW."""
    await seed.make(order(database, scale=TINY), now=lambda: NOW)
    return database


@pytest.fixture
async def app(seeded: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to it as `mentor_app`."""
    connection = await asyncpg.connect(as_role(seeded, "mentor_app"))
    yield connection
    await connection.close()
