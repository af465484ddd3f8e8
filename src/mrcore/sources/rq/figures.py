"""What Redis says of one queue, in numbers, and what its workers have done since. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from mrcore import redact
from mrcore.queues import truth
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, keys, record

FAILURE_TTL_S = 31_536_000
"""`rq.defaults.DEFAULT_FAILURE_TTL`: a failed job's score is when it failed, and this."""

_COUNTED = ("started", "failed", "scheduled", "deferred", "quarantined", "finished", "canceled")
_ENDED = ("failed", "finished")


@dataclass(frozen=True)
class Facts:
    """What the replies say of one queue; `head` is the id of the job that is next."""

    waiting: int
    active: int
    failed: int
    delayed: int
    deferred: int
    quarantined: int
    finished: int
    canceled: int
    head: str
    ghosts: int
    overdue: int
    overdue_at: datetime | None
    lately: int


def counted(state: str, name: str, now: datetime) -> link.Command:
    """The command that counts the jobs that are so.

    RQ keeps ended jobs until the time that is their score, and drops what is over before it counts.
    """
    key = keys.where(state, name)
    if state == "queued":
        return "LLEN", key
    if state in _ENDED:
        return "ZCOUNT", key, f"({now.timestamp():.0f}", "+inf"
    return "ZCARD", key


def commands(name: str, now: datetime) -> list[link.Command]:
    """What is asked of one queue: counts, and nothing that RQ would clean up first."""
    at = now.timestamp()
    failed, scheduled = keys.where("failed", name), keys.where("scheduled", name)
    lately = at - truth.LATELY_S + FAILURE_TTL_S
    return [
        counted("queued", name, now),
        *(counted(state, name, now) for state in _COUNTED),
        ("LINDEX", keys.where("queued", name), 0),
        ("ZCOUNT", keys.where("started", name), "-inf", f"{at:.0f}"),
        ("ZCOUNT", scheduled, "-inf", f"{at:.0f}"),
        ("ZRANGE", scheduled, 0, 0, "WITHSCORES"),
        # Only of jobs with RQ's own failure TTL: the score is all that can be counted.
        ("ZCOUNT", failed, f"{lately:.0f}", f"{at + FAILURE_TTL_S + 5:.0f}"),
    ]


def parse(replies: Sequence[Any]) -> Facts:
    """From the replies to `commands`."""
    waiting, active, failed, delayed, deferred, quarantined, finished, canceled, *rest = replies
    head, ghosts, overdue, first, lately = rest
    due = next(scored(first), ("", 0.0))[1]
    return Facts(
        waiting=asking.whole(waiting),
        active=asking.whole(active),
        failed=asking.whole(failed),
        delayed=asking.whole(delayed),
        deferred=asking.whole(deferred),
        quarantined=asking.whole(quarantined),
        finished=asking.whole(finished),
        canceled=asking.whole(canceled),
        head=asking.text(head),
        ghosts=asking.whole(ghosts),
        overdue=asking.whole(overdue),
        overdue_at=record.epoch(due) if asking.whole(overdue) else None,
        lately=asking.whole(lately),
    )


def scored(reply: Any) -> Iterator[tuple[str, float]]:
    """Members with their scores; those that are infinite are left out."""
    for member, score in asking.pairs(reply):
        if (number := record.number(score)) is not None:
            yield asking.text(member), number


class Suspension(NamedTuple):
    """`rq:suspended` as it stands: for all queues, and '' where there is none."""

    value: str
    since: datetime | None
    by: str = ""
    why: str = ""
    ends_ms: int = 0


def suspension(value: Any, ends: Any) -> Suspension:
    """From GET and PTTL; ours says since when and by whom, `rq suspend` writes 1."""
    words = asking.text(value)
    try:
        facts = json.loads(words)
    except ValueError:
        facts = None
    left_ms = ends if isinstance(ends, int) and ends > 0 else 0
    if not isinstance(facts, dict):
        return Suspension(words, None, ends_ms=left_ms)
    by, why = (str(facts.get(name, "")) for name in ("by", "why"))
    since = record.epoch(record.number(facts.get("since")))
    return Suspension(words, since, by, redact.text(why), left_ms)


@dataclass
class _Ended:
    """Attempts of a queue's jobs since they were first seen: those of `again` go again."""

    well: float = 0.0
    bad: float = 0.0
    again: float = 0.0


class Done:
    """What became of jobs, by queue: RQ counts only by worker, which may have many queues.

    It counts an attempt that goes again among the failed ones: those that are no failed job
    afterwards were tried again. Where failed jobs went away meanwhile, that cannot be told.
    """

    def __init__(self) -> None:
        self._before: dict[str, tuple[float, float]] = {}
        self._failed: dict[str, int] = {}
        self._ended: dict[str, _Ended] = {}
        self._mixed: set[str] = set()

    def see(
        self,
        staff: Mapping[str, tuple[Sequence[str], Mapping[bytes, bytes]]],
        failed: Mapping[str, int],
    ) -> None:
        """Take in what the workers have done, and how many jobs of each queue are `failed`.

        A worker with several queues tells of none.
        """
        self._mixed = {name for queues, _ in staff.values() if len(queues) > 1 for name in queues}
        now: dict[str, tuple[float, float]] = {}
        tried: dict[str, float] = {}
        for worker, (queues, facts) in staff.items():
            if len(queues) != 1:
                continue
            fields = (b"successful_job_count", b"failed_job_count")
            well, bad = (record.number(facts.get(field)) or 0.0 for field in fields)
            now[worker] = (well, bad)
            old = self._before.get(worker)
            if old is None or well < old[0] or bad < old[1]:
                continue
            self._of(queues[0]).well += well - old[0]
            tried[queues[0]] = tried.get(queues[0], 0.0) + bad - old[1]
        for name, bad in tried.items():
            more = failed.get(name, 0) - self._failed.get(name, 0)
            again = max(0.0, bad - more) if more >= 0 else 0.0
            self._of(name).bad += bad - again
            self._of(name).again += again
        self._before, self._failed = now, dict(failed)

    def _of(self, name: str) -> _Ended:
        return self._ended.setdefault(name, _Ended())

    def totals(self, name: str, facts: Facts, now: datetime) -> truth.Totals:
        """Counters of a queue; what came in is what ended and what waits more than before."""
        if name in self._mixed:
            return truth.Totals(now)
        ended = self._ended.get(name, _Ended())
        there = facts.waiting + facts.active + facts.delayed
        return truth.Totals(now, ended.well + ended.bad + there, ended.well, ended.bad, ended.again)
