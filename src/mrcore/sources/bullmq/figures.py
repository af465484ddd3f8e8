"""What Redis says of one queue, in numbers: the commands that ask, and their replies. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mrcore import redact
from mrcore.model import queue
from mrcore.queues import truth
from mrcore.sources.bullmq import asking, places, rows, schedules
from mrcore.sources.redis import link

ACTIVE_MOST = 100
"""Active jobs of a queue whose locks and workers are looked at."""

_MARKER = "0:"
_MAX_SAFE = 2.0**53 - 1
_OURS = ("since", "by", "why", "mark")


def commands(place: places.Place, now: datetime, completed: str) -> list[link.Command]:
    """The first round trip; `completed` is the score of the newest completed job seen so far."""
    of = place.base
    since_ms = (now - timedelta(seconds=truth.LATELY_S)).timestamp() * 1000
    return [
        ("HMGET", of + "meta", *places.META),
        *(("LLEN", of + name) for name in ("wait", "paused", "active")),
        *(
            ("ZCARD", of + name)
            for name in ("prioritized", "delayed", "failed", "completed", "waiting-children")
        ),
        ("ZCARD", place.ours + "quarantine"),
        ("LINDEX", of + "wait", 0),
        ("LRANGE", of + "wait", -2, -1),
        ("LINDEX", of + "paused", -1),
        ("ZRANGE", of + "delayed", 0, 0, "WITHSCORES"),
        ("PTTL", of + "limiter"),
        ("GET", of + "limiter"),
        ("ZCOUNT", of + "failed", f"{since_ms:.0f}", "+inf"),
        ("GET", of + "id"),
        ("ZREVRANGE", of + "completed", 0, 0, "WITHSCORES"),
        ("ZCOUNT", of + "completed", f"({completed}", "+inf"),
        ("HGET", of + "metrics:completed", "count"),
        ("HGET", of + "metrics:failed", "count"),
        ("LRANGE", of + "active", 0, ACTIVE_MOST - 1),
        ("ZRANGE", of + "repeat", 0, schedules.MOST - 1, "WITHSCORES"),
        ("HMGET", place.ours + "paused", *_OURS),
    ]


@dataclass(frozen=True)
class Facts:
    """What the replies say of one queue; `there` is whether it is one (any more)."""

    there: bool
    version: str
    paused: bool
    paused_list: int
    counts: queue.Counts
    oldest: str
    delayed: tuple[str, datetime | None]
    limiter: tuple[int, float]
    limit: float | None
    failed_lately: int
    enqueued: float | None
    newest_completed: str
    completed_since: int
    counted: tuple[float | None, float | None]
    active: tuple[str, ...]
    repeat: tuple[tuple[bytes, bytes], ...]
    pause: tuple[datetime | None, str, str, str]

    @property
    def layout_is_old(self) -> bool:
        """Whether pausing a queue moves its jobs into another list."""
        there = places.major(self.version)
        return there is None or there < places.LAYOUT

    @property
    def exhausted(self) -> bool:
        """Whether no more jobs may go in the window of the rate limit, as far as that is told.

        `meta.max` is that of setGlobalRateLimit; that of a Worker's `limiter` is known to the
        worker only. `rateLimit()` of a worker or a queue counts up to MAX_SAFE_INTEGER.
        """
        used = self.limiter[1]
        return used >= _MAX_SAFE or (self.limit is not None and used >= self.limit)

    @property
    def stands(self) -> float | None:
        """How many went in the window, where jobs wait that nothing but a limit holds back."""
        waits = self.counts.waiting + self.counts.prioritized
        free = self.limit is None and not self.paused and not self.counts.active
        return self.limiter[1] if waits and free else None


def parse(replies: Sequence[Any]) -> Facts:
    """The replies to `commands`, in their order."""
    meta, wait, paused, active, prioritized, delayed, failed, completed, children, *rest = replies
    quarantined, head, tail, held, next_delayed, ttl_ms, used, lately, made, *more = rest
    newest, since, ended, gone_wrong, hands, repeat, pause = more
    version, _, is_paused, _, most, _ = asking.items(meta) or [None] * len(places.META)
    markers = 1 if asking.text(head).startswith(_MARKER) else 0
    waits = [asking.text(one) for one in asking.items(tail)]
    oldest = next((one for one in reversed(waits) if not one.startswith(_MARKER)), "")
    at, by, why, mark = asking.items(pause) or [None] * len(_OURS)
    return Facts(
        there=places.is_meta(meta),
        version=asking.text(version),
        paused=is_paused is not None,
        paused_list=asking.whole(paused),
        counts=queue.Counts(
            waiting=max(0, asking.whole(wait) - markers),
            paused=asking.whole(paused),
            active=asking.whole(active),
            prioritized=asking.whole(prioritized),
            delayed=asking.whole(delayed),
            failed=asking.whole(failed),
            completed=asking.whole(completed),
            waiting_children=asking.whole(children),
            quarantined=asking.whole(quarantined),
        ),
        oldest=oldest or asking.text(held),
        delayed=_first(next_delayed),
        limiter=(asking.whole(ttl_ms), asking.number(used) or 0.0),
        limit=asking.number(most),
        failed_lately=asking.whole(lately),
        enqueued=asking.number(made),
        newest_completed=next((score.decode() for _, score in asking.pairs(newest)), ""),
        completed_since=asking.whole(since),
        counted=(asking.number(ended), asking.number(gone_wrong)),
        active=tuple(asking.text(one) for one in asking.items(hands)),
        repeat=tuple(asking.pairs(repeat)),
        pause=(
            rows.instant(at),
            asking.text(by),
            redact.text(asking.text(why)),
            asking.text(mark),
        ),
    )


def _first(reply: Any) -> tuple[str, datetime | None]:
    for member, score in asking.pairs(reply):
        return asking.text(member), rows.due(score)
    return "", None
