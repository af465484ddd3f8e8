"""One entity in full: a job with its payload, its traces, what it logged and its flow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from mrcore import errors, redact
from mrcore.model import base, queue, ref, wire
from mrcore.sources.bullmq import (
    asking,
    flows,
    jobs,
    look,
    looking,
    places,
    reading,
    rows,
    running,
    trimming,
)
from mrcore.sources.engine import detail as parts
from mrcore.sources.redis import link

LOGS_MOST = 1_000
_S = queue.JobState
_FIELDS = ("data", "opts", "stacktrace", "returnvalue", "stc", "deid", "rjk", "defa")


class Whole(NamedTuple):
    """A job in full, as it is kept."""

    row: queue.Job
    fields: dict[str, Any]
    logs: Sequence[bytes]
    log_count: int
    flow: Sequence[flows.Node]


async def detail(
    client: link.Client,
    seer: look.Look,
    shelf: jobs.Jobs,
    found: places.Found,
    of: base.Ref,
    now: datetime,
    may: tuple[base.ActionId, ...],
    clean: redact.Redactor = redact.ALL,
) -> wire.Detail:
    """The detail of a job, queue, worker or schedule; `clean` is what is done to a job's texts.

    Raises NotFound with what may have become of it.
    """
    if ref.parse(of).kind == "job":
        return await _job(client, seer, shelf, found, of, now, may, clean)
    for entity in await seer.read(client, now):
        if entity.ref == of:
            return wire.Detail(at=now, entity=entity, sections=tuple(_sections(entity)))
    raise errors.NotFound(f"There is no {of} (any more).")


async def _job(
    client: link.Client,
    seer: look.Look,
    shelf: jobs.Jobs,
    found: places.Found,
    of: base.Ref,
    now: datetime,
    may: tuple[base.ActionId, ...],
    clean: redact.Redactor,
) -> wire.Detail:
    name, job_id = running.job(seer.source, of)
    place = await found.place(client, name)
    spot = (await looking.find(client, place, [job_id])) if place else []
    if place and not spot and await looking.deeper(client, place, [job_id]):
        spot = [reading.Spot(_S.WAITING, job_id)]
    if place is None or not spot:
        raise errors.NotFound(
            f"{name} has no job {job_id}: it was removed, retention has trimmed it, or there was "
            "never one."
        )
    read = await reading.read(client, shelf.maker, place, spot, may=may)
    if job_id not in read:
        raise errors.NotFound(f"The hash of job {job_id} of {name} is gone.")
    key = reading.hash_of(place, spot[0])
    values, logs, count = await asking.ask(
        client,
        ("HMGET", key, *_FIELDS),
        ("LRANGE", f"{key}:logs", -LOGS_MOST, -1),
        ("LLEN", f"{key}:logs"),
    )
    (row,) = await trimming.dated(client, place, [read[job_id].job], now)
    fields = dict(zip(_FIELDS, asking.items(values) or [None] * len(_FIELDS), strict=True))
    tree = await flows.tree(client, shelf.maker, place, row, key)
    whole = Whole(row, fields, asking.items(logs), asking.whole(count), tree)
    size = sum(len(one) for one in fields.values() if one)
    sections = await parts.made(size, lambda: _of_job(whole, clean))
    links = tuple(_links(seer.source, place, whole))
    return wire.Detail(at=now, entity=row, sections=sections, links=links)


def _of_job(whole: Whole, clean: redact.Redactor) -> tuple[wire.Section, ...]:
    row, fields = whole.row, whole.fields
    data = clean.value(rows.parsed(fields["data"]))
    sections = [
        *parts.quarantine(row),
        wire.Section(id="payload", title="Payload", form="json", data=data),
        *_attempts(whole, clean),
        wire.Section(id="timings", title="Timings", fields=tuple(_timings(row))),
        wire.Section(id="options", title="Options", fields=tuple(_options(whole, clean))),
    ]
    if row.state is _S.COMPLETED:
        result = clean.value(rows.parsed(fields["returnvalue"]))
        sections.append(wire.Section(id="result", title="Result", form="json", data=result))
    if whole.logs:
        lines = [asking.text(line) for line in whole.logs]
        if (older := whole.log_count - len(lines)) > 0:
            lines.insert(0, f"({older:,} older lines are not shown)")
        text = clean.text("\n".join(lines))
        sections.append(wire.Section(id="logs", title="Logs", form="text", text=text))
    if len(whole.flow) > 1:
        flow = tuple(
            wire.Field(name=node.role, value=f"{clean.text(node.name)} {node.state}", ref=node.ref)
            for node in whole.flow
        )
        sections.append(wire.Section(id="flow", title="Flow", fields=flow))
    return tuple(sections)


def _attempts(whole: Whole, clean: redact.Redactor) -> Iterator[wire.Section]:
    """The attempts that failed, the newest first: a completed job's last one is no failure."""
    row, traces = whole.row, rows.traces(whole.fields["stacktrace"])
    failed = row.attempts - (row.state in (_S.COMPLETED, _S.ACTIVE))
    last = max(failed, len(traces))
    numbered = [(last - n, trace) for n, trace in enumerate(traces)]
    told = [
        wire.Field(name=f"attempt {n}", value=clean.text(f"failed: {_headline(trace)}"))
        for n, trace in numbered
    ]
    if row.state is _S.COMPLETED and row.attempts:
        first = wire.Field(name=f"attempt {row.attempts}", value="succeeded", at=row.finished_at)
        told.insert(0, first)
    if failed > len(traces):
        told.append(
            wire.Field(name="older", value=f"{failed - len(traces)} attempts have no trace")
        )
    yield wire.Section(id="attempts", title="Attempts", fields=tuple(told))
    for n, trace in numbered:
        newest = n == last and row.state is _S.FAILED
        ended = row.finished_at if newest else None
        yield parts.attempt(n, "failed", clean.text(trace), ended=ended)


def _headline(trace: str) -> str:
    """What was raised: Node's first line, Python's last."""
    lines = [line for line in trace.splitlines() if line.strip()] or [""]
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


def _timings(row: queue.Job) -> Iterator[wire.Field]:
    for name, at in (
        ("enqueued", row.enqueued_at),
        ("due", row.due_at),
        ("started", row.started_at),
        ("finished", row.finished_at),
        ("expires", row.expires_at),
        ("trimmed", row.trims_at),
    ):
        if at is not None:
            yield wire.Field(name=name, at=at)
    if row.attempts <= 1:
        yield from parts.span("waited_s", row.enqueued_at, row.started_at)
    yield from parts.span("ran_s", row.started_at, row.finished_at)


def _options(whole: Whole, clean: redact.Redactor) -> Iterator[wire.Field]:
    opts = rows.parsed(whole.fields["opts"])
    for name, value in opts.items() if isinstance(opts, dict) else ():
        if isinstance(value, str | int | float | bool):
            shown = clean.text(value) if isinstance(value, str) else value
            yield wire.Field(name=name, value=shown)
        elif value:
            yield wire.Field(name=name, value=clean.text(rows.dumped(value)))
    for field, name in (
        ("stc", "stalled"),
        ("deid", "deduplication"),
        ("defa", "deferred failure"),
    ):
        if words := asking.text(whole.fields[field]):
            yield wire.Field(name=name, value=clean.text(words))


def _links(source: str, place: places.Place, whole: Whole) -> Iterator[wire.Link]:
    yield wire.Link(label="queue", ref=ref.make(source, "queue", place.shown))
    if whole.row.parent:
        yield wire.Link(label="parent", ref=whole.row.parent)
    if whole.row.worker:
        yield wire.Link(label="worker", ref=ref.make(source, "worker", whole.row.worker))
    if scheduler := asking.text(whole.fields["rjk"]):
        of = ref.make(source, "schedule", place.shown, scheduler)
        yield wire.Link(label="schedule", ref=of)


def _sections(entity: base.Entity) -> Iterator[wire.Section]:
    if isinstance(entity, queue.Queue):
        fields = tuple(
            wire.Field(name=name.replace("_", " "), value=count)
            for name, count in entity.counts.model_dump().items()
        )
        yield wire.Section(id="counts", title="Jobs", fields=fields)
        layout = wire.Field(name="layout", value=entity.layout or "not said")
        yield wire.Section(id="engine", title="Engine", fields=(layout,))
    elif isinstance(entity, queue.Worker):
        held = tuple(wire.Field(name="job", value=of, ref=of) for of in entity.busy_with)
        yield wire.Section(id="busy", title="Works on", fields=held)
