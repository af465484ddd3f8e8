"""Which hueys can be watched."""

from __future__ import annotations

from huey.api import Huey
from huey.storage import PriorityRedisStorage, RedisStorage


class NotSupported(TypeError):
    """This huey cannot be watched; the sentence says why."""


def check(huey: Huey) -> None:
    """Raise NotSupported for a huey whose queue is not a Redis list."""
    if huey.immediate:
        raise NotSupported(f"huey {huey.name!r} is immediate; there is no queue to watch.")
    if isinstance(huey.storage, PriorityRedisStorage):
        raise NotSupported(
            f"huey {huey.name!r} has priorities; its queue is a sorted set, from which a job "
            "cannot be claimed in one step. Use RedisHuey."
        )
    if not isinstance(huey.storage, RedisStorage):
        kind = type(huey.storage).__name__
        raise NotSupported(f"huey {huey.name!r} keeps its queue in {kind}; use RedisHuey.")
