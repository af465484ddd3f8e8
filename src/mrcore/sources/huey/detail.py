"""One entity in full: a job with its payload and every attempt's stack trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from pydantic import JsonValue

from mrcore import errors, redact
from mrcore.journal import heads, keys, record, signatures
from mrcore.model import base, queue, ref, wire
from mrcore.sources.engine import detail as parts
from mrcore.sources.huey import asking, facts, following, jobs, look, raw, rows, running, trimming
from mrcore.sources.redis import link


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
        return await _job(client, seer, shelf, of, now, clean)
    seen = await seer.read(client, now)
    for entity in seen.entities:
        if entity.ref == of:
            told = facts.sections(entity, seen.told.get(of))
            return wire.Detail(at=now, entity=entity, sections=tuple(told))
    raise errors.NotFound(f"There is no {of} (any more).")


async def _job(
    client: link.Client,
    seer: look.Look,
    shelf: jobs.Jobs,
    of: base.Ref,
    now: datetime,
    clean: redact.Redactor,
) -> wire.Detail:
    source = shelf.maker.source
    name, job_id = running.job(source, of)
    (reply,) = await asking.ask(client, ("HGETALL", shelf.root.queue(name).job(job_id)))
    items = reply if isinstance(reply, list) else []
    fields = dict(zip(items[::2], items[1::2], strict=True))
    found = record.whole(job_id, fields)
    read = await shelf.read(client, name, [job_id], payload=False)
    if found is None and job_id.startswith(heads.NAMELESS):
        place = await seer.place(client, name)
        bare = place and await raw.detail(client, shelf.maker, place, job_id, now, clean)
        if bare:
            return bare
    if found is None or job_id not in read:
        raise errors.NotFound(
            f"The journal of {name} has no job {job_id}: retention has trimmed it, it was never "
            "written down, or there is no such job."
        )
    (row,) = await trimming.dated(client, shelf.root.queue(name), [read[job_id][0]], now)
    after = await following.around(client, shelf, name, found)
    (told,) = await asking.ask(client, ("HGET", shelf.root.queue(name).signatures, found.task))
    names = signatures.read(told)
    size = sum(map(len, items))
    sections = await parts.made(size, lambda: _of_job(row, found, after, names, clean))
    if job_id.startswith(heads.NAMELESS) and b"message" in fields:
        sections = (*sections, raw.section(fields[b"message"], clean))
    links = tuple(_links(source, name, found, after))
    return wire.Detail(at=now, entity=row, sections=sections, links=links)


def _of_job(
    row: queue.Job,
    found: record.Record,
    after: Sequence[following.Next],
    names: list[str],
    clean: redact.Redactor,
) -> tuple[wire.Section, ...]:
    by_name, data = _payload(found.payload, names, clean)
    sections = [
        *parts.quarantine(row),
        *by_name,
        wire.Section(id="payload", title="Payload", form="json", data=data),
        wire.Section(id="attempts", title="Attempts", fields=tuple(_attempts(found, clean))),
        *(_trace(attempt, clean) for attempt in reversed(found.attempt)),
        wire.Section(id="timings", title="Timings", fields=tuple(_timings(row, found))),
    ]
    if found.logs:
        text = "\n".join(_line(one, clean) for one in found.logs)
        sections.append(wire.Section(id="logs", title="Log", form="text", text=text))
    if after:
        flow = tuple(_flow(row, after))
        sections.append(wire.Section(id="flow", title="Flow", fields=flow))
    if found.state == "completed":
        data = clean.value(found.result)
        sections.append(wire.Section(id="result", title="Result", form="json", data=data))
    return tuple(sections)


def _payload(
    payload: Any, names: list[str], clean: redact.Redactor
) -> tuple[tuple[wire.Section, ...], JsonValue]:
    """Arguments by name, where they are known, and the payload as its message has it.

    What is hidden for its name is hidden in its place, too.
    """
    data = clean.value(payload)
    if not isinstance(payload, dict) or not isinstance(data, dict):
        return (), data
    args, kwargs = payload.get("args"), payload.get("kwargs")
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        return (), data
    found = signatures.named(names, args, kwargs)
    if found is None:
        return (), data
    told, shown = clean.value(found), data["args"]
    if isinstance(told, dict) and isinstance(shown, list):
        fixed = len([name for name in names if not name.startswith("*")][: len(args)])
        data["args"] = [*list(told.values())[:fixed], *shown[fixed:]]
    return (wire.Section(id="arguments", title="Arguments", form="json", data=told),), data


def _attempts(found: record.Record, clean: redact.Redactor) -> Iterator[wire.Field]:
    for attempt in reversed(found.attempt):
        words = f"{attempt.outcome}: {attempt.error}" if attempt.error else attempt.outcome
        at = rows.instant(attempt.ended_at)
        yield wire.Field(name=f"attempt {attempt.n}", value=clean.text(words), at=at)
    left_out = found.attempts - len(found.attempt) - (found.state == "active")
    if left_out > 0:
        yield wire.Field(name="older", value=f"{left_out} attempts are not kept")


def _trace(attempt: record.Attempt, clean: redact.Redactor) -> wire.Section:
    began, ended = rows.instant(attempt.started_at), rows.instant(attempt.ended_at)
    took_s = (ended - began).total_seconds() if began and ended else None
    text = clean.text(attempt.trace or attempt.error)
    return parts.attempt(attempt.n, attempt.outcome, text, took_s=took_s, ended=ended)


def _line(one: record.Line, clean: redact.Redactor) -> str:
    at = rows.instant(one.at)
    return f"{at:%Y-%m-%d %H:%M:%S} {one.n} {clean.text(one.line)}" if at else clean.text(one.line)


def _flow(row: queue.Job, after: Sequence[following.Next]) -> Iterator[wire.Field]:
    """This job, who enqueued it, whom it enqueued, and what runs with its result."""
    yield wire.Field(name="this", value=f"{row.name} {row.state}", ref=row.ref)
    numbers = Counter[str]()
    for one in after:
        numbers[one.role] += 1
        name = one.role if one.role == "parent" else f"{one.role} {numbers[one.role]}"
        yield wire.Field(name=name, value=f"{one.name} {one.state}", ref=one.ref)


def _timings(row: queue.Job, found: record.Record) -> Iterator[wire.Field]:
    """The job's own instants, and of one that was tried more than once every attempt's."""
    for name, epoch_s in (
        ("enqueued", found.enqueued_at),
        ("due", found.due_at),
        ("started", found.started_at),
        ("finished", found.finished_at),
    ):
        if (at := rows.instant(epoch_s)) is not None:
            yield wire.Field(name=name, at=at)
    first = found.attempt[0].started_at if found.attempt else found.started_at
    if found.attempts <= 20:
        yield from parts.span("waited_s", row.enqueued_at, rows.instant(first))
    yield from parts.span("ran_s", rows.instant(found.started_at), rows.instant(found.finished_at))
    for attempt in found.attempt if len(found.attempt) > 1 else ():
        if (began := rows.instant(attempt.started_at)) is not None:
            yield wire.Field(name=f"attempt {attempt.n} began", value=attempt.worker, at=began)
        ended = rows.instant(attempt.ended_at)
        yield wire.Field(name=f"attempt {attempt.n} ended", value=attempt.outcome, at=ended)
    for name, at in (("expires", row.expires_at), ("trimmed", row.trims_at)):
        if at is not None:
            yield wire.Field(name=name, at=at)


def _links(
    source: str, of: str, found: record.Record, after: Sequence[following.Next]
) -> Iterator[wire.Link]:
    yield wire.Link(label=f"queue {of}", ref=ref.make(source, "queue", of))
    if found.worker and found.state == "active":
        yield wire.Link(label="worker", ref=ref.make(source, "worker", found.worker))
    if found.schedule:
        name = unquote(found.schedule.removeprefix(keys.SCHEDULE))
        yield wire.Link(label=f"schedule {name}", ref=ref.make(source, "schedule", name))
    for one in after:
        if one.ref:
            yield wire.Link(label=f"{one.role} {one.name}", ref=one.ref)
