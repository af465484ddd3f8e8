"""One entity in full: a job with its call and every attempt's stack trace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mrcore import errors, redact
from mrcore.model import base, queue, ref, wire
from mrcore.sources.engine import detail as parts
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, jobs, keys, look, looking, offers, payload, record, running

RESULTS = 20
"""Attempts that are read: RQ keeps ten."""

FLOW = 50
"""Parents and children that are shown."""


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
    (seen,) = await looking.refs(client, source, [of])
    if not seen.state:
        raise errors.NotFound(
            f"{name} has no job {job_id}: RQ has forgotten it (finished ones after 500 s, if not "
            "told otherwise), or there is no such job."
        )
    sets = (f"rq:job::{job_id}:dependencies", f"{keys.job(job_id)}:dependents")
    hash_, entries, parents, children, *counts = await asking.ask(
        client,
        ("HGETALL", keys.job(job_id)),
        ("XREVRANGE", keys.results(job_id), "+", "-", "COUNT", RESULTS),
        *(("SSCAN", key, 0, "COUNT", FLOW) for key in sets),  # a hundred thousand may wait for one
        *(("SCARD", key) for key in sets),
    )
    placed = [jobs.Placed(job_id, seen.score)]
    read = await shelf.read(client, name, seen.state, placed, data=True)
    if job_id not in read:
        raise errors.NotFound(f"{name} has no job {job_id} any more.")
    fields = dict(asking.pairs(hash_))
    attempts = [record.attempt(entry) for entry in asking.some(entries)]
    related = _related(fields, parents)
    flow = await _flow(client, source, related, _ids(children))
    total = max(len(related), asking.whole(counts[0])) + asking.whole(counts[1])
    if (beyond := total - len(flow)) > 0:
        flow.append(wire.Field(name="more", value=f"{beyond:,} that are not shown"))
    size = sum(len(value) for value in fields.values()) + sum(len(a.trace) for a in attempts)
    row = read[job_id][0]
    sections = await parts.made(size, lambda: _of_job(row, fields, attempts, clean))
    links = [wire.Link(label=f"queue {name}", ref=ref.make(source, "queue", name))]
    if row.worker and row.state is queue.JobState.ACTIVE:
        links.append(wire.Link(label="worker", ref=ref.make(source, "worker", row.worker)))
    links += [wire.Link(label=field.name, ref=field.ref) for field in flow[:5] if field.ref]
    more = (wire.Section(id="flow", title="Flow", fields=tuple(flow)),) if flow else ()
    return wire.Detail(at=now, entity=row, sections=(*sections, *more), links=tuple(links))


def _of_job(
    row: queue.Job,
    fields: Mapping[bytes, bytes],
    attempts: Sequence[record.Attempt],
    clean: redact.Redactor,
) -> tuple[wire.Section, ...]:
    sections = [
        *parts.quarantine(row),
        wire.Section(
            id="payload", title="Payload", form="json", data=payload.called(fields, clean)
        ),
        wire.Section(
            id="attempts", title="Attempts", fields=tuple(_attempts(row, fields, attempts, clean))
        ),
        *_traces(row, fields, attempts, clean),
        wire.Section(id="timings", title="Timings", fields=tuple(_timings(row, fields))),
    ]
    values = [one.value for one in attempts if one.outcome == "succeeded" and one.value]
    if row.state is queue.JobState.COMPLETED and values:
        shown = payload.held(values[0], clean)
        sections.append(wire.Section(id="result", title="Result", form="json", data=shown))
    return tuple(sections)


def _attempts(
    row: queue.Job,
    fields: Mapping[bytes, bytes],
    attempts: Sequence[record.Attempt],
    clean: redact.Redactor,
) -> Iterator[wire.Field]:
    for n, one in _numbered(attempts):
        lines = one.trace.rstrip().splitlines()
        words = f"{one.outcome}: {lines[-1].strip()}" if lines else one.outcome
        yield wire.Field(name=f"attempt {n}", value=clean.text(words), at=one.ended_at or one.at)
    if (left := record.number(fields.get(b"retries_left"))) is not None:
        said = f"{left:.0f}; RQ keeps no trace of an attempt that it retries by itself"
        yield wire.Field(name="retries left", value=said)


def _traces(
    row: queue.Job,
    fields: Mapping[bytes, bytes],
    attempts: Sequence[record.Attempt],
    clean: redact.Redactor,
) -> Iterator[wire.Section]:
    for n, one in _numbered(attempts):
        ended = one.ended_at or one.at
        took_s = None
        if one.started_at and one.ended_at:
            took_s = (one.ended_at - one.started_at).total_seconds()
        yield parts.attempt(n, one.outcome, clean.text(one.trace), took_s=took_s, ended=ended)
    old = record.inflated(fields.get(b"exc_info")).decode("utf-8", "replace")
    if old and not attempts:  # an RQ before 1.12 kept it here
        yield wire.Section(
            id="attempt/1", title="Last attempt: failed", form="trace", text=clean.text(old)
        )


def _numbered(attempts: Sequence[record.Attempt]) -> Iterator[tuple[int, record.Attempt]]:
    """Newest first, the oldest that is kept is 1."""
    for index, one in enumerate(attempts):
        yield len(attempts) - index, one


def _timings(row: queue.Job, fields: Mapping[bytes, bytes]) -> Iterator[wire.Field]:
    for name, key in (
        ("created", b"created_at"),
        ("enqueued", b"enqueued_at"),
        ("started", b"started_at"),
        ("heartbeat", b"last_heartbeat"),
        ("finished", b"ended_at"),
    ):
        if (at := record.instant(fields.get(key))) is not None:
            yield wire.Field(name=name, at=at)
    for name, when in (("due", row.due_at), ("expires", row.expires_at), ("trimmed", row.trims_at)):
        if when is not None:
            yield wire.Field(name=name, at=when)
    yield from parts.span("waited_s", row.enqueued_at, row.started_at)
    yield from parts.span("ran_s", row.started_at, row.finished_at)


async def _flow(
    client: link.Client, source: str, parents: Sequence[str], children: Sequence[str]
) -> list[wire.Field]:
    """What a job waits for, and what waits for it, with how each is."""
    both = [("waits for", i) for i in parents] + [("then", i) for i in children]
    replies = await asking.ask(
        client, *(("HMGET", keys.job(i), "status", "origin") for _, i in both[:FLOW])
    )
    found: list[wire.Field] = []
    for (role, job_id), values in zip(both[:FLOW], replies, strict=True):
        state, origin = (asking.text(value) for value in values or (None, None))
        shown = offers.SHOWN.get(state)
        of = ref.make(source, "job", origin, job_id) if state else ""
        words = shown.value if shown else state or "gone"
        found.append(wire.Field(name=f"{role} {job_id}", value=words, ref=of))
    return found


def _related(fields: Mapping[bytes, bytes], members: Any) -> list[str]:
    """RQ writes what a job waits for twice; the set goes when it has run."""
    try:
        listed = json.loads(fields.get(b"dependency_ids", b"[]"))
    except ValueError:
        listed = []
    known = [str(one) for one in listed] if isinstance(listed, list) else []
    return list(dict.fromkeys((*known, *_ids(members))))


def _ids(scanned: Any) -> list[str]:
    """Some members of a set, from SSCAN."""
    return sorted(asking.text(one) for one in (asking.some(scanned) or [0, []])[1])


def _sections(entity: base.Entity) -> Iterator[wire.Section]:
    fields: dict[str, Any] = {}
    match entity:
        case queue.Queue():
            fields = entity.counts.model_dump()
            if entity.paused_since is not None:
                fields |= {"paused by": entity.paused_by, "paused why": entity.paused_why}
                fields["paused are"] = "all queues: RQ knows only one pause"
        case queue.Worker():
            fields = {"host": entity.host, "pid": entity.pid, "queues": ", ".join(entity.queues)}
        case queue.Schedule():
            fields = {"declared": entity.declared, "queue": entity.queue, "job": entity.job}
            fields |= {"observed_s": entity.observed_s, "registered": entity.registered}
    told = tuple(wire.Field(name=name, value=value) for name, value in fields.items())
    yield wire.Section(id="facts", title="Facts", fields=told)
