"""When jobs expire: from their payload and the age limits of the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    client: link.Client, at: keys.Queue, names: Mapping[str, str], limits: Mapping[str, float]
) -> dict[str, datetime]:
    """Those of these jobs that expire, and when; `names` by id. Raises NotPermitted.

    Of most jobs only the payload is asked for: ten thousand are looked at before a retry.
    """
    found: dict[str, datetime] = {}
    ids = list(names)
    for start in range(0, len(ids), PORTION):
        some = ids[start : start + PORTION]
        limited = [job_id for job_id in some if names[job_id] in limits]
        replies = await asking.ask(
            client,
            *(("HGET", at.job(job_id), "payload") for job_id in some),
            *(("HGET", at.job(job_id), "enqueued_at") for job_id in limited),
        )
        enqueued = dict(zip(limited, replies[len(some) :], strict=True))
        for job_id, payload in zip(some, replies, strict=False):
            if job_id in enqueued or (payload is not None and _MAY_SAY.search(payload)):
                came = rows.instant(record.number(enqueued.get(job_id)))
                until = of_payload(names[job_id], payload, came, limits)
                found |= {} if until is None else {job_id: until}
    return found
