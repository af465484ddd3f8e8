"""A page in the making, and where the next one goes on. Pure, but for the clock of its budget."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mrcore import errors
from mrcore.model import plans, queue
from mrcore.queues import search

BUDGET_S = 0.2
_LARGE_BYTES = 1024
ORDER = ("active", "failed", "waiting", "delayed", "quarantined", "completed")
"""The states in which a page without one goes through them."""

_ENDED = (queue.JobState.FAILED, queue.JobState.COMPLETED)

Keep = Callable[[str | bytes], bool]


@dataclass
class Walk:
    """A page in the making."""

    query: plans.Query
    keep: Keep
    now: datetime
    began: float = field(default_factory=time.perf_counter)
    found: list[queue.Job] = field(default_factory=list)
    refs: set[str] = field(default_factory=set)
    scanned: int = 0

    def full(self) -> bool:
        """Whether to stop here: enough rows, or no time left."""
        spent_s = time.perf_counter() - self.began
        return len(self.found) >= self.query.limit or (self.scanned > 0 and spent_s > BUDGET_S)

    async def take(self, row: queue.Job, payload: bytes | None) -> None:
        """Look at one row; a job enqueued twice is one row. After a large one others run."""
        self.scanned += 1
        if row.ref in self.refs:
            return
        if not meant(self.query, row, self.now):
            return
        if payload is not None and len(payload) > _LARGE_BYTES:
            await asyncio.sleep(0)
        if not self.query.text or search.matches(self.keep, row, payload):
            self.found.append(row)
            self.refs.add(row.ref)

    @property
    def filters(self) -> bool:
        """Whether rows are left out."""
        return filters(self.query)


def filters(query: plans.Query) -> bool:
    """Whether a query means only some jobs of a state."""
    spans = (query.younger_s, query.older_s)
    return bool(query.text or query.name or query.fingerprint) or spans != (None, None)


def meant(query: plans.Query, row: queue.Job, now: datetime) -> bool:
    """Whether a query means a job, but for its text."""
    if (query.name and row.name != query.name) or (
        query.fingerprint and row.fingerprint != query.fingerprint
    ):
        return False
    at = row.finished_at if row.state in _ENDED else row.enqueued_at
    return spans(query, at, now)


def spans(query: plans.Query, at: datetime | None, now: datetime) -> bool:
    """Whether an instant is as long ago as a query wants; an unknown one is not."""
    younger_s, older_s = query.younger_s, query.older_s
    if younger_s is None and older_s is None:
        return True
    if at is None:
        return False
    ago = now - at
    return (younger_s is None or ago <= timedelta(seconds=younger_s)) and (
        older_s is None or ago >= timedelta(seconds=older_s)
    )


@dataclass(frozen=True)
class Spot:
    """Where a page goes on: in which state, after which row."""

    state: str
    score: str = ""
    job_id: str = ""
    skipped: int = -1

    def dump(self) -> str:
        return json.dumps([self.state, self.score, self.job_id, self.skipped])

    @classmethod
    def load(cls, cursor: str) -> Spot:
        """Raises NotFound for a cursor that is not ours."""
        try:
            state, score, job_id, skipped = json.loads(cursor)
            spot = cls(str(state), str(score), str(job_id), int(skipped))
        except (ValueError, TypeError) as error:
            raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.") from error
        if spot.state not in ORDER or not _is_score(spot.score):
            raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.")
        return spot


def _is_score(score: str) -> bool:
    try:
        return not score or float(score) == float(score)
    except ValueError:
        return False
