"""Entities from what the journal holds. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from mrcore import redact
from mrcore.journal import heads, reader, record
from mrcore.model import base, queue, ref
from mrcore.queues import fingerprint
from mrcore.sources import base as source_base
from mrcore.sources.huey import offers, rights

Until = datetime | None
_STATES = {state.value: state for state in queue.JobState}


def instant(epoch_s: float | None) -> datetime | None:
    """Epoch seconds of the journal as an instant; None, and what no calendar has, is None."""
    if epoch_s is None:
        return None
    try:
        return datetime.fromtimestamp(epoch_s, UTC)
    except (OverflowError, OSError, ValueError):
        return None


class Held(NamedTuple):
    """A quarantine: since when, in which state the job was before, by whom and why."""

    since: datetime | None
    before: str
    by: str
    why: str

    @classmethod
    def of(cls, score: Any, values: Any) -> Held:
        """From ZSCORE and HMGET."""
        known = values if isinstance(values, list) else (None, None, None)
        before, by, why = ((value or b"").decode("utf-8", "replace") for value in known)
        return cls(instant(record.number(score)), before, by, redact.text(why))


class Maker:
    """Makes the rows of one source."""

    def __init__(self, source: str, who: rights.Rights, now: source_base.Now) -> None:
        self.source = source
        self.now = now
        self._who = who

    def job(
        self,
        of: str,
        found: record.Record,
        *,
        alive: bool = True,
        kept: bool = False,
        held: Held | None = None,
        known: fingerprint.Print | None = None,
        expires_at: Until = None,
    ) -> queue.Job:
        """A job; `alive` is whether its worker is, `kept` whether its message is."""
        state = _STATES.get(found.state, queue.JobState.WAITING)
        return queue.Job(
            ref=ref.make(self.source, "job", of, found.id),
            verdict=_verdict(found, alive, held),
            actions=self._who.offered(offers.of_job(state, kept=kept)),
            quarantined_at=held.since if held else None,
            quarantined_by=held.by if held else "",
            quarantined_why=held.why if held else "",
            engine="huey",
            queue=of,
            id=found.id,
            name=found.name,
            state=state,
            attempts=found.attempts,
            max_attempts=found.max_attempts,
            enqueued_at=instant(found.enqueued_at),
            due_at=instant(found.due_at),
            started_at=instant(found.started_at),
            finished_at=instant(found.finished_at),
            error=redact.text(found.error),
            worker=found.worker,
            progress=_share(found.progress),
            parent=ref.make(self.source, "job", *found.parent) if found.parent else "",
            fingerprint=known.id if known else "",
            expires_at=expires_at,
        )

    def unjournalled(
        self, of: str, message: bytes, state: queue.JobState, *, ranked: bool = False
    ) -> queue.Job:
        """A job of which there is only huey's message; `ranked` by the queue's priorities.

        The id of one that cannot be read is made from its bytes: it is the same wherever it lies.
        """
        try:
            seen: reader.Seen | None = reader.read(message)
            why = ""
        except reader.Unreadable as unreadable:
            seen, why = None, str(unreadable)
        due = seen.eta if seen else None
        job_id = seen.id if seen else heads.nameless(message)
        return queue.Job(
            ref=ref.make(self.source, "job", of, job_id),
            verdict=base.Verdict(level=base.Level.UNKNOWN, code="unreadable", why=why)
            if seen is None
            else base.OK,
            actions=self._who.offered(offers.of_ranked(state)) if ranked and seen else (),
            engine="huey",
            queue=of,
            id=job_id,
            name=seen.task.rpartition(".")[2] if seen else "unreadable",
            state=state,
            max_attempts=seen.retries + 1 if seen else None,
            due_at=due.replace(tzinfo=UTC) if due and due.tzinfo is None else due,
        )


def _verdict(found: record.Record, alive: bool, held: Held | None) -> base.Verdict:
    if held is not None:
        why = f"Quarantined by {held.by or 'somebody'} ({held.why or 'no reason given'}); it was "
        level = base.Level.WARN
        return base.Verdict(level=level, code="quarantined", why=f"{why}{held.before}.")
    if found.state == "active" and not alive:
        why = f"Its worker {found.worker} has no heartbeat; the job goes back into the queue."
        return base.Verdict(level=base.Level.BAD, code="ghost", why=why)
    if found.state == "failed":
        return base.Verdict(level=base.Level.BAD, code="failed", why=redact.text(found.error))
    if found.state == "completed" and found.outcome not in ("", "succeeded"):
        why = redact.text(found.error) or f"It was {found.outcome}."
        return base.Verdict(level=base.Level.WARN, code=found.outcome, why=why)
    return base.OK


def worker(source: str, name: str, value: bytes, *, alive: bool) -> queue.Worker:
    """A worker from what it wrote of itself."""
    facts: Any = record.parse(value)
    facts = facts if isinstance(facts, dict) else {}
    verdict = base.OK
    if not alive:
        why = "It has no heartbeat; what it held goes back into the queues."
        verdict = base.Verdict(level=base.Level.BAD, code="dead", why=why)
    pid = facts.get("pid")
    return queue.Worker(
        ref=ref.make(source, "worker", name),
        verdict=verdict,
        engine="huey",
        name=name,
        queues=tuple(str(q) for q in _list(facts.get("queues"))),
        host=str(facts.get("host", "")),
        pid=pid if isinstance(pid, int) else None,
        supervised=facts.get("supervised") is True,
        started_at=instant(_number(facts.get("started_at"))),
        last_seen_at=instant(_number(facts.get("last_seen_at"))),
        busy_with=tuple(
            ref.make(source, "job", str(pair[0]), str(pair[1]))
            for pair in _list(facts.get("busy"))
            if isinstance(pair, list) and len(pair) == 2
        ),
    )


def called(task: bytes | None) -> str:
    """A job's name: its task's without the module."""
    return redact.text((task or b"").decode("utf-8", "replace").rpartition(".")[2])


def _list(value: Any) -> list[Any]:
    return value[:1_000] if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _share(value: float | None) -> float | None:
    """A share from 0 to 1; None for what is none."""
    return value if value is not None and 0 <= value <= 1 else None
