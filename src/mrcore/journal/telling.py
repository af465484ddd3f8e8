"""What a running job tells of itself: how far it is, lines of its own log, whom it enqueues."""

from __future__ import annotations

import json
import math
from contextvars import ContextVar
from dataclasses import dataclass

import redis

from mrcore.journal import claims, writer

LINE_MAX = 1_000
"""Characters of a line; the newest 100 lines of a job are kept."""


@dataclass(frozen=True)
class Running:
    """The job that this thread (or greenlet) runs, and who writes for its queue."""

    pen: writer.Writer
    claim: claims.Claim

    @property
    def key(self) -> str:
        """The job's hash."""
        return self.pen.place.queue.job(self.claim.id)


NOW: ContextVar[Running | None] = ContextVar("mr_journal_running", default=None)


def progress(share: float) -> bool:
    """How far the job that runs here has come, from 0 to 1; whether it could be written down.

    Outside of a job nothing is done. Raises ValueError for what is no such share.
    """
    if not (math.isfinite(share) and 0 <= share <= 1):
        raise ValueError(f"{share} is no progress; it goes from 0 to 1.")
    return _tell(f"{share:.4f}", "")


def log(line: str) -> bool:
    """A line into the log of the job that runs here; whether it could be written down.

    Outside of a job nothing is done.
    """
    found = NOW.get()
    if found is None:
        return False
    known = {"at": found.pen.now_s(), "n": found.claim.n, "line": line[:LINE_MAX]}
    return _tell("", json.dumps(known))


def _tell(share: str, line: str) -> bool:
    """A job does not fail because Redis is away for a line of its log."""
    found = NOW.get()
    if found is None:
        return False
    claim = found.claim
    try:
        reply = found.pen.call("tell", claim.id, claim.worker, share, line, claim.n)
    except redis.RedisError:
        return False
    return bool(reply == b"done")


def parent(job_id: str) -> tuple[str, str]:
    """The hash of the job that enqueues this one from here, and its queue and id as JSON, or ''."""
    found = NOW.get()
    if found is None or found.claim.id == job_id:
        return "", ""
    return found.key, json.dumps([found.pen.place.queue.name, found.claim.id])


def retrying(job_id: str) -> claims.Claim | None:
    """The claim of the job that runs here, if huey is about to retry that very job."""
    found = NOW.get()
    claim = found.claim if found is not None else None
    return claim if claim is not None and claim.retrying and claim.id == job_id else None
