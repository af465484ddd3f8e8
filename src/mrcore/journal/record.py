"""A job as the journal holds it, read from its hash. Pure: no Redis, no huey."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SUMMARY = (
    "task", "state", "outcome", "attempts", "max_attempts", "enqueued_at", "due_at",
    "started_at", "finished_at", "worker", "error", "progress", "parent",
)  # fmt: skip
"""Fields that a row needs: what a page asks for with HMGET."""


@dataclass(frozen=True)
class Attempt:
    """One run of a job; instants are epoch seconds, `started_at` None where it never began."""

    n: int
    worker: str
    started_at: float | None
    ended_at: float
    outcome: str
    error: str = ""
    trace: str = ""

    def dump(self) -> str:
        return json.dumps(self.__dict__)


@dataclass(frozen=True)
class Line:
    """A line of a job's own log: when (epoch seconds), in which attempt."""

    at: float
    n: int
    line: str


@dataclass(frozen=True)
class Record:
    """A job; instants are epoch seconds. `attempt` holds the newest 20, oldest first.

    `parent` and `children` are queues and ids: who enqueued it while running, whom it enqueued.
    """

    id: str
    task: str
    state: str
    outcome: str = ""
    attempts: int = 0
    max_attempts: int | None = None
    enqueued_at: float | None = None
    due_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    worker: str = ""
    error: str = ""
    payload: Any = None
    result: Any = None
    schedule: str = ""
    retries: int = 0
    kept: bool = False
    progress: float | None = None
    logs: tuple[Line, ...] = ()
    parent: tuple[str, str] | None = None
    children: tuple[tuple[str, str], ...] = ()
    attempt: tuple[Attempt, ...] = field(default=())

    @property
    def name(self) -> str:
        """The task's name without its module."""
        return self.task.rpartition(".")[2]


def summary(job_id: str, values: Sequence[bytes | None]) -> Record | None:
    """A job from HMGET of SUMMARY, or None where the hash is gone."""
    pairs = zip(SUMMARY, values, strict=True)
    return whole(job_id, {name.encode(): value for name, value in pairs if value is not None})


def whole(job_id: str, fields: Mapping[bytes, bytes]) -> Record | None:
    """A job from HGETALL, or None where the hash is gone or not a job's."""
    if b"state" not in fields:
        return None

    def text(name: str) -> str:
        return fields.get(name.encode(), b"").decode("utf-8", "replace")

    return Record(
        id=job_id,
        task=text("task") or "?",
        state=text("state"),
        outcome=text("outcome"),
        attempts=int(number(fields.get(b"attempts")) or 0),
        max_attempts=_whole_number(fields.get(b"max_attempts")),
        enqueued_at=number(fields.get(b"enqueued_at")),
        due_at=number(fields.get(b"due_at")),
        started_at=number(fields.get(b"started_at")),
        finished_at=number(fields.get(b"finished_at")),
        worker=text("worker"),
        error=text("error"),
        payload=parse(fields.get(b"payload")),
        result=parse(fields.get(b"result")),
        schedule=text("schedule"),
        retries=int(number(fields.get(b"retries")) or 0),
        kept=b"message" in fields,
        progress=number(fields.get(b"progress")),
        logs=_logs(fields),
        parent=_pair(fields.get(b"parent")),
        children=_children(fields),
        attempt=_attempts(fields),
    )


def number(value: bytes | None) -> float | None:
    """A number of a hash, or None where there is none."""
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None


def parse(value: bytes | None) -> Any:
    """JSON of a hash, or None where there is none."""
    try:
        return json.loads(value) if value is not None else None
    except ValueError:
        return None


def _whole_number(value: bytes | None) -> int | None:
    parsed = number(value)
    return None if parsed is None else int(parsed)


def _logs(fields: Mapping[bytes, bytes]) -> tuple[Line, ...]:
    """The lines that are kept, oldest first."""
    lines = {
        int(name[4:]): parse(value)
        for name, value in fields.items()
        if name.startswith(b"log:") and name[4:].isdigit()
    }
    found = []
    for _, data in sorted(lines.items()):
        if isinstance(data, dict) and isinstance(data.get("at"), int | float):
            found.append(Line(float(data["at"]), data.get("n", 0), str(data.get("line", ""))))
    return tuple(found)


def _pair(value: bytes | None) -> tuple[str, str] | None:
    """A queue and a job's id, or None for anything else."""
    found = parse(value)
    if isinstance(found, list) and len(found) == 2 and all(isinstance(one, str) for one in found):
        return found[0], found[1]
    return None


def _children(fields: Mapping[bytes, bytes]) -> tuple[tuple[str, str], ...]:
    """Queue and id of those that are kept, oldest first."""
    numbered = sorted(
        (int(name[6:]), value)
        for name, value in fields.items()
        if name.startswith(b"child:") and name[6:].isdigit()
    )
    return tuple(pair for _, value in numbered if (pair := _pair(value)) is not None)


def _attempts(fields: Mapping[bytes, bytes]) -> tuple[Attempt, ...]:
    found = []
    for name, value in fields.items():
        if name.startswith(b"attempt:") and isinstance(data := parse(value), dict):
            known = {k: v for k, v in data.items() if k in Attempt.__dataclass_fields__}
            try:
                found.append(Attempt(**known))
            except TypeError:  # written by another version: not an attempt to us
                continue
    return tuple(sorted(found, key=lambda attempt: attempt.n))
