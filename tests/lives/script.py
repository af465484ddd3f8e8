"""The life: what becomes of each job, and what must be told of it on every engine. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

SMALL, WHOLE = 60, 1_000


class Fate(StrEnum):
    """What becomes of a job."""

    WELL = "succeeds at once"
    AGAIN = "fails once, its engine tries again, it succeeds"
    RETRIED = "fails for good, somebody retries it, it succeeds"
    FAILED = "fails for good"
    GONE = "fails for good and is removed"
    WAITING = "waits"
    DROPPED = "waits and is removed"
    DELAYED = "is for later"
    ACTIVE = "is in a worker's hands"


_F = Fate
_CYCLE = (
    *[_F.WELL] * 7, *[_F.AGAIN] * 2, *[_F.RETRIED] * 2, *[_F.FAILED] * 4, _F.GONE,
    *[_F.WAITING] * 2, _F.DROPPED, _F.DELAYED,
)  # fmt: skip

RAN = (_F.WELL, _F.AGAIN, _F.RETRIED, _F.FAILED, _F.GONE)
REMOVED = (_F.GONE, _F.DROPPED)
STATES = {
    _F.WELL: "completed", _F.AGAIN: "completed", _F.RETRIED: "completed", _F.FAILED: "failed",
    _F.WAITING: "waiting", _F.DELAYED: "delayed", _F.ACTIVE: "active",
}  # fmt: skip
ATTEMPTS = {
    _F.WELL: 1, _F.AGAIN: 2, _F.RETRIED: 2, _F.FAILED: 1, _F.WAITING: 0, _F.DELAYED: 0,
    _F.ACTIVE: 1,
}  # fmt: skip
"""How often each has begun to run."""

ERRORS = (
    "535-5.7.8 refused {}",
    "connect ECONNREFUSED 10.0.0.7:6379, try {}",
    "lead {} has no owner",
)
TITLES = 3


@dataclass(frozen=True)
class Job:
    """One of them: `fails` times it fails, for ever if that is below 0, and with what."""

    n: int
    fate: Fate
    fails: int
    error: str

    @property
    def traces(self) -> int:
        """How many failures there are to see."""
        return {Fate.AGAIN: 1, Fate.RETRIED: 1, Fate.FAILED: 1}.get(self.fate, 0)


def jobs(count: int) -> list[Job]:
    """The life of so many jobs; the last one is in a worker's hands."""
    fates = [_CYCLE[n % len(_CYCLE)] for n in range(count - 1)] + [Fate.ACTIVE]
    return [_job(n, fate) for n, fate in enumerate(fates)]


def _job(n: int, fate: Fate) -> Job:
    fails = {Fate.AGAIN: 1, Fate.RETRIED: 1, Fate.FAILED: -1, Fate.GONE: -1}.get(fate, 0)
    return Job(n, fate, fails, ERRORS[n % TITLES].format(n) if fails else "")


def counts(life: Sequence[Job]) -> dict[str, int]:
    """How many there are of each state in the end."""
    found = dict.fromkeys(("waiting", "active", "delayed", "failed", "completed"), 0)
    for job in life:
        if job.fate in STATES:
            found[STATES[job.fate]] += 1
    return found
