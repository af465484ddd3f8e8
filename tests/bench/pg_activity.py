"""pg_activity's own statements, where it is installed (`pip install --no-deps pg_activity`)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import asyncpg

NAME = "pg_activity"
_FILES = (
    "get_server_info_post_110000",
    "get_pg_activity_post_130000",
    "get_waiting_post_090200",
    "get_blocking_post_090600",
)
_WORDS = {
    "{dbname_filter}": "NULL",
    "%(dbname_filter)s": "''",
    "{duration_column}": "query_start",
    "{min_duration}": "0",
    "%(min_duration)s": "0",
    "%(skip_db_size)s": "true",  # the cheaper way, --no-db-size
    "%(prev_total_size)s": "0",
    "%(using_rds)s": "false",
}


def statements() -> list[str]:
    """What one refresh runs with no option but --no-db-size; empty where it is not installed."""
    found = importlib.util.find_spec("pgactivity")
    if found is None or found.origin is None:
        return []
    folder = Path(found.origin).parent / "queries"
    return [_filled((folder / f"{name}.sql").read_text()) for name in _FILES]


def _filled(text: str) -> str:
    for word, value in _WORDS.items():
        text = text.replace(word, value)
    return text


async def refresh(dsn: str, rounds: int) -> None:
    """Refresh as often, on one connection, as pg_activity does."""
    settings = {"application_name": NAME}
    connection = await asyncpg.connect(dsn, server_settings=settings)
    try:
        for _ in range(rounds):
            for statement in statements():
                await connection.fetch(statement)
    finally:
        await connection.close()
