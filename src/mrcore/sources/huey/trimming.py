"""When retention will trim jobs: the journal keeps a number of each state, so it depends on how
many come after them. What is said is when, if they go on as the newest 100 did.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from mrcore.journal import keys, record
from mrcore.model import queue
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
        *(("ZREVRANK", at.state(row.state), row.id) for row in ended),
    )
    every = {
        state: _apart(look, now) for state, look in zip(_KEPT, looks[: len(_KEPT)], strict=True)
    }
    keep = dict(zip(_KEPT, map(record.number, meta or (None,) * len(_KEPT)), strict=True))
    until = {
        row.ref: _trimmed(keep[row.state], rank, every[row.state], now)
        for row, rank in zip(ended, looks[len(_KEPT) :], strict=True)
    }
    return [
        row.model_copy(update={"trims_at": until[row.ref]}) if until.get(row.ref) else row
        for row in rows
    ]


def _apart(look: Any, now: datetime) -> timedelta | None:
    """How far the newest 100 lie apart; None where there are fewer."""
    then = record.number(look[1]) if isinstance(look, list) and len(look) == 2 else None
    return None if then is None else timedelta(seconds=now.timestamp() - then) / NEWEST


def _trimmed(
    keep: float | None, rank: object, apart: timedelta | None, now: datetime
) -> datetime | None:
    if keep is None or not isinstance(rank, int) or apart is None or apart <= timedelta(0):
        return None
    left = max(0.0, keep - rank)
    return now + apart * left if apart <= MOST / max(left, 1.0) else None
