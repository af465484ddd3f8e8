"""The servers that every other test stands on."""

from __future__ import annotations

import asyncpg
import redis


async def test_each_test_has_its_own_database(database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        assert (
            await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname='public'")
            == 0
        )
    finally:
        await connection.close()


def test_each_test_has_its_own_redis_database(redis_url: str) -> None:
    with redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
