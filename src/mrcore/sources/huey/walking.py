"""A page in the making, and where the next one goes on. Pure, but for the clock of its budget."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mrcore import errors
from mrcore.model import plans, queue

BUDGET_S = 0.2
SEARCHED_BYTES = 16 * 1024
ORDER = ("active", "failed", "waiting", "delayed", "quarantined", "completed")
"""The states in which a page without one goes through them."""

Keep = Callable[[bytes], bool]


@dataclass
class Walk:
    """A page in the making."""

    query: plans.Query
    keep: Keep
    began: float = field(default_factory=time.perf_counter)
    found: list[queue.Job] = field(default_factory=list)
    refs: set[str] = field(default_factory=set)
    scanned: int = 0

    def full(self) -> bool:
        """Whether to stop here: enough rows, or no time left."""
        spent_s = time.perf_counter() - self.began
        return len(self.found) >= self.query.limit or (self.scanned > 0 and spent_s > BUDGET_S)

    def take(self, row: queue.Job, payload: Any) -> None:
        """Look at one row; a job that is enqueued twice is one row."""
        self.scanned += 1
        if row.ref in self.refs:
            return
        words = f"{row.id} {row.name} {row.error} {row.worker} {_text(payload)}"
        if not self.query.text or self.keep(words.encode("utf-8", "replace")[:SEARCHED_BYTES]):
            self.found.append(row)
            self.refs.add(row.ref)


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


def _text(payload: Any) -> str:
    return "" if payload is None else json.dumps(payload)
