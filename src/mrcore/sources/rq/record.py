"""What RQ writes of a job, taken apart without running any of it. Pure.

What a job was called with, and what it gave back, is `payload`'s.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import JsonValue

from mrcore import redact
from mrcore.sources import base as source_base
from mrcore.sources.rq import asking

SUMMARY = (
    "status", "origin", "description", "created_at", "enqueued_at", "started_at", "ended_at",
    "worker_name", "retries_left", "repeats_left", "exc_info",
)  # fmt: skip
"""The fields of a row."""

BYTES_MAX = 256 * 1024
"""What is taken out of a compressed text."""

OUTCOMES = {1: "succeeded", 2: "failed", 3: "stopped", 4: "retried", 5: "retries used up"}
"""`rq.results.Result.Type`."""

_CALL = re.compile(r"([A-Za-z_][\w.]*)\(")


@dataclass(frozen=True)
class Record:
    """A job as its hash has it; `attempts` are those of which RQ kept the result, at most 10."""

    id: str
    status: str
    origin: str
    call: str
    created_at: datetime | None
    enqueued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    worker: str
    retries_left: int | None
    repeats_left: int | None
    trace: str = ""
    attempts: int = 0

    @property
    def name(self) -> str:
        """The function's name; the description where the application wrote its own."""
        return name(self.call)

    @property
    def error(self) -> str:
        """The trace's last line that says something."""
        lines = self.trace.rstrip().splitlines()
        return lines[-1].strip() if lines else ""


class Attempt(NamedTuple):
    """One result of `rq:results:<id>`."""

    outcome: str
    at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    worker: str
    trace: str
    value: bytes | None


def summary(job_id: str, values: Sequence[Any]) -> Record | None:
    """From HMGET of SUMMARY; None where there is no such job."""
    status, origin, call, *times, worker, retries, repeats, error = values
    if status is None and call is None and origin is None:
        return None
    created, enqueued, started, ended = (instant(time) for time in times)
    return Record(
        id=job_id,
        status=asking.text(status) or "created",
        origin=asking.text(origin),
        call=asking.text(call),
        created_at=created,
        enqueued_at=enqueued,
        started_at=started,
        ended_at=ended,
        worker=asking.text(worker),
        retries_left=_whole(retries),
        repeats_left=_whole(repeats),
        trace=inflated(error).decode("utf-8", "replace"),
    )


def attempt(entry: Any) -> Attempt:
    """From one entry of the stream."""
    stream_id, flat = entry
    facts = dict(asking.pairs(flat))
    value = facts.get(b"return_value")
    return Attempt(
        outcome=OUTCOMES.get(_whole(facts.get(b"type")) or 0, "unknown"),
        at=epoch((_whole(stream_id.partition(b"-")[0]) or 0) / 1000),
        started_at=epoch(number(facts.get(b"execution_started_at"))),
        ended_at=epoch(number(facts.get(b"execution_ended_at"))),
        worker=asking.text(facts.get(b"worker_name")),
        trace=inflated(_unbased(facts.get(b"exc_string"))).decode("utf-8", "replace"),
        value=None if value is None else _unbased(value),
    )


def name(call: str) -> str:
    """The function's name in a call; the description where the application wrote its own.

    What stands in brackets is left out: it is arguments, or may be. The application's own words are
    redacted: they may tell of somebody.
    """
    found = _CALL.match(call)
    if found:
        return found[1].rpartition(".")[2]
    own = call.partition("(")[0].strip()
    return redact.text(own)[:60] or "unknown"


def trace(entries: Any) -> str:
    """The trace of the newest result."""
    for _, flat in asking.some(entries)[:1]:
        fields = asking.some(flat)
        if b"exc_string" in fields:
            data = _unbased(fields[fields.index(b"exc_string") + 1])
            return inflated(data).decode("utf-8", "replace")
    return ""


def parsed_json(data: bytes) -> JsonValue:
    """JSON's value, None for what is no JSON."""
    if not data or data[:1] == b"\x80":  # a pickle's first byte
        return None
    try:
        return source_base.parse_json(data)
    except (ValueError, RecursionError):
        return None


def inflated(data: bytes | None) -> bytes:
    """What zlib has packed, at most 256 KiB; what it has not is left as it is."""
    if not data:
        return b""
    try:
        return zlib.decompressobj().decompress(data, BYTES_MAX)
    except zlib.error:
        return data[:BYTES_MAX]


def instant(value: Any) -> datetime | None:
    """RQ's `2026-01-02T03:04:05.000006Z`; None for what is none."""
    try:
        at = datetime.fromisoformat(asking.text(value))
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def epoch(seconds: float | None) -> datetime | None:
    """Epoch seconds as an instant; None for what no calendar has."""
    try:
        return None if not seconds or seconds < 0 else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def stamp(at: datetime) -> str:
    """An instant as RQ writes it (`rq.utils.utcformat`)."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def number(value: Any) -> float | None:
    """A score or a count; None for what is none, and what is not finite."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _whole(value: Any) -> int | None:
    found = number(value)
    return None if found is None else int(found)


def _unbased(value: bytes | None) -> bytes:
    try:
        return base64.b64decode(value or b"")
    except (binascii.Error, ValueError):
        return value or b""
