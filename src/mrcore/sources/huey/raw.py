"""Messages that cannot be read: found by the id that their bytes make, and shown as bytes."""

from __future__ import annotations

import re
from datetime import datetime

from mrcore import redact
from mrcore.journal import heads
from mrcore.model import queue, ref, wire
from mrcore.sources.huey import asking, discover, jobs, rows
from mrcore.sources.redis import decode, link

SHOWN = 4_096
"""Bytes of a message that are shown."""
MOST = 5_000
"""Messages from each end of the list and of the schedule that are looked at."""
_FIRST, _AT_ONCE, _BYTES = 10, 200, 1 << 20

_WORDS = re.compile(rb"[\x20-\x7e]{4,}")


def section(message: bytes, clean: redact.Redactor) -> wire.Section:
    """The first bytes of a message, sixteen a line; secrets among its words are masked."""
    shown = message[:SHOWN]
    masked = _WORDS.sub(lambda found: clean.text(found[0].decode()).encode(), shown)
    left_out = len(message) - len(shown)
    title = f"Message, {len(message):,} bytes" + (f", {SHOWN:,} of them shown" if left_out else "")
    return wire.Section(id="message", title=title, form="text", text=decode.hexdump(masked))


async def detail(
    client: link.Client,
    maker: rows.Maker,
    place: discover.Place,
    job_id: str,
    now: datetime,
    clean: redact.Redactor,
) -> wire.Detail | None:
    """The detail of a message that waits or is delayed, or None where it is not found."""
    for state in (queue.JobState.WAITING, queue.JobState.DELAYED):
        message = await _find(client, place, state, job_id)
        if message is not None:
            row = maker.unjournalled(place.name, message, state)
            link_to = wire.Link(
                label=f"queue {place.name}", ref=ref.make(maker.source, "queue", place.name)
            )
            parts = (section(message, clean),)
            return wire.Detail(at=now, entity=row, sections=parts, links=(link_to,))
    return None


async def _find(
    client: link.Client, place: discover.Place, state: queue.JobState, job_id: str
) -> bytes | None:
    """Look from both ends at once, at few messages at a time where they are large."""
    prefix = jobs.TIME_PREFIX if place.ranked and state is queue.JobState.WAITING else 0
    at, size = 0, _FIRST
    while at < MOST:
        ends = [
            jobs.portion(place, state, at, at + size - 1, oldest=oldest) for oldest in (False, True)
        ]
        replies = await asking.ask(client, *ends)
        found: list[bytes] = [
            m[prefix:] for reply in replies if isinstance(reply, list) for m in reply
        ]
        for message in found:
            if heads.nameless(message) == job_id:
                return message
        if len(found) < 2 * size:
            return None
        at += size
        size = max(1, min(_AT_ONCE, _BYTES // (sum(map(len, found)) // len(found) + 1)))
    return None
