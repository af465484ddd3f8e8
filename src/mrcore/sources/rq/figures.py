"""What Redis says of one queue, in numbers, and what its workers have done since. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from mrcore import redact
from mrcore.queues import truth
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, keys, record, retries

FAILURE_TTL_S = 31_536_000
"""`rq.defaults.DEFAULT_FAILURE_TTL`: a failed job's score is when it failed, and this."""

_COUNTED = (
    "queued", "started", "failed", "scheduled", "deferred", "quarantined", "finished", "canceled",
)  # fmt: skip
_ENDED = ("failed", "finished")


Staff = Mapping[str, tuple[Sequence[str], Mapping[bytes, bytes]]]
"""Workers by name: for which queues they work, and their hash."""


@dataclass(frozen=True)
class Facts:
    """What the replies say of one queue; `ahead` are ids of jobs that come next, then delayed ones.

    `head` is the id of the job that is next.
    """

    waiting: int
    active: int
    failed: int
    delayed: int
    deferred: int
    quarantined: int
    finished: int
    canceled: int
    head: str
    ahead: tuple[str, ...]
    ghosts: int
    overdue: int
    overdue_at: datetime | None
    lately: int


def counted(state: str, name: str, now: datetime) -> list[link.Command]:
    """The commands whose replies are in sum how many jobs are so.

    RQ keeps ended jobs until the time that is their score, and drops what is over before it counts
    (ZREMRANGEBYSCORE 0 now). A failed job that is kept for ever (`failure_ttl=-1`) has the score
    -1, a finished one +inf.
    """
    key = keys.where(state, name)
    if state == "queued":
        return [("LLEN", key)]
    if state in _ENDED:
        over = f"({int(now.timestamp())}"
        return [("ZCOUNT", key, "-inf", "(0"), ("ZCOUNT", key, over, "+inf")]
    return [("ZCARD", key)]


def commands(name: str, now: datetime) -> list[link.Command]:
    """What is asked of one queue: counts, and nothing that RQ would clean up first."""
    at = now.timestamp()
    failed, scheduled = keys.where("failed", name), keys.where("scheduled", name)
    lately = at - truth.LATELY_S + FAILURE_TTL_S
    return [
        *(command for state in _COUNTED for command in counted(state, name, now)),
        ("LRANGE", keys.where("queued", name), 0, retries.AHEAD - 1),
        ("ZCOUNT", keys.where("started", name), "-inf", f"{at:.0f}"),
        ("ZCOUNT", scheduled, "-inf", f"{at:.0f}"),
        ("ZRANGE", scheduled, 0, retries.AHEAD - 1, "WITHSCORES"),
        # Only of jobs with RQ's own failure TTL: the score is all that can be counted.
        ("ZCOUNT", failed, f"{lately:.0f}", f"{at + FAILURE_TTL_S + 5:.0f}"),
    ]


def parse(replies: Sequence[Any]) -> Facts:
    """From the replies to `commands`."""
    left = iter(replies)
    counts = {
        state: sum(asking.whole(next(left)) for _ in range(2 if state in _ENDED else 1))
        for state in _COUNTED
    }
    ids, ghosts, overdue, soon, lately = left
    queued, delayed = [asking.text(one) for one in asking.some(ids)], list(scored(soon))
    return Facts(
        waiting=counts["queued"],
        active=counts["started"],
        failed=counts["failed"],
        delayed=counts["scheduled"],
        deferred=counts["deferred"],
        quarantined=counts["quarantined"],
        finished=counts["finished"],
        canceled=counts["canceled"],
        head=queued[0] if queued else "",
        ahead=(*queued, *(job_id for job_id, _ in delayed)),
        ghosts=asking.whole(ghosts),
        overdue=asking.whole(overdue),
        overdue_at=record.epoch(delayed[0][1]) if delayed and asking.whole(overdue) else None,
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
    """Attempts of a queue's jobs since they were first seen: those of `again` went again.

    `bad_at` is the last look that found failed ones, of either kind.
    """

    well: float = 0.0
    bad: float = 0.0
    again: float = 0.0
    bad_at: datetime | None = None


class Done:
    """What became of jobs, by queue: RQ counts only by worker, which may have many queues.

    It counts an attempt that goes again among the failed ones. Only those that were seen to go
    again are told as such: a failed job may leave no trace (`failure_ttl=0`), go when its time is
    over or be taken away, so that their count cannot tell.
    """

    def __init__(self) -> None:
        self._before: dict[str, tuple[float, float]] = {}
        self._ended: dict[str, _Ended] = {}
        self._mixed: set[str] = set()

    def see(
        self,
        staff: Staff,
        again: Mapping[str, int],
        now: datetime,
    ) -> None:
        """Take in what the workers have done, and how often jobs of each queue went `again`.

        A worker with several queues tells of none.
        """
        self._mixed = {name for queues, _ in staff.values() if len(queues) > 1 for name in queues}
        done: dict[str, tuple[float, float]] = {}
        tried: dict[str, float] = {}
        for worker, (queues, facts) in staff.items():
            if len(queues) != 1:
                continue
            fields = (b"successful_job_count", b"failed_job_count")
            well, bad = (record.number(facts.get(field)) or 0.0 for field in fields)
            done[worker] = (well, bad)
            old = self._before.get(worker)
            if old is None or well < old[0] or bad < old[1]:
                continue
            self._of(queues[0]).well += well - old[0]
            tried[queues[0]] = tried.get(queues[0], 0.0) + bad - old[1]
        for name, bad in tried.items():
            ended, went = self._of(name), min(bad, again.get(name, 0))
            ended.bad += bad - went
            ended.again += went
            ended.bad_at = now if bad else ended.bad_at
        self._before = done

    def failing(self, now: datetime) -> set[str]:
        """Queues with attempts that failed within the last minute."""
        lately = now - timedelta(seconds=truth.WINDOW_S)
        return {
            name
            for name, ended in self._ended.items()
            if ended.bad_at is not None and ended.bad_at > lately
        }

    def _of(self, name: str) -> _Ended:
        return self._ended.setdefault(name, _Ended())

    def totals(self, name: str, facts: Facts, now: datetime) -> truth.Totals:
        """Counters of a queue; what came in is what ended and what waits more than before."""
        if name in self._mixed:
            return truth.Totals(now)
        ended = self._ended.get(name, _Ended())
        there = facts.waiting + facts.active + facts.delayed
        return truth.Totals(now, ended.well + ended.bad + there, ended.well, ended.bad, ended.again)
