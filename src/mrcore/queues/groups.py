"""Failed jobs by fingerprint. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mrcore.model import base, queue, ref
from mrcore.queues import fingerprint

NAMES = 3
RATE_MIN = 5
"""Minutes over which a group's rate is counted."""

NEW_MIN = 15
"""Minutes for which a group is new."""


@dataclass(slots=True)
class _Group:
    known: fingerprint.Print
    jobs: int = 0
    names: Counter[str] = field(default_factory=Counter)
    ended: list[datetime] = field(default_factory=list)
    first: tuple[datetime, str] | None = None
    last: tuple[datetime, str] | None = None
    newest: str = ""
    """The first one that was counted: a job's id, as in `first` and `last`."""


class Tally:
    """Counts the failed jobs of one queue by fingerprint, in any order."""

    def __init__(self, source: str, engine: str, queue: str) -> None:
        self.source = source
        self.engine = engine
        self.queue = queue
        self.jobs = 0
        self._groups: dict[str, _Group] = {}

    def add(self, job: queue.Job, known: fingerprint.Print) -> None:
        """A failed job with its fingerprint."""
        self.count(known, job.id, job.name, job.finished_at)

    def count(
        self, known: fingerprint.Print, job_id: str, name: str, ended_at: datetime | None
    ) -> None:
        """The same from what is needed of a job, where no row of it is made."""
        group = self._groups.get(known.id)
        if group is None:
            group = self._groups[known.id] = _Group(known)
        self.jobs += 1
        group.jobs += 1
        group.names[name] += 1
        group.newest = group.newest or job_id
        if ended_at is None:
            return
        group.ended.append(ended_at)
        if group.first is None or ended_at < group.first[0]:
            group.first = (ended_at, job_id)
        if group.last is None or ended_at > group.last[0]:
            group.last = (ended_at, job_id)

    def rows(
        self,
        now: datetime,
        limit: int,
        *,
        whole: bool = True,
        actions: tuple[base.ActionId, ...] = (),
    ) -> list[queue.FailureGroup]:
        """The commonest `limit` groups, those that failed last first among equals.

        `whole` is whether every failed job of the queue was counted; only then is a group known to
        be new. `actions` is what may be done to the jobs of a group.
        """
        order = sorted(self._groups.values(), key=_rank, reverse=True)
        return [self._row(group, now, whole, actions) for group in order[:limit]]

    def _row(
        self, group: _Group, now: datetime, whole: bool, actions: tuple[base.ActionId, ...]
    ) -> queue.FailureGroup:
        since = now - timedelta(minutes=RATE_MIN)
        lately = sum(1 for at in group.ended if at >= since)
        first_at = group.first[0] if group.first else None
        last_at, newest = group.last or (None, group.newest)
        oldest = group.first[1] if group.first else group.newest
        return queue.FailureGroup(
            ref=ref.make(self.source, "group", self.queue, group.known.id),
            verdict=_verdict(first_at, now, whole),
            actions=actions,
            engine=self.engine,
            queue=self.queue,
            fingerprint=group.known.id,
            title=group.known.title,
            code=group.known.code,
            frame=group.known.frame,
            jobs=group.jobs,
            names=tuple(name for name, _ in group.names.most_common(NAMES)),
            first_at=first_at,
            last_at=last_at,
            newest=ref.make(self.source, "job", self.queue, newest),
            oldest=ref.make(self.source, "job", self.queue, oldest),
            per_min=lately / RATE_MIN if group.ended else None,
            whole=whole,
        )


def _rank(group: _Group) -> tuple[int, float, str]:
    return group.jobs, group.last[0].timestamp() if group.last else 0.0, group.known.id


def _verdict(first_at: datetime | None, now: datetime, whole: bool) -> base.Verdict:
    if whole and first_at is not None and now - first_at < timedelta(minutes=NEW_MIN):
        return base.Verdict(level=base.Level.BAD, code="new", why=f"new since {first_at:%H:%M} UTC")
    return base.Verdict(level=base.Level.WARN, code="failing")
