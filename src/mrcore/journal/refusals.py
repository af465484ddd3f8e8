"""Messages that huey cannot make a task of: they fail at once, and are kept."""

from __future__ import annotations

import logging
from typing import Any

from huey.api import Task

from mrcore.journal import (
    claims,
    endings,
    ghosts,
    heads,
    heart,
    projection,
    reader,
    scripts,
    writer,
)

log = logging.getLogger("mrcore.journal")
_Task: Any = Task  # huey has no types


def refuse(ends: endings.Endings, worker: heart.Heart, message: bytes, error: Exception) -> None:
    """Fail a claimed message because of `error`. Raises redis.RedisError."""
    job_id, fields = _described(message)
    hands = (worker.name, message, writer.word())
    reply = ends.pen.call("start", job_id, *hands, *scripts.flat(fields))
    if reply[0] != b"started":
        return
    n, at_s = int(reply[1]), float(reply[-1])
    task = _Task(id=job_id)
    claim = claims.Claim(message, task, worker.name, n, n, 0, 0.0, at_s, error=error)
    ends.finish(claim, worker.stopping)
    log.error("Job %s of %s cannot be read: %s", job_id, ends.pen.place.queue.name, error)


def _described(message: bytes) -> tuple[str, dict[str, scripts.Value | None]]:
    """The id of its job, and what is known of that if nobody has written it down."""
    try:
        seen = reader.read(message)
    except reader.Unreadable as unreadable:
        why = projection.dump({"unreadable": str(unreadable)})
        return heads.begins(message) or heads.nameless(message), {"task": "?", "payload": why}
    return seen.id, ghosts.described(seen)
