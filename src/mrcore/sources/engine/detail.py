"""Parts of a detail that every engine shows alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime

from mrcore.model import queue, ref, wire

LARGE_BYTES = 64 * 1024
Sections = tuple[wire.Section, ...]


async def made(size_bytes: int, make: Callable[[], Sections]) -> Sections:
    """A job's sections; those of a large one off the loop, since redacting takes its time."""
    return await asyncio.to_thread(make) if size_bytes > LARGE_BYTES else make()


def of_group(source: str, row: queue.FailureGroup, now: datetime) -> wire.Detail:
    """A group of failures, with the way to its newest and its oldest job."""
    known = {"message": row.title, "code": row.code, "frame": row.frame}
    fields = [wire.Field(name=name, value=value) for name, value in known.items()]
    fields += [
        wire.Field(name="jobs", value=row.jobs),
        wire.Field(name="names", value=", ".join(row.names)),
        wire.Field(name="first", at=row.first_at),
        wire.Field(name="last", at=row.last_at),
    ]
    if not row.whole:
        fields.append(wire.Field(name="looked at", value="only the newest failures"))
    links = [wire.Link(label=f"queue {row.queue}", ref=ref.make(source, "queue", row.queue))]
    ends = (("newest job", row.newest), ("oldest job", row.oldest))
    links += [wire.Link(label=label, ref=of) for label, of in ends if of]
    section = wire.Section(id="facts", title="Facts", fields=tuple(fields))
    return wire.Detail(at=now, entity=row, sections=(section,), links=tuple(links))


def quarantine(row: queue.Job) -> Iterator[wire.Section]:
    """Since when, by whom and why a job is held back."""
    if row.state is not queue.JobState.QUARANTINED:
        return
    fields = (
        wire.Field(name="since", at=row.quarantined_at),
        wire.Field(name="by", value=row.quarantined_by),
        wire.Field(name="why", value=row.quarantined_why),
    )
    yield wire.Section(id="quarantine", title="Quarantine", fields=fields)


def attempt(
    n: int, outcome: str, text: str, *, took_s: float | None = None, ended: datetime | None = None
) -> wire.Section:
    """One attempt's stack trace; `text` is redacted already."""
    took = "" if took_s is None else f" after {took_s:.3f} s"
    at = f", {ended:%Y-%m-%d %H:%M:%S} UTC" if ended else ""
    title = f"Attempt {n}: {outcome}{took}{at}"
    return wire.Section(id=f"attempt/{n}", title=title, form="trace", text=text)


def span(name: str, began: datetime | None, ended: datetime | None) -> Iterator[wire.Field]:
    """How long something took, where both ends are known and in their order."""
    if began is not None and ended is not None and ended >= began:
        yield wire.Field(name=name, value=round((ended - began).total_seconds(), 3))
