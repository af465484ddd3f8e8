"""A run that has ended, made fit to be kept: redacted and bounded. Pure."""

from __future__ import annotations

from datetime import datetime

from mrcore import redact
from mrcore.model import base, queue
from mrcore.queues import fingerprint

TRACE_BYTES = 16 * 1024
ERROR_CHARS = 1_000


def run(
    of: base.Ref,
    *,
    engine: str,
    queue_name: str,
    job_id: str,
    name: str,
    failed: bool,
    finished_at: datetime,
    outcome: str = "",
    attempts: int = 0,
    error: str = "",
    trace: str = "",
    schedule: str = "",
    enqueued_at: datetime | None = None,
    started_at: datetime | None = None,
    known: fingerprint.Print | None = None,
) -> queue.Captured:
    """The run of the job `of`; `error` and `trace` are raw, `known` its fingerprint where made."""
    if failed and known is None:
        known = fingerprint.of(error, trace)
    return queue.Captured(
        ref=of,
        engine=engine,
        queue=queue_name,
        id=job_id,
        name=_fit(name),
        state=queue.JobState.FAILED if failed else queue.JobState.COMPLETED,
        outcome=outcome,
        attempts=attempts,
        error=_fit(redact.text(error[:ERROR_CHARS])) if error else "",
        trace=cut(redact.text(trace)) if trace else "",
        fingerprint=known.id if failed and known else "",
        schedule=_fit(schedule),
        enqueued_at=enqueued_at,
        started_at=started_at,
        finished_at=finished_at,
    )


def cut(trace: str) -> str:
    """A trace of at most 16 KiB: its middle is left out, where it is longer."""
    data = trace.encode("utf-8", "replace")
    if len(data) <= TRACE_BYTES:
        return data.decode()
    mark = b"\n... the middle is left out ...\n"
    head = TRACE_BYTES // 4
    tail = TRACE_BYTES - head - len(mark)
    return (data[:head] + mark + data[-tail:]).decode("utf-8", "ignore")


def _fit(text: str) -> str:
    """Text that a file can take: a lone surrogate is none."""
    return text.encode("utf-8", "replace").decode()
