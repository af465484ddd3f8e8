"""When retention will trim jobs: the journal keeps a number of each state, so it depends on how
many come after them. What is said is when, if they go on as the newest 100 did.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from mrcore.journal import keys, record
from mrcore.model import base, queue
from mrcore.sources.huey import asking
from mrcore.sources.redis import link

NEWEST = 100
MOST = timedelta(days=30)
"""What is further away is not said."""

_KEPT = ("failed", "completed")


async def dated(
    client: link.Client, at: keys.Queue, rows: Sequence[queue.Job], now: datetime
) -> list[queue.Job]:
    """The same rows; those that retention will trim say when. Raises NotPermitted."""
    ended = [row for row in rows if row.state in _KEPT]
    if not ended:
        return list(rows)
    meta, *looks = await asking.ask(
        client,
        ("HMGET", at.meta, *(f"keep_{state}" for state in _KEPT)),
        *(("ZREVRANGE", at.state(s), NEWEST - 1, NEWEST - 1, "WITHSCORES") for s in _KEPT),
    )
    until: dict[base.Ref, datetime | None] = {}
    keeps = map(record.number, meta or (None,) * len(_KEPT))
    for state, keep, look in zip(_KEPT, keeps, looks, strict=True):
        some = [row for row in ended if row.state == state]
        apart = _apart(look, now)
        if keep is None or apart is None or apart <= timedelta(0) or not some:
            continue
        edges = [("ZREVRANK", at.state(state), some[n].id) for n in (0, -1)]
        ranks = _ranks(await asking.ask(client, *edges), len(some))
        until |= {
            row.ref: _trimmed(keep - rank, apart, now)
            for row, rank in zip(some, ranks, strict=False)
        }
    return [
        row.model_copy(update={"trims_at": until[row.ref]}) if until.get(row.ref) else row
        for row in rows
    ]


def _ranks(edges: Sequence[object], count: int) -> list[float]:
    """How many are newer than each, from the first's and the last's: between them rows are even."""
    first, last = edges
    if not isinstance(first, int) or not isinstance(last, int):
        return []
    step = (last - first) / max(1, count - 1)
    return [first + step * n for n in range(count)]


def _apart(look: Any, now: datetime) -> timedelta | None:
    """How far the newest 100 lie apart; None where there are fewer."""
    then = record.number(look[1]) if isinstance(look, list) and len(look) == 2 else None
    return None if then is None else timedelta(seconds=now.timestamp() - then) / NEWEST


def _trimmed(left: float, apart: timedelta, now: datetime) -> datetime | None:
    left = max(0.0, left)
    return now + apart * left if apart <= MOST / max(left, 1.0) else None
