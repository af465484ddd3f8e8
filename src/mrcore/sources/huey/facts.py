"""What the detail of a queue, worker, schedule or group tells beside its row. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mrcore.model import base, queue, wire
from mrcore.queues import truth


def sections(entity: base.Entity, told: truth.Facts | None = None) -> Iterator[wire.Section]:
    """The facts of an entity; `told` is what a queue's verdict is made of."""
    known: dict[str, Any] = {}
    match entity:
        case queue.Queue():
            kept = (("completed", entity.keep_completed), ("failed", entity.keep_failed))
            known = {f"{state} kept": "all" if n is None else n for state, n in kept}
            known |= entity.counts.model_dump()
            if entity.paused_since is not None:
                known |= {"paused by": entity.paused_by, "paused why": entity.paused_why}
        case queue.Worker():
            known = {"host": entity.host, "pid": entity.pid, "queues": ", ".join(entity.queues)}
        case queue.Schedule():
            known = {"declared": entity.declared, "queue": entity.queue, "job": entity.job}
            known |= {"declared_s": entity.interval_s, "observed_s": entity.observed_s}
            known |= {"missed": entity.missed, "overrun": entity.overrun}
    fields = [wire.Field(name=name, value=value) for name, value in known.items()]
    yield wire.Section(id="facts", title="Facts", fields=tuple(fields))
    if told is not None and told.workers is not None:
        yield wire.Section(id="moves", title="In and out", fields=tuple(_flow(told)))


def _flow(told: truth.Facts) -> Iterator[wire.Field]:
    """How a queue moves: rates between the last two samples, and when it is empty."""
    for name, value in (
        ("in_per_s", told.in_per_s),
        ("out_per_s", told.out_per_s),
        ("failed_per_s", told.fail_per_s),
        ("retried_per_s", told.retries_per_s),
    ):
        if value is not None:
            yield wire.Field(name=name, value=round(value, 3))
    if told.oldest_at is not None:
        yield wire.Field(name="oldest waiting", at=told.oldest_at)
    if told.growing_since is not None:
        yield wire.Field(name="growing since", at=told.growing_since)
    if told.no_worker_since is not None:
        yield wire.Field(name="no worker since", at=told.no_worker_since)
    if told.waiting:
        yield wire.Field(name="empty", value=truth.drain_s(told).said)
    if told.ghosts:
        yield wire.Field(name="ghosts", value=told.ghosts)
    if told.overdue:
        yield wire.Field(name="overdue", value=told.overdue)
