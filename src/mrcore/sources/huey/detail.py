"""One entity in full: a job with its payload and every attempt's stack trace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from mrcore import errors, redact
from mrcore.journal import keys, record
from mrcore.model import base, queue, ref, wire
from mrcore.sources.huey import asking, jobs, look, rows, running
from mrcore.sources.redis import link

LARGE_BYTES = 64 * 1024


async def detail(
    client: link.Client,
    seer: look.Look,
    shelf: jobs.Jobs,
    of: base.Ref,
    now: datetime,
    clean: redact.Redactor = redact.ALL,
) -> wire.Detail:
    """The detail of a job, queue, worker or schedule; `clean` is what is done to a job's texts.

    Raises NotFound with what may have become of it.
    """
    if ref.parse(of).kind == "job":
        return await _job(client, shelf, of, now, clean)
    seen = await seer.read(client, now)
    for entity in seen.entities:
        if entity.ref == of:
            return wire.Detail(at=now, entity=entity, sections=tuple(_sections(entity)))
    raise errors.NotFound(f"There is no {of} (any more).")


async def _job(
    client: link.Client, shelf: jobs.Jobs, of: base.Ref, now: datetime, clean: redact.Redactor
) -> wire.Detail:
    source = shelf.maker.source
    name, job_id = running.job(source, of)
    (reply,) = await asking.ask(client, ("HGETALL", shelf.root.queue(name).job(job_id)))
    items = reply if isinstance(reply, list) else []
    found = record.whole(job_id, dict(zip(items[::2], items[1::2], strict=True)))
    read = await shelf.read(client, name, [job_id], payload=False)
    if found is None or job_id not in read:
        raise errors.NotFound(
            f"The journal of {name} has no job {job_id}: retention has trimmed it, it was never "
            "written down, or there is no such job."
        )
    row, _ = read[job_id]
    if sum(map(len, items)) > LARGE_BYTES:  # redacting it takes its time
        sections = await asyncio.to_thread(_of_job, row, found, clean)
    else:
        sections = _of_job(row, found, clean)
    return wire.Detail(
        at=now, entity=row, sections=sections, links=tuple(_links(source, name, found))
    )


def _of_job(
    row: queue.Job, found: record.Record, clean: redact.Redactor
) -> tuple[wire.Section, ...]:
    data = clean.value(found.payload)
    sections = [
        *_quarantine(row),
        wire.Section(id="payload", title="Payload", form="json", data=data),
        wire.Section(id="attempts", title="Attempts", fields=tuple(_attempts(found, clean))),
        *(_trace(attempt, clean) for attempt in reversed(found.attempt)),
        wire.Section(id="timings", title="Timings", fields=tuple(_timings(found))),
    ]
    if found.state == "completed":
        data = clean.value(found.result)
        sections.append(wire.Section(id="result", title="Result", form="json", data=data))
    return tuple(sections)


def _quarantine(row: queue.Job) -> Iterator[wire.Section]:
    if row.state is not queue.JobState.QUARANTINED:
        return
    fields = (
        wire.Field(name="since", at=row.quarantined_at),
        wire.Field(name="by", value=row.quarantined_by),
        wire.Field(name="why", value=row.quarantined_why),
    )
    yield wire.Section(id="quarantine", title="Quarantine", fields=fields)


def _attempts(found: record.Record, clean: redact.Redactor) -> Iterator[wire.Field]:
    for attempt in reversed(found.attempt):
        words = f"{attempt.outcome}: {attempt.error}" if attempt.error else attempt.outcome
        at = rows.instant(attempt.ended_at)
        yield wire.Field(name=f"attempt {attempt.n}", value=clean.text(words), at=at)
    left_out = found.attempts - len(found.attempt) - (found.state == "active")
    if left_out > 0:
        yield wire.Field(name="older", value=f"{left_out} attempts are not kept")


def _trace(attempt: record.Attempt, clean: redact.Redactor) -> wire.Section:
    took = ""
    if attempt.started_at is not None:
        took = f" after {attempt.ended_at - attempt.started_at:.3f} s"
    ended = rows.instant(attempt.ended_at)
    at = f", {ended:%Y-%m-%d %H:%M:%S} UTC" if ended else ""
    return wire.Section(
        id=f"attempt/{attempt.n}",
        title=f"Attempt {attempt.n}: {attempt.outcome}{took}{at}",
        form="trace",
        text=clean.text(attempt.trace or attempt.error),
    )


def _timings(found: record.Record) -> Iterator[wire.Field]:
    for name, epoch_s in (
        ("enqueued", found.enqueued_at),
        ("due", found.due_at),
        ("started", found.started_at),
        ("finished", found.finished_at),
    ):
        if (at := rows.instant(epoch_s)) is not None:
            yield wire.Field(name=name, at=at)
    first = found.attempt[0].started_at if found.attempt else found.started_at
    if found.enqueued_at is not None and first is not None and found.attempts <= 20:
        yield wire.Field(name="waited_s", value=round(first - found.enqueued_at, 3))
    if found.started_at is not None and found.finished_at is not None:
        yield wire.Field(name="ran_s", value=round(found.finished_at - found.started_at, 3))


def _links(source: str, of: str, found: record.Record) -> Iterator[wire.Link]:
    yield wire.Link(label=f"queue {of}", ref=ref.make(source, "queue", of))
    if found.worker and found.state == "active":
        yield wire.Link(label="worker", ref=ref.make(source, "worker", found.worker))
    if found.schedule:
        name = unquote(found.schedule.removeprefix(keys.SCHEDULE))
        yield wire.Link(label=f"schedule {name}", ref=ref.make(source, "schedule", name))


def _sections(entity: base.Entity) -> Iterator[wire.Section]:
    fields: dict[str, Any] = {}
    match entity:
        case queue.Queue():
            kept = (("completed", entity.keep_completed), ("failed", entity.keep_failed))
            fields = {f"{state} kept": "all" if n is None else n for state, n in kept}
            fields |= entity.counts.model_dump()
            if entity.paused_since is not None:
                fields |= {"paused by": entity.paused_by, "paused why": entity.paused_why}
        case queue.Worker():
            fields = {"host": entity.host, "pid": entity.pid, "queues": ", ".join(entity.queues)}
        case queue.Schedule():
            fields = {"declared": entity.declared, "queue": entity.queue, "job": entity.job}
            fields["missed"] = entity.missed
    told = tuple(wire.Field(name=name, value=value) for name, value in fields.items())
    yield wire.Section(id="facts", title="Facts", fields=told)
