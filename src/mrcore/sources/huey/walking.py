"""A page in the making, and where the next one goes on. Pure, but for the clock of its budget."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mrcore import errors, redact
from mrcore.journal import record
from mrcore.model import plans, queue

BUDGET_S = 0.2
SEARCHED_BYTES = 16 * 1024
_LARGE_BYTES = 1024
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

    async def take(self, row: queue.Job, payload: bytes | None) -> None:
        """Look at one row; a job enqueued twice is one row. After a large one others run."""
        self.scanned += 1
        if row.ref in self.refs:
            return
        words = f"{row.id} {row.name} {row.error} {row.worker} {_text(payload)}"
        if payload is not None and len(payload) > _LARGE_BYTES:
            await asyncio.sleep(0)
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


def _text(payload: bytes | None) -> str:
    """A payload as it is searched, redacted: what is beyond 16 KiB is not looked at.

    It is cut at a quote, so that no half of an address or of a word is left to be found.
    """
    if payload is None:
        return ""
    if len(payload) <= SEARCHED_BYTES:
        return json.dumps(redact.value(record.parse(payload)))
    words = payload[:SEARCHED_BYTES].decode("utf-8", "ignore")
    return redact.text(words[: words.rfind('"') + 1])
