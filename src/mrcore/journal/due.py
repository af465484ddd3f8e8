"""Delayed jobs whose time has come: into the queue, each in one step."""

from __future__ import annotations

from datetime import datetime

from huey import signals

from mrcore.journal import writer

MOST = 500
"""Jobs at once."""


def move(pen: writer.Writer, timestamp: datetime | None) -> int:
    """Move what is due at `timestamp` (huey's clock, naive; None is now); how many that were.

    Raises redis.RedisError.
    """
    until = pen.huey.storage.convert_ts(timestamp or pen.huey._get_timestamp())
    found = pen.conn.zrangebyscore(pen.place.schedule, "-inf", until, start=0, num=MOST)
    return sum(_one(pen, message) for message in found)


def _one(pen: writer.Writer, message: bytes) -> bool:
    try:
        task = pen.huey.deserialize_task(message)
    except Exception:  # whoever claims it fails it, and says why
        return bool(pen.call("due", "", message, message) == b"done")
    fresh = message
    if task.expires:  # huey counts it from when the job is due
        task.resolve_expires(pen.huey.utc)
        fresh = pen.huey.serialize_task(task)
    moved = bool(pen.call("due", task.id, message, fresh) == b"done")
    if moved:
        pen.huey._emit(signals.SIGNAL_ENQUEUED, task)
    return moved
