"""Bull Board's shapes of our entities (`dist/schemas/domain.js` of 9.10.2). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from mrcore.model import queue, redis, ref, wire
from mrcore.model.queue import JobState as S

Shape = dict[str, JsonValue]

STATES = (
    S.ACTIVE, S.WAITING, S.WAITING_CHILDREN, S.PRIORITIZED, S.COMPLETED, S.FAILED, S.DELAYED,
)  # fmt: skip
"""In the order of the board's tabs, as with BullMQ 6; `paused` only where an older one has it."""

LATEST = "latest"
TYPE = "bullmq"
"""The client knows `bull` and `bullmq` only."""

PRIORITY_MAX = 2_097_151
_CRON = re.compile(r"((?:\S+ ){4}\S+)(?: (\S+))?")


def ms(at: datetime | None) -> int | None:
    """Epoch ms."""
    return None if at is None else round(at.timestamp() * 1000)


def word(state: S) -> str:
    """A state in Bull Board's words."""
    return state.value.replace("_", "-")


def state(status: str) -> S | None:
    """The state that a status means; None for `latest` and what is none."""
    return next((s for s in (*STATES, S.PAUSED) if word(s) == status), None)


def states(of: queue.Queue) -> tuple[S, ...]:
    """The states that the board shows of a queue."""
    return (*STATES, S.PAUSED) if of.counts.paused else STATES


def count(of: queue.Queue, one: S) -> int:
    return int(getattr(of.counts, one.value))


def is_paused(of: queue.Queue) -> bool:
    return of.paused_since is not None or "queue.resume" in of.actions


def is_read_only(of: queue.Queue) -> bool:
    """Whether the engine, or our right to it, lets nothing be done there."""
    return not of.actions


def app_queue(
    of: queue.Queue, name: str, jobs: list[JsonValue], pagination: JsonValue, schedules: int,
    now: datetime,
) -> Shape:  # fmt: skip
    """An AppQueue."""
    shown, writable = states(of), not is_read_only(of)
    limited_ms = (ms(of.limited_until) or 0) - (ms(now) or 0)
    return {
        "name": name,
        "description": f"{of.engine} queue",
        "statuses": [LATEST, *map(word, shown)],
        "counts": {word(one): count(of, one) for one in sorted(shown, key=word)},
        "jobs": jobs,
        "pagination": pagination,
        "readOnlyMode": not writable,
        "allowRetries": writable,
        "allowCompletedRetries": False,
        "isPaused": is_paused(of),
        "type": TYPE,
        "delimiter": "",
        "globalConcurrency": None,
        "activeRateLimitTtl": max(0, limited_ms),
        "supportsGlobalRateLimit": False,
        "jobSchedulerCount": schedules,
        "hasWorkers": None if of.workers is None else of.workers > 0,
    }


def pagination(total: int, page: int, size: int) -> Shape:
    """Pages of one state; `range` as the board counts it, both ends included."""
    start = (page - 1) * size
    return {
        "pageCount": max(1, -(-total // size)),
        "range": {"start": start, "end": start + size - 1},
    }


def app_job(job: queue.Job, sections: Sequence[wire.Section] = ()) -> Shape:
    """An AppJob with the sections of its detail; what we do not know is as in one without it."""
    parts = {section.id: section for section in sections}
    delay_ms = 0
    if job.due_at and job.enqueued_at and job.state is S.DELAYED:
        delay_ms = max(0, round((job.due_at - job.enqueued_at).total_seconds() * 1000))
    made: dict[str, Any] = {
        "id": job.id,
        "timestamp": ms(job.enqueued_at or job.started_at or job.finished_at) or 0,
        "processedOn": ms(job.started_at),
        "processedBy": job.worker or None,
        "finishedOn": ms(job.finished_at),
        "progress": 0 if job.progress is None else round(job.progress * 100, 2),
        "attempts": job.attempts,
        "delay": delay_ms,
        "priority": job.priority or None,
        "failedReason": job.error or None,
        "stacktrace": _traces(sections),
        "opts": {"attempts": job.max_attempts or 0},
    }
    return {
        **{name: value for name, value in made.items() if value is not None},
        "data": parts["payload"].data if "payload" in parts else None,
        "name": job.name,
        "returnValue": parts["result"].data if "result" in parts else None,
        "isFailed": job.state is S.FAILED,
    }


def _traces(sections: Iterable[wire.Section]) -> list[str]:
    """Traces of attempts, newest first as the sections are."""
    return [s.text for s in sections if s.id.startswith("attempt/") and s.text]


def logs(sections: Iterable[wire.Section]) -> list[JsonValue]:
    """What a job has logged, a line each."""
    return [line for s in sections if s.id == "logs" for line in s.text.splitlines()]


def worker(of: queue.Worker, now: datetime) -> Shape:
    """A QueueWorker: `age` in whole seconds."""
    age_s = (now - of.started_at).total_seconds() if of.started_at else 0
    return {"id": of.name, "name": of.name, "addr": of.host, "age": max(0, int(age_s))}


def schedule_id(of: queue.Schedule) -> str:
    return ref.parse(of.ref).id


def schedule(of: queue.Schedule, queue_name: str) -> Shape:
    """An AppJobScheduler."""
    made: dict[str, Any] = {
        "id": schedule_id(of),
        "name": of.job or of.name,
        **_repeat(of),
        "next": ms(of.next_at),
        "lastRun": ms(of.last_enqueued_at),
        "queueName": queue_name,
    }
    return {name: value for name, value in made.items() if value is not None}


def _repeat(of: queue.Schedule) -> dict[str, Any]:
    """`pattern` and `tz` of a cron line, else `every` in ms."""
    if cron := _CRON.fullmatch(of.declared):
        return {"pattern": cron[1], "tz": cron[2]}
    if of.interval_s is not None:
        return {"every": round(of.interval_s * 1000)}
    return {"pattern": of.declared}


def metrics(series: wire.Series) -> Shape | None:
    """QueueMetrics of a rate in 1/s, one value a minute, newest first; None without points."""
    if not series.points:
        return None
    data: list[JsonValue] = [round(value * series.step_s) for _, value in reversed(series.points)]
    total = sum(round(value * series.step_s) for _, value in series.points)
    meta: Shape = {"count": total, "prevTS": ms(series.points[-1][0]), "prevCount": data[0]}
    return {"meta": meta, "data": data, "count": len(data)}


def redis_stats(of: redis.RedisNode, figures: Mapping[str, float], now: datetime) -> Shape:
    """RedisStats of a watched node; `figures` are its newest points by metric.

    `total` is what INFO's total_system_memory says, as Bull Board has it, else maxmemory.
    """
    used = figures.get("redis.used_bytes")
    memory: Shape = {
        "total": of.machine_bytes or of.maxmemory_bytes,
        "used": 0 if used is None else round(used),
    }
    uptime_s = (now - of.started_at).total_seconds() if of.started_at else 0
    return {
        "backend": "redis",
        "version": of.version,
        "mode": of.mode,
        "port": of.port,
        "uptime": int(uptime_s),
        "memory": {**memory, "fragmentationRatio": 0, "peak": 0},
        "clients": {
            "connected": round(figures.get("redis.clients", 0)),
            "blocked": round(figures.get("redis.blocked_clients", 0)),
        },
    }


def flow(
    job: queue.Job,
    sections: Iterable[wire.Section],
    queue_name: Mapping[str, str],
    *,
    own_root: bool,
) -> Shape:
    """A JobFlow from a detail's section `flow`; `queue_name` is by ref of the queue."""
    fields = next((s.fields for s in sections if s.id == "flow"), ())
    parent = next((f for f in fields if f.name == "parent"), None)
    own = _node(wire.Field(name="this", value=f"{job.name} {job.state}", ref=job.ref), queue_name)
    below = _below(fields, queue_name)
    if below:
        own |= {"children": below, "dependencies": _dependencies(below)}
    root = own
    if parent is not None and parent.ref and not own_root:
        root = _node(parent, queue_name)
        root |= {"children": [own], "dependencies": _dependencies([own])}
    return {"nodeId": job.id, "isFlowNode": bool(below) or parent is not None, "flowRoot": root}


def _below(fields: Sequence[wire.Field], queue_name: Mapping[str, str]) -> list[JsonValue]:
    """Children; grandchildren, whose parent a flow does not name, are left out."""
    child = re.compile(r"(child|then|on error)( \d+)?")
    return [_node(f, queue_name) for f in fields if child.fullmatch(f.name) and f.ref]


def _node(of: wire.Field, queue_name: Mapping[str, str]) -> Shape:
    name, said = _split(str(of.value))
    address = ref.parse(of.ref)
    owner = address.ids[0].decode("utf-8", "replace")
    return {
        "id": address.id,
        "name": name,
        "progress": 0,
        "state": said,
        "queueName": queue_name.get(ref.make(address.source, "queue", owner), owner),
        "children": [],
    }


def _split(told: str) -> tuple[str, str]:
    """Name and state of a job in a flow, in Bull Board's words."""
    for one in sorted(S, key=len, reverse=True):
        for spelled in (one.value, one.value.replace("_", " ")):
            if told.endswith(f" {spelled}"):
                return told[: -len(spelled) - 1], word(one)
    return told.rpartition(" ")[0] or told, "unknown"


def _dependencies(children: Sequence[JsonValue]) -> Shape:
    said = [child.get("state") for child in children if isinstance(child, dict)]
    ended, failed = said.count("completed"), said.count("failed")
    return {
        "processed": ended,
        "unprocessed": len(said) - ended - failed,
        "ignored": 0,
        "failed": failed,
    }
