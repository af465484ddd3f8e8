"""One entity of a board in full; a job as the board shows it, which may be formatted."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import JsonValue

from mrcore import errors, redact
from mrcore.model import base, queue, ref, wire
from mrcore.sources.bullboard import jobs, link, look, rows, seeing, shape

LOG_LINES = 1_000
DEPTH, CHILDREN = 3, 20
_GROUP_S = 1.0


class _Whole(NamedTuple):
    """All that the board tells of one job."""

    row: queue.Job
    raw: shape.App
    known: shape.Shape
    logs: JsonValue
    flow: JsonValue


class Details:
    """Reads details; `seer` looks at jobs, `shelf` at groups."""

    def __init__(
        self, board: link.Link, look_: look.Look, seer: seeing.Seer, shelf: jobs.Jobs
    ) -> None:
        self._board = board
        self._look = look_
        self._seer = seer
        self._shelf = shelf

    async def detail(
        self, of: base.Ref, now: datetime, clean: redact.Redactor = redact.ALL
    ) -> wire.Detail:
        """A job, group, queue, worker or schedule. Raises NotFound."""
        kind = ref.parse(of).kind
        if kind == "job":
            return await self._job(of, now, clean)
        if kind == "group":
            return await self._group(of, now)
        for entity in (await self._look.read(now)).entities:
            if entity.ref == of:
                return wire.Detail(at=now, entity=entity, sections=(_facts(entity),))
        raise look.gone(of)

    async def _group(self, of: base.Ref, now: datetime) -> wire.Detail:
        ids = seeing.ids(self._seer.source, of, "group", 2)
        app = await self._look.app(ids[0]) if ids else None
        if ids is not None and app is not None:
            tally, _, more = await self._shelf.tally(app, _GROUP_S)
            for row in tally.rows(now, jobs.GROUPED_MOST, whole=not more):
                if row.ref == of:
                    links = (wire.Link(label="newest", ref=row.newest),)
                    return wire.Detail(at=now, entity=row, sections=(_facts(row),), links=links)
        raise look.gone(of)

    async def _job(self, of: base.Ref, now: datetime, clean: redact.Redactor) -> wire.Detail:
        found = await self._seer.one(of)
        if found.app is None or found.row is None:
            raise errors.NotFound(f"The board has no {of}: {found.gone}")
        app, row = found.app, found.row
        logs, flow = await asyncio.gather(self._extra(row, "logs"), self._extra(row, "flow"))
        whole = _Whole(row, found.raw, shape.of(app), logs, flow)
        sections = await asyncio.to_thread(
            lambda: tuple(_sections(self._seer.source, whole, clean))
        )
        links = (wire.Link(label=f"queue {row.queue}", ref=_queue(self._seer.source, row.queue)),)
        return wire.Detail(at=now, entity=row, sections=sections, links=links)

    async def _extra(self, row: queue.Job, what: str) -> JsonValue:
        """Logs or flow; None where this board, or this job, has none."""
        query = {"depth": DEPTH, "maxChildren": CHILDREN} if what == "flow" else None
        with contextlib.suppress(link.NoRoute, errors.NotFound):
            answer = await self._board.ask("GET", "queues", row.queue, row.id, what, query=query)
            return answer.body if answer.good else None
        return None


def _queue(source: str, name: str) -> base.Ref:
    return ref.make(source, "queue", name)


def _sections(source: str, whole: _Whole, clean: redact.Redactor) -> Iterator[wire.Section]:
    row, raw = whole.row, whole.raw
    data = clean.value(raw.get("data"))
    yield wire.Section(id="payload", title="Payload, as the board shows it", form="json", data=data)
    traces = rows.traces(raw, whole.known)
    yield wire.Section(id="attempts", title="Attempts", fields=tuple(_attempts(whole, clean)))
    failed = row.attempts - (row.state in (queue.JobState.COMPLETED, queue.JobState.ACTIVE))
    for number, trace in enumerate(traces):
        n = max(failed, len(traces)) - number
        text = clean.text(trace)
        yield wire.Section(id=f"attempt/{n}", title=f"Attempt {n}: failed", form="trace", text=text)
    yield wire.Section(id="timings", title="Timings", fields=tuple(_timings(row)))
    if row.state is queue.JobState.COMPLETED:
        data = clean.value(raw.get("returnValue"))
        title = "Result, as the board shows it"
        yield wire.Section(id="result", title=title, form="json", data=data)
    if isinstance(whole.logs, list) and whole.logs:
        lines = [line for line in whole.logs if isinstance(line, str)]
        title = (
            f"Logs, newest {LOG_LINES:,} of {len(lines):,}" if len(lines) > LOG_LINES else "Logs"
        )
        text = clean.text("\n".join(lines[-LOG_LINES:]))
        yield wire.Section(id="logs", title=title, form="text", text=text)
    if rows.field(whole.flow, "isFlowNode") is True:
        fields = tuple(_flow(source, rows.field(whole.flow, "flowRoot"), "", DEPTH))
        yield wire.Section(id="flow", title="Flow, from its root", fields=fields)


def _attempts(whole: _Whole, clean: redact.Redactor) -> Iterator[wire.Field]:
    raw, row = whole.raw, whole.row
    yield wire.Field(name="made", value=row.attempts)
    yield wire.Field(name="at most", value=row.max_attempts)
    if failed := rows.text(raw.get("failedReason")):
        yield wire.Field(name="failed with", value=clean.text(failed))
    for name, words in (("stalledCounter", "stalled"), ("attemptsStarted", "started")):
        if (value := rows.number(raw.get(name))) is not None:
            yield wire.Field(name=words, value=value)
    if (progress := raw.get("progress")) not in (None, 0):
        shown = progress if isinstance(progress, int | float) else json.dumps(progress)
        yield wire.Field(name="progress", value=clean.text(str(shown)))


def _timings(row: queue.Job) -> Iterator[wire.Field]:
    times = (
        ("enqueued", row.enqueued_at), ("due", row.due_at), ("started", row.started_at),
        ("finished", row.finished_at),
    )  # fmt: skip
    for name, at in times:
        if at is not None:
            yield wire.Field(name=name, at=at)
    if row.started_at and row.finished_at:
        ran_s = (row.finished_at - row.started_at).total_seconds()
        yield wire.Field(name="ran_s", value=round(ran_s, 3))


def _flow(source: str, node: JsonValue, role: str, depth: int) -> Iterator[wire.Field]:
    """A node and its children; the role says whose it is."""
    name, id_ = rows.text(rows.field(node, "name")), str(rows.field(node, "id") or "")
    where = rows.text(rows.field(node, "queueName"))
    if not id_:
        return
    words = f"{redact.label(name)}: {rows.text(rows.field(node, 'state'))}"
    yield wire.Field(name=role or "root", value=words, ref=ref.make(source, "job", where, id_))
    for child in rows.objects(rows.field(node, "children")) if depth > 1 else ():
        yield from _flow(source, child, f"child of {redact.label(id_)}", depth - 1)


def _facts(entity: base.Entity) -> wire.Section:
    fields: dict[str, Any] = {}
    match entity:
        case queue.Queue():
            fields = {"board": entity.layout, "workers": entity.workers}
            fields |= entity.counts.model_dump()
        case queue.Worker():
            fields = {"host": entity.host, "queues": ", ".join(entity.queues)}
        case queue.Schedule():
            fields = {"declared": entity.declared, "queue": entity.queue, "job": entity.job}
        case queue.FailureGroup():
            fields = {"title": entity.title, "code": entity.code, "frame": entity.frame}
            fields |= {"jobs": entity.jobs, "names": ", ".join(entity.names)}
    told = tuple(wire.Field(name=name, value=value) for name, value in fields.items())
    return wire.Section(id="facts", title="Facts", fields=told)
