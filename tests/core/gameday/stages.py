"""A stage over the real servers of the tests, without a stack around them."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mrcore import folder
from mrcore.gameday import arena
from mrcore.gameday.faults import base


def names(dsn: str, redis_url: str) -> dict[str, str]:
    """What Mr. Mentor would be told."""
    pg, at = urlsplit(dsn), urlsplit(redis_url)
    return {
        "DB_HOST": str(pg.hostname),
        "DB_PORT": str(pg.port),
        "DB_USERNAME": str(pg.username),
        "DB_PASSWORD": str(pg.password),
        "DB_NAME": pg.path[1:],
        "REDIS_HOST": str(at.hostname),
        "REDIS_PORT": str(at.port),
        "REDIS_PASSWORD": "",
        "REDIS_DB": at.path[1:],
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": "1",
        "EMAIL_USER": "u",
        "EMAIL_PASS": "p",
        "RAZORPAY_URL": "http://127.0.0.1:1/razorpay",
    }


def line(dsn: str, redis_url: str) -> dict[str, Any]:
    """A stack's ready line, as far as a game day reads it."""
    own = {"switch": "http://127.0.0.1:1", "backends": {"blue": "http://127.0.0.1:1"}}
    return {"postgres": dsn, "redis": redis_url, **own}


@contextlib.asynccontextmanager
async def stage(
    state: Path, dsn: str = "", redis_url: str = "redis://127.0.0.1:1/0"
) -> AsyncIterator[base.Stage]:
    """A stage whose open connections end with it."""
    where = arena.Arena(
        folder.StateFolder(state).make(),
        line(dsn, redis_url),
        names(dsn or "postgresql://u:p@127.0.0.1:1/d", redis_url),
    )
    async with contextlib.AsyncExitStack() as held:
        yield base.Stage(where, random.Random(7), held)
