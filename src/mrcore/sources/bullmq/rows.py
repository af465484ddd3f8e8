"""Jobs as rows, from the fields of their hashes. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import JsonValue

from mrcore import redact
from mrcore.model import base, queue, ref
from mrcore.queues import expiry, fingerprint
from mrcore.sources import base as source_base
from mrcore.sources.bullmq import asking, offers, places

FIELDS = (
    "name", "timestamp", "delay", "priority", "processedOn", "finishedOn", "pb", "atm",
    "attemptsMade", "ats", "stc", "progress", "failedReason", "parentKey", "opts",
)  # fmt: skip
"""Fields of a job's hash that a row is made of: neither its payload nor its traces."""

_TRACES = 1_000


def instant(epoch_ms: Any) -> datetime | None:
    """Epoch milliseconds as an instant; what is none, and what no calendar has, is None."""
    number = asking.number(epoch_ms)
    if number is None or number <= 0:
        return None
    try:
        return datetime.fromtimestamp(number / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def parsed(raw: Any) -> JsonValue:
    """JSON of a field; None where there is none or it is broken."""
    try:
        return source_base.parse_json(raw) if isinstance(raw, bytes) else None
    except (ValueError, RecursionError):
        return None


def traces(raw: Any) -> list[str]:
    """The stack traces that are kept, the newest first: the engine keeps the oldest first."""
    found = parsed(raw)
    if not isinstance(found, list):
        return []
    return [str(one) for one in found[-_TRACES:]][::-1]


class Record(NamedTuple):
    """A job's fields as a row needs them."""

    id: str
    name: str
    fields: Mapping[str, Any]
    opts: Mapping[str, JsonValue]

    @classmethod
    def of(cls, job_id: str, values: Sequence[Any]) -> Record | None:
        """From HMGET of FIELDS; None where there is no such job."""
        fields = dict(zip(FIELDS, values, strict=True))
        if fields["timestamp"] is None and fields["name"] is None:
            return None
        opts = parsed(fields["opts"])
        return cls(
            job_id, asking.text(fields["name"]), fields, opts if isinstance(opts, dict) else {}
        )

    @property
    def attempts(self) -> int:
        """Attempts made: `atm`, in the hashes of BullMQ 3 and 4 `attemptsMade`."""
        made = self.fields["atm"] or self.fields["attemptsMade"]
        return int(asking.number(made) or 0)

    def begun(self, state: queue.JobState) -> int:
        """Attempts, the one that runs included: from BullMQ 5 on `atm` counts it at its end."""
        runs = state is queue.JobState.ACTIVE and self.fields["ats"] is not None
        return self.attempts + runs

    @property
    def started(self) -> str:
        """How often it began, as it is written: it tells two stays in one state apart."""
        return asking.text(self.fields["ats"])

    @property
    def max_attempts(self) -> int | None:
        most = self.opts.get("attempts")
        return max(1, most) if isinstance(most, int) else None

    @property
    def enqueued_at(self) -> datetime | None:
        return instant(self.fields["timestamp"])

    @property
    def error(self) -> str:
        return asking.text(self.fields["failedReason"])

    @property
    def progress(self) -> float | None:
        """A share from 0 to 1: a number up to 100 is taken as a percentage, as boards draw it."""
        said = parsed(self.fields["progress"])
        if isinstance(said, bool) or not isinstance(said, int | float) or not 0 < said <= 100:
            return None
        return said / 100


class Held(NamedTuple):
    """A quarantine: since when, from which state, by whom and why."""

    since: datetime | None = None
    before: str = ""
    by: str = ""
    why: str = ""


class Maker:
    """Makes the rows of one source."""

    def __init__(self, source: str, prefixes: Sequence[str], limits: Mapping[str, float]) -> None:
        self.source = source
        self.prefixes = prefixes
        self.limits = limits

    def job(
        self,
        place: places.Place,
        found: Record,
        state: queue.JobState,
        *,
        score: Any = None,
        locked: bool = True,
        held: Held | None = None,
        trace: Any = None,
        payload: Any = None,
        may: tuple[base.ActionId, ...] = (),
    ) -> queue.Job:
        """A row; `score` is its place's, `locked` whether an active one has a worker's lock.

        `trace` and `payload` are the raw fields where they were read; `may` is what is offered at
        all.
        """
        failed = state is queue.JobState.FAILED
        seen = fingerprint.of(found.error, newest(trace)) if failed and trace is not None else None
        return queue.Job(
            ref=ref.make(self.source, "job", place.shown, found.id),
            verdict=_verdict(found, state, locked=locked, held=held),
            actions=tuple(action for action in may if _allows(action, state)),
            engine="bullmq",
            queue=place.shown,
            id=found.id,
            name=found.name,
            state=state,
            attempts=found.begun(state),
            max_attempts=found.max_attempts,
            enqueued_at=found.enqueued_at,
            due_at=due(score) if state is queue.JobState.DELAYED else None,
            started_at=instant(found.fields["processedOn"]),
            finished_at=instant(found.fields["finishedOn"]),
            error="" if state is queue.JobState.COMPLETED else redact.text(found.error),
            worker=asking.text(found.fields["pb"]),
            priority=_priority(found),
            progress=found.progress,
            fingerprint=seen.id if seen else "",
            expires_at=expiry.expires_at(
                found.name, parsed(payload), found.enqueued_at, self.limits
            ),
            parent=self.owner(asking.text(found.fields["parentKey"])),
            quarantined_at=held.since if held else None,
            quarantined_by=held.by if held else "",
            quarantined_why=held.why if held else "",
        )

    def owner(self, key: str) -> base.Ref:
        """The ref of the job behind a key `prefix:queue:id`; '' for none."""
        found = split(key, self.prefixes)
        return "" if found is None else ref.make(self.source, "job", found[0].shown, found[1])


def split(key: str, prefixes: Sequence[str]) -> tuple[places.Place, str] | None:
    """Queue and id of the job behind a key: no queue's name has a colon, but a prefix may."""
    known = [prefix for prefix in prefixes if key.startswith(f"{prefix}:")]
    prefix = max(known, key=len, default=key.partition(":")[0])
    name, _, job_id = key[len(prefix) + 1 :].partition(":")
    return (places.Place(prefix, name), job_id) if job_id else None


def newest(raw: Any) -> str:
    """The newest trace of the field as it is kept."""
    found = traces(raw)
    return found[0] if found else ""


def due(score: Any) -> datetime | None:
    """When a delayed job is due: its score is milliseconds · 4,096 and a number."""
    number = asking.number(score)
    return None if number is None else instant(number // 4096)


def _allows(action: base.ActionId, state: queue.JobState) -> bool:
    states = offers.STATES.get(action)
    return states is None or state in states


def _priority(found: Record) -> int | None:
    number = asking.number(found.fields["priority"])
    return int(number) if number else None


def _verdict(
    found: Record, state: queue.JobState, *, locked: bool, held: Held | None
) -> base.Verdict:
    if held is not None:
        by, why = held.by or "somebody", held.why or "no reason given"
        said = f"Quarantined by {by} ({why}); it was {held.before}."
        return base.Verdict(level=base.Level.WARN, code="quarantined", why=said)
    if state is queue.JobState.ACTIVE and not locked:
        said = "No worker holds its lock: it is stalled, and a worker puts it back into the queue."
        return base.Verdict(level=base.Level.BAD, code="ghost", why=said)
    if state is queue.JobState.FAILED:
        return base.Verdict(level=base.Level.BAD, code="failed", why=redact.text(found.error)[:300])
    return base.OK


def dumped(value: JsonValue) -> str:
    """JSON as Node writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def shown(words: str) -> str:
    """Somebody's words as they are shown."""
    return redact.text(words)
