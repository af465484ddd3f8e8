"""Which jobs use up their retries, followed from look to look. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mrcore.sources.redis import link
from mrcore.sources.rq import asking, keys, record

FIELDS = ("status", "retries_left", "number_of_retries")
"""Of a job's hash: RQ's worker takes one from `retries_left` when an attempt raised, and adds one
to `number_of_retries` when the job gave back a `Retry`."""

AHEAD = 20
"""Of each queue so many that come next, and so many that are delayed, can be followed."""

FOLLOWED = 3 * AHEAD
MOST = 1_000
"""Jobs of all queues that are followed: some ms of Redis."""

_OVER = ("finished", "failed", "stopped", "canceled")


class _State(NamedTuple):
    """A job that may go again: `used` grows by one with each retry."""

    used: int
    over: bool
    retries: bool


class Retries:
    """Follows the jobs that come next, and those in hand.

    RQ writes nowhere else that an attempt goes again, and counts it among the failed ones. So what
    is told is exact for these jobs, and less than all where others go again too: the next 40 of a
    queue that is new or in which attempts fail, else the very next if it has retries.
    """

    def __init__(self) -> None:
        self._used: dict[str, dict[str, int]] = {}

    def followed(self) -> list[tuple[str, str]]:
        """Queues with jobs that are followed, to be read before `see`."""
        return [(name, job_id) for name, jobs in self._used.items() for job_id in jobs]

    def see(self, read: Iterable[tuple[tuple[str, str], Any]]) -> dict[str, int]:
        """How often jobs of each queue went again since the last look; what has ended is left."""
        again: dict[str, int] = {}
        for (name, job_id), values in read:
            jobs = self._used.get(name, {})
            before, now = jobs.pop(job_id, None), _state(values)
            if before is None or now is None:
                continue
            again[name] = again.get(name, 0) + max(0, now.used - before)
            if not now.over:
                jobs[job_id] = max(before, now.used)  # a look that was overtaken tells less
        return again

    def wanted(
        self, ahead: Mapping[str, Sequence[str]], failing: Collection[str]
    ) -> list[tuple[str, str]]:
        """Which jobs to read for `follow`, from those that come next by queue.

        All of queues that are seen for the first time or `failing`, else the first.
        """
        told = [
            (name, job_id)
            for name in sorted(ahead, key=lambda name: name not in failing)
            for job_id in ahead[name][: None if name in failing or name not in self._used else 1]
            if job_id not in self._used.get(name, {})
        ]
        for name in self._used.keys() - ahead.keys():
            del self._used[name]
        for name in ahead:
            self._used.setdefault(name, {})
        return told[: max(0, MOST - sum(map(len, self._used.values())))]

    def follow(self, read: Iterable[tuple[tuple[str, str], Any]], failing: Collection[str]) -> None:
        """Follow these; one without retries only where attempts fail: it may ask for one itself."""
        for (name, job_id), values in read:
            now, jobs = _state(values), self._used.get(name)
            if jobs is None or now is None or now.over or not (now.retries or name in failing):
                continue
            jobs.setdefault(job_id, now.used)
            if len(jobs) > FOLLOWED:
                del jobs[next(iter(jobs))]


def command(job_id: str) -> link.Command:
    """What is asked of one job."""
    return "HMGET", keys.job(job_id), *FIELDS


def _state(values: Any) -> _State | None:
    """From the reply to `command`; None where there is no such job."""
    status, left, asked = values or (None, None, None)
    if status is None:
        return None
    went, may = record.number(asked) or 0.0, record.number(left) or 0.0
    return _State(int(went - may), asking.text(status) in _OVER, bool(went or may))
