"""What a running job tells of itself: how far it is, and lines of its own log."""

from __future__ import annotations

import json
import math

from mrcore.journal import claims, hook

LINE_MAX = 1_000
"""Characters of a line; the newest 100 lines of a job are kept."""


def progress(journal: hook.Journal, share: float) -> None:
    """How far the job that this thread runs has come, from 0 to 1; outside of a job nothing.

    Raises ValueError for what is no such share, redis.RedisError.
    """
    if not (math.isfinite(share) and 0 <= share <= 1):
        raise ValueError(f"{share} is no progress; it goes from 0 to 1.")
    _tell(journal, f"{share:.4f}", "")


def log(journal: hook.Journal, line: str) -> None:
    """A line into the log of the job that this thread runs; outside of a job nothing.

    Raises redis.RedisError.
    """
    claim = _claim(journal)
    if claim is not None:
        known = {"at": journal.pen.now_s(), "n": claim.n, "line": line[:LINE_MAX]}
        _tell(journal, "", json.dumps(known))


def _claim(journal: hook.Journal) -> claims.Claim | None:
    found: claims.Claim | None = getattr(journal._local, "claim", None)
    return found


def _tell(journal: hook.Journal, share: str, line: str) -> None:
    claim = _claim(journal)
    if claim is not None:
        journal.pen.call("tell", claim.id, claim.worker, share, line)
