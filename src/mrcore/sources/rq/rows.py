"""Entities from what RQ has written. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import JsonValue

from mrcore import redact
from mrcore.model import base, queue, ref
from mrcore.queues import expiry, fingerprint
from mrcore.sources.rq import asking, offers, record, rights


class Held(NamedTuple):
    """A quarantine: since when, in which of RQ's states the job was before, by whom and why."""

    since: datetime | None
    before: str
    by: str
    why: str


class Maker:
    """Makes the rows of one source; `limits` are the age limits of the settings."""

    def __init__(self, source: str, who: rights.Rights, limits: Mapping[str, float]) -> None:
        self.source = source
        self.who = who
        self._limits = limits

    def job(
        self,
        of: str,
        found: record.Record,
        state: str,
        score: float | None = None,
        held: Held | None = None,
        payload: JsonValue = None,
    ) -> queue.Job:
        """A job that is in the registry `state` (RQ's word) with that score."""
        trace = found.trace if state in ("failed", "quarantined", "scheduled", "queued") else ""
        known = fingerprint.of("", trace) if state in ("failed", "quarantined") else None
        return queue.Job(
            ref=ref.make(self.source, "job", of, found.id),
            verdict=_verdict(found, state, held),
            actions=self.who.offered(offers.of_job(state)),
            engine="rq",
            queue=of,
            id=found.id,
            name=redact.text(found.name),
            state=offers.SHOWN.get(state, queue.JobState.WAITING),
            attempts=found.attempts + (state == "started"),
            max_attempts=None,
            enqueued_at=found.enqueued_at or found.created_at,
            due_at=record.epoch(score) if state == "scheduled" else None,
            started_at=found.started_at,
            finished_at=found.ended_at,
            error=redact.text(found.error if trace else ""),
            worker=found.worker,
            fingerprint=known.id if known and trace else "",
            expires_at=expiry.expires_at(
                found.name, payload, found.created_at or found.enqueued_at, self._limits
            ),
            trims_at=record.epoch(score) if state in ("failed", "finished") else None,
            quarantined_at=held.since if held else None,
            quarantined_by=held.by if held else "",
            quarantined_why=held.why if held else "",
        )


def _verdict(found: record.Record, state: str, held: Held | None) -> base.Verdict:
    if held is not None:
        why = f"Quarantined by {held.by or 'somebody'} ({held.why or 'no reason given'}); it was "
        level = base.Level.WARN
        return base.Verdict(level=level, code="quarantined", why=f"{why}{held.before}.")
    if found.status == "stopped":
        return base.Verdict(level=base.Level.WARN, code="stopped", why="Somebody stopped it.")
    if state == "failed":
        return base.Verdict(level=base.Level.BAD, code="failed", why=redact.text(found.error))
    if state == "canceled":
        return base.Verdict(level=base.Level.WARN, code="canceled", why="It was canceled.")
    return base.OK


class Busy(NamedTuple):
    """Of which queue a worker's job is, and what it is called."""

    origin: str = ""
    name: str = ""

    @classmethod
    def of(cls, values: Any) -> Busy:
        """From HMGET of origin and description."""
        origin, call = (asking.text(value) for value in values or (None, None))
        return cls(origin, redact.text(record.name(call)) if call else "")


IDLE = Busy()


WORKER_TTL_S = 420.0
"""One that waits for a job says 15 s before this is over that it lives (DEFAULT_WORKER_TTL)."""


def queues(facts: Mapping[bytes, bytes]) -> tuple[str, ...]:
    """For which queues a worker works, from its hash."""
    return tuple(filter(None, asking.text(facts.get(b"queues")).split(",")))


def worker(
    source: str, name: str, facts: Mapping[bytes, bytes], busy: Busy, now: datetime
) -> queue.Worker:
    """A worker from its hash; RQ lets the hash of a silent one expire, and its name stays."""
    verdict = base.OK
    if not facts:
        why = "It has no heartbeat: it ended without a goodbye. What it held fails as abandoned."
        verdict = base.Verdict(level=base.Level.BAD, code="dead", why=why)
    elif asking.text(facts.get(b"state")) == "suspended":
        verdict = base.Verdict(level=base.Level.WARN, code="suspended", why="It holds: rq suspend.")
    pid = record.number(facts.get(b"pid"))
    current = asking.text(facts.get(b"current_job"))
    return queue.Worker(
        ref=ref.make(source, "worker", name),
        verdict=verdict,
        engine="rq",
        name=name,
        queues=queues(facts),
        host=asking.text(facts.get(b"hostname")),
        pid=None if pid is None else int(pid),
        started_at=record.instant(facts.get(b"birth")),
        last_seen_at=record.instant(facts.get(b"last_heartbeat")),
        busy_with=(ref.make(source, "job", busy.origin, current),) if busy.origin else (),
        does=(busy.name,) if busy.origin else (),
        beat_s=WORKER_TTL_S,
    )
