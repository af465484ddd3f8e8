"""A board's queues, jobs, schedulers and workers as entities. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pydantic import JsonValue

from mrcore import redact
from mrcore.model import base, queue, ref
from mrcore.queues import expiry, fingerprint, ticks, truth
from mrcore.sources.bullboard import offers, shape

LATE = timedelta(seconds=truth.OVERDUE_S)
_TITLE = 200


class Maker(NamedTuple):
    """What every row of one source is made with; `limits` are age limits in s by job name."""

    source: str
    limits: Mapping[str, float]


def number(value: JsonValue) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def instant(value: JsonValue) -> datetime | None:
    """Epoch ms as an instant; None for what is none."""
    ms = number(value)
    try:
        return datetime.fromtimestamp(ms / 1000, UTC) if ms else None
    except (ValueError, OverflowError, OSError):
        return None


def text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def objects(value: JsonValue) -> list[dict[str, JsonValue]]:
    """The objects in a list of somebody else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def field(value: JsonValue, name: str) -> JsonValue:
    return value.get(name) if isinstance(value, dict) else None


def state(status: JsonValue) -> queue.JobState | None:
    """A board's word for a state; None for `stuck`, `unknown` and what is none."""
    try:
        return queue.JobState(text(status).replace("-", "_"))
    except ValueError:
        return None


def status(of: queue.JobState) -> str:
    """A state in the board's words."""
    return of.value.replace("_", "-")


def count(app: shape.App, of: str) -> int:
    """How many jobs of a state the board counts, in its own words for it."""
    found = number(field(app.get("counts"), of))
    return int(found) if found and found > 0 else 0


def counts(app: shape.App) -> queue.Counts:
    return queue.Counts(
        **{name: count(app, name.replace("_", "-")) for name in queue.Counts.model_fields}
    )


def job_id(app: shape.App) -> str:
    """A job's id; '' where it has none."""
    found = app.get("id")
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""


def traces(app: shape.App, known: shape.Shape) -> list[str]:
    """A job's stack traces, newest first."""
    found = app.get("stacktrace")
    texts = [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
    return texts if known.newest_first else texts[::-1]


def printed(app: shape.App, known: shape.Shape) -> fingerprint.Print:
    """The fingerprint of a job's failure."""
    newest = next(iter(traces(app, known)), "")
    return fingerprint.of(text(app.get("failedReason")), newest)


def expires_at(maker: Maker, app: shape.App) -> datetime | None:
    """After what instant a job must not run."""
    enqueued = instant(app.get("timestamp"))
    return expiry.expires_at(text(app.get("name")), app.get("data"), enqueued, maker.limits)


def job(maker: Maker, app: shape.App, of: queue.JobState, on: shape.App) -> queue.Job:
    """A job's row; `on` is its queue. What the board shows may be formatted by it."""
    name, known = text(on.get("name")), shape.of(on)
    failed = of is queue.JobState.FAILED
    attempts, most = number(app.get("attempts")), number(field(app.get("opts"), "attempts"))
    delayed_by, at = number(app.get("delay")), instant(app.get("timestamp"))
    due = of is queue.JobState.DELAYED and at is not None and delayed_by is not None
    progress, priority = number(app.get("progress")), number(app.get("priority"))
    # Before BullMQ 5 `attempts` counted a run at its beginning, and nothing else did.
    runs = of is queue.JobState.ACTIVE and app.get("attemptsStarted") is not None
    ended = of in (queue.JobState.FAILED, queue.JobState.COMPLETED)
    return queue.Job(
        ref=ref.make(maker.source, "job", name, job_id(app)),
        actions=offers.of_job(of, on, job_id(app)),
        engine=text(on.get("type")) or "bullmq",
        queue=name,
        id=job_id(app),
        name=redact.label(text(app.get("name"))),
        state=of,
        attempts=int(attempts or 0) + runs,
        max_attempts=max(1, int(most or 1)),
        enqueued_at=at,
        due_at=at + timedelta(milliseconds=delayed_by) if due and at and delayed_by else None,
        started_at=instant(app.get("processedOn")),
        finished_at=instant(app.get("finishedOn")) if ended else None,
        error="" if of is queue.JobState.COMPLETED else redact.text(text(app.get("failedReason"))),
        worker=redact.label(text(app.get("processedBy"))),
        priority=int(priority) if priority else None,
        progress=progress / 100 if progress is not None and 0 < progress <= 100 else None,
        fingerprint=printed(app, known).id if failed else "",
        expires_at=expires_at(maker, app),
    )


def schedule(
    maker: Maker, app: shape.App, on: shape.App, does: ticks.Truth, now: datetime
) -> queue.Schedule:
    """A scheduler's row: what it declares, and what it does. Not to run is worse than otherwise."""
    owner, id_ = text(app.get("queueName")), text(app.get("id"))
    every, next_at = number(app.get("every")), instant(app.get("next"))
    interval_s = every / 1000 if every else None
    verdict, late = does.verdict, next_at is not None and now - next_at > LATE
    if next_at is not None and late:
        why = f"it was due at {next_at:%H:%M} UTC and has not run: its queue has no worker"
        verdict = base.Verdict(level=base.Level.WARN, code="schedule_missed", why=why)
    return queue.Schedule(
        ref=ref.make(maker.source, "schedule", owner, id_),
        verdict=verdict,
        actions=offers.of_schedule(on),
        engine=text(on.get("type")) or "bullmq",
        name=redact.label(id_),
        queue=owner,
        job=redact.label(text(app.get("name"))),
        declared=_declared(app, interval_s),
        interval_s=interval_s,
        next_at=next_at,
        last_enqueued_at=instant(app.get("lastRun")) or does.last_at,
        missed=int(late),
        observed_s=does.observed_s,
    )


def _declared(app: shape.App, interval_s: float | None) -> str:
    if interval_s is None:
        return f"{text(app.get('pattern'))} {text(app.get('tz'))}".strip()
    for unit_s, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if interval_s % unit_s == 0:
            return f"every {interval_s / unit_s:.0f} {unit}"
    return f"every {interval_s:g} s"


def worker_name(app: shape.App) -> str:
    """Name and address: two of one name are two."""
    name, address = text(app.get("name")), text(app.get("addr"))
    return f"{name}@{address}" if name else address


def worker(
    maker: Maker, name: str, engine: str, queues: tuple[str, ...], since: datetime | None
) -> queue.Worker:
    """A worker's row."""
    return queue.Worker(
        ref=ref.make(maker.source, "worker", name),
        engine=engine,
        name=redact.label(name),
        queues=queues,
        host=name.rpartition("@")[2].rpartition(":")[0],
        started_at=since,
    )
