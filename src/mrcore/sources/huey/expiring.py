"""When jobs expire: from their payload and the age limits of the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from mrcore.journal import keys, record
from mrcore.queues import expiry
from mrcore.sources.huey import asking, rows
from mrcore.sources.redis import link

SMALL_BYTES = 2_048
"""A payload that is read for a row of a page; a larger one only before a job is retried."""

PORTION = 100
_MAY_SAY = re.compile(rb"exp|valid|good|not[_-]?after", re.IGNORECASE)


def of_payload(
    name: str,
    payload: bytes | None,
    enqueued_at: datetime | None,
    limits: Mapping[str, float],
) -> datetime | None:
    """When a job expires, from its payload as it is kept; one that cannot say so is not read."""
    said = payload is not None and _MAY_SAY.search(payload) is not None
    return expiry.expires_at(name, record.parse(payload) if said else None, enqueued_at, limits)


async def of_jobs(
    client: link.Client, at: keys.Queue, ids: Sequence[str], limits: Mapping[str, float]
) -> dict[str, datetime]:
    """Those of these jobs that expire, and when. Raises NotPermitted."""
    found: dict[str, datetime] = {}
    for start in range(0, len(ids), PORTION):
        some = ids[start : start + PORTION]
        replies = await asking.ask(
            client, *(("HMGET", at.job(i), "task", "enqueued_at", "payload") for i in some)
        )
        for job_id, values in zip(some, replies, strict=True):
            if not isinstance(values, list) or values[0] is None:
                continue
            task, enqueued, payload = values
            name = task.decode("utf-8", "replace")
            at_ = rows.instant(record.number(enqueued))
            if (until := of_payload(name, payload, at_, limits)) is not None:
                found[job_id] = until
    return found
