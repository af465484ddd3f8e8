"""An application for `mrcore worker --app tests.core.worker_app:hueys`."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import huey
import redis

from mrcore import journal, scheduler

NAMES = ("emailQueue", "kpiQueue", "odd/name %")


def hueys(pool: redis.ConnectionPool) -> dict[str, Any]:
    """Three queues, each with the same jobs; the heartbeat is fast."""
    conn: Any = redis.Redis(connection_pool=pool)
    made: dict[str, Any] = {}
    for name in NAMES:
        each = made[name] = huey.RedisHuey(name, connection_pool=pool, clean_name=False)
        journal.watch(each)

        @each.task(name="note")
        def note(key: str) -> None:
            conn.incr(key)

        @each.task(name="fail", retries=1)
        def fail(words: str) -> None:
            raise OSError(words)

        @each.task(name="hold")
        def hold(key: str) -> None:
            """Says that it has begun and ends when it is told to."""
            conn.lpush(f"{key}:begun", 1)
            conn.blpop([f"{key}:go"], 60)

        @each.task(name="stuck")
        def stuck(key: str) -> None:
            if conn.incr(key) == 1:
                conn.lpush(f"{key}:begun", 1)
                threading.Event().wait(60)

    return made


def schedules(config: object) -> tuple[scheduler.Declared, ...]:
    """One that runs at once."""
    every = timedelta(hours=12)
    return (scheduler.Declared("twice a day", "kpiQueue", "note", every=every, args=("ticked",)),)
