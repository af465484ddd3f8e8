"""A page in the making, and where the next one goes on. Pure, but for the clock of its budget."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from mrcore import errors, match
from mrcore.model import plans, queue
from mrcore.queues import search
from mrcore.sources.rq import offers

BUDGET_S = 0.2
ORDER = tuple(offers.SHOWN)


@dataclass
class Walk:
    """A page in the making; it ends where `most` jobs were looked at."""

    query: plans.Query
    keep: match.Matches
    now: datetime
    most: int | None = None
    began: float = field(default_factory=time.perf_counter)
    found: list[queue.Job] = field(default_factory=list)
    refs: set[str] = field(default_factory=set)
    scanned: int = 0

    def full(self) -> bool:
        """Whether to stop here: enough rows, enough looked at, or no time left."""
        if len(self.found) >= self.query.limit:
            return True
        if self.most is not None and self.scanned >= self.most:
            return True
        return self.scanned > 0 and time.perf_counter() - self.began > BUDGET_S

    @property
    def filters(self) -> bool:
        """Whether rows are looked at that may not be wanted."""
        query = self.query
        ages = query.younger_s is not None or query.older_s is not None
        return bool(query.text or query.name or query.fingerprint or ages)

    def take(self, row: queue.Job, payload: JsonValue) -> None:
        """Look at one row; a job that is there twice is one row."""
        self.scanned += 1
        if row.ref not in self.refs and self._wanted(row, payload):
            self.found.append(row)
            self.refs.add(row.ref)

    def _wanted(self, row: queue.Job, payload: JsonValue) -> bool:
        query = self.query
        if query.name and row.name != query.name:
            return False
        if query.fingerprint and row.fingerprint != query.fingerprint:
            return False
        at = row.finished_at or row.enqueued_at
        age_s = (self.now - at).total_seconds() if at else None
        if query.younger_s is not None and (age_s is None or age_s > query.younger_s):
            return False
        if query.older_s is not None and (age_s is None or age_s < query.older_s):
            return False
        return not query.text or search.matches(self.keep, row, payload)


@dataclass(frozen=True)
class Spot:
    """Where a page goes on: in which state, after which row, and after how many."""

    state: str
    score: str = ""
    job_id: str = ""
    skipped: int = 0

    def dump(self) -> str:
        return json.dumps([self.state, self.score, self.job_id, self.skipped])

    @classmethod
    def load(cls, cursor: str) -> Spot:
        """Raises NotFound for a cursor that is not ours."""
        try:
            state, score, job_id, skipped = json.loads(cursor)
            spot = cls(str(state), str(score), str(job_id), int(skipped))
            sound = spot.state in ORDER and spot.skipped >= 0
            sound = sound and (not spot.score or float(spot.score) == float(spot.score))
        except (ValueError, TypeError) as error:
            raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.") from error
        if not sound:
            raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.")
        return spot


def states(state: str) -> tuple[str, ...]:
    """RQ's states that are shown as this one. Raises Unsupported."""
    found = tuple(own for own, shown in offers.SHOWN.items() if not state or shown.value == state)
    if not found:
        known = ", ".join(dict.fromkeys(shown.value for shown in offers.SHOWN.values()))
        raise errors.Unsupported(f"RQ has no jobs that are {state}.", fix=f"It has {known}.")
    return found
