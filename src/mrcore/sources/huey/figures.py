"""What Redis says of one queue, in numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mrcore import redact
from mrcore.journal import record
from mrcore.sources.huey import discover

MOST = 1_000
COUNTED = ("active", "failed", "completed", "quarantined")
TOTALS = ("enqueued", "completed", "failed", "retried")


@dataclass(frozen=True)
class Facts:
    """What the replies say of one queue."""

    waiting: int
    delayed: int
    active: int
    failed: int
    completed: int
    quarantined: int
    oldest: float | None
    paused: float | None
    paused_by: tuple[str, str]
    lately: int
    due: float | None
    overdue: int
    meta: dict[bytes, bytes]
    totals: dict[str, float]


def parse(replies: Sequence[Any]) -> Facts:
    waiting, delayed, active, failed, completed, quarantined, *rest = replies
    oldest, paused, paused_by, lately, due, overdue, meta, totals = rest
    by, why = ((word or b"").decode("utf-8", "replace") for word in paused_by or (b"", b""))
    numbers = [record.number(v) or 0.0 for v in totals or (None,) * len(TOTALS)]
    return Facts(
        waiting=whole(waiting),
        delayed=whole(delayed),
        active=whole(active),
        failed=whole(failed),
        completed=whole(completed),
        quarantined=whole(quarantined),
        oldest=record.number(oldest[1]) if oldest else None,
        paused=record.number(paused) if isinstance(paused, bytes) else None,
        paused_by=(by, redact.text(why)),
        lately=whole(lately),
        due=record.number(due[1]) if due else None,
        overdue=whole(overdue),
        meta=dict(pairs(meta)),
        totals=dict(zip(TOTALS, numbers, strict=True)),
    )


def moved(place: discover.Place, facts: Facts) -> bool:
    """Whether the queue's meta says that it is elsewhere."""
    meta = facts.meta
    if not place.journalled or b"list" not in meta or b"schedule" not in meta:
        return False
    return (meta[b"list"].decode(), meta[b"schedule"].decode()) != (place.list, place.schedule)


def whole(reply: Any) -> int:
    return reply if isinstance(reply, int) else 0


def kept(value: bytes | None) -> int | None:
    number = record.number(value)
    return None if number is None else int(number)


def some(reply: Any) -> list[bytes]:
    return sorted(reply)[:MOST] if isinstance(reply, list | set) else []


def pairs(reply: Any) -> Iterator[tuple[bytes, bytes]]:
    """HGETALL's flat reply as pairs."""
    items = reply if isinstance(reply, list) else []
    return zip(items[::2], items[1::2], strict=False)
