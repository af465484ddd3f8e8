"""Runs that have ended, in the history. Every function is part of the caller's transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mrcore import failing, match
from mrcore.model import base, plans, queue
from mrcore.model import ref as refs
from mrcore.store import walk

FULL = 0.8
"""The share of the file from which on the oldest runs give way."""

_FIELDS = (
    "source", "queue", "id", "attempts", "ref", "engine", "name", "state", "outcome", "error",
    "trace", "fingerprint", "schedule", "enqueued_s", "started_s", "finished_s", "captured_s",
)  # fmt: skip
_ADD = (
    f"INSERT INTO run ({', '.join(_FIELDS)})"  # noqa: S608 (our names)
    f" VALUES ({', '.join(f':{name}' for name in _FIELDS)})"
)
_KNOWN = (
    "SELECT number FROM run WHERE id = :id AND queue = :queue AND source = :source"
    " AND finished_s BETWEEN :finished_s - :same_s AND :finished_s + :same_s"
    " AND attempts = :attempts ORDER BY abs(finished_s - :finished_s) LIMIT 1"
)
_ANEW = (
    "UPDATE run SET name = :name, state = :state, outcome = :outcome, error = :error,"
    " fingerprint = :fingerprint, schedule = :schedule, finished_s = :finished_s,"
    " trace = iif(:trace = '', trace, :trace), enqueued_s = coalesce(:enqueued_s, enqueued_s),"
    " started_s = coalesce(:started_s, started_s) WHERE number = :number"
)
_SEARCHED = ("id", "name", "state", "outcome", "error", "schedule")
_NEWEST = (
    "NOT EXISTS (SELECT 1 FROM run later WHERE later.id = run.id AND later.queue = run.queue"
    " AND later.source = run.source"
    " AND (later.finished_s, later.attempts, later.number)"
    " > (run.finished_s, run.attempts, run.number))"
)
SAME_S = 5.0
"""An end is told this far apart at most, by an engine's clock and by that of its events."""

RUNS_MOST = 100
"""Runs of one id that are shown: one that is enqueued every minute has 20,000 in two weeks."""

_TOP = 10**17
"""Above every number."""

_SHARE = 10
"""Of the oldest runs a tenth goes at once, where the file is full."""


@dataclass(frozen=True)
class Trimmed:
    """What pruning took: `before` is when the newest run ended that went because of its size."""

    count: int = 0
    before: datetime | None = None


def add(
    connection: sqlite3.Connection, runs: Iterable[queue.Captured], captured_at: datetime
) -> None:
    """Keep runs; one that is known (the same job and attempt, the same end) is written anew.

    An id may be used again: then the same attempt has ended at another time.
    """
    for run in runs:
        values = dict(zip(_FIELDS, _values(run, captured_at), strict=True))
        known = connection.execute(_KNOWN, {**values, "same_s": SAME_S}).fetchone()
        if known is None:
            connection.execute(_ADD, values)
        else:
            connection.execute(_ANEW, {**values, "number": known[0]})


def prune(
    connection: sqlite3.Connection, now_s: float, *, runs_s: float, failures_s: float
) -> Trimmed:
    """Drop what is too old, and the oldest tenth when the file is nearly full.

    What has completed goes before what has failed.
    """
    for state, kept_s in (("failed", failures_s), ("completed", runs_s)):
        connection.execute(
            "DELETE FROM run WHERE state = ? AND finished_s < ?", (state, now_s - kept_s)
        )
    if _fill(connection) <= FULL:
        return Trimmed()
    for state in ("completed", "failed"):
        (count,) = connection.execute(
            "SELECT count(*) FROM run WHERE state = ?", (state,)
        ).fetchone()
        if not count:
            continue
        (before_s,) = connection.execute(
            "SELECT finished_s FROM run WHERE state = ? ORDER BY finished_s LIMIT 1 OFFSET ?",
            (state, count // _SHARE),
        ).fetchone()
        gone = connection.execute(
            "DELETE FROM run WHERE state = ? AND finished_s <= ?", (state, before_s)
        )
        return Trimmed(gone.rowcount, datetime.fromtimestamp(before_s, UTC))
    return Trimmed()


def firsts(
    connection: sqlite3.Connection, prints: Iterable[failing.Print]
) -> dict[failing.Print, datetime | None]:
    """When the oldest kept failure of each fingerprint was; None where there is none."""
    found: dict[failing.Print, datetime | None] = {}
    for each in prints:
        (at_s,) = connection.execute(
            "SELECT min(finished_s) FROM run WHERE source = ? AND queue = ? AND fingerprint = ?"
            " AND fingerprint <> ''",
            each,
        ).fetchone()
        found[each] = None if at_s is None else _instant(at_s)
    return found


def of_job(
    connection: sqlite3.Connection, source: str, of: str, job_id: str
) -> list[tuple[queue.Captured, datetime]]:
    """The newest 100 kept runs of one job and when each was captured, the newest first."""
    rows = connection.execute(
        "SELECT * FROM run WHERE id = ? AND queue = ? AND source = ?"
        " ORDER BY finished_s DESC, attempts DESC, number DESC LIMIT ?",
        (job_id, of, source, RUNS_MOST),
    )
    return [(_run(row), _instant(row["captured_s"])) for row in rows]


@dataclass(frozen=True)
class Found:
    """Rows by number in the order asked for; `last` is the number reached, `more`: it goes on."""

    rows: list[tuple[int, queue.Job]]
    scanned: int
    last: int | None
    more: bool


def read(
    connection: sqlite3.Connection, query: plans.Query, now_s: float, *, after: int | None
) -> Found:
    """The newest run of each job that fits, by when it was captured.

    `query.prefix` is a source, or source/queue; `text` is searched in id, name, state, outcome,
    error and schedule; a job whose id is exactly that comes first. At most 20,000 rows are looked
    at, and for 0.2 s.
    Raises BadRequest when `text` is no filter.
    """
    matches, began_s = match.of(query.text), time.perf_counter()
    where, given = _where(query, now_s)
    rows: list[tuple[int, queue.Job]] = []
    if after is None and query.text:
        exact = _select(connection, [*where, "id = ?"], [*given, query.text], query, None)
        rows = [(row["number"], _job(row)) for row in exact.fetchmany(query.limit)]
    if query.text:
        where, given = [*where, "id <> ?"], [*given, query.text]
    cursor = _select(connection, where, given, query, after)
    top = _TOP if query.order == "newest" else 0
    scanned, last = 0, top if after is None else after
    for row in cursor:
        if len(rows) >= query.limit:
            return Found(rows, scanned, last, more=True)
        scanned, last = scanned + 1, row["number"]
        words = " ".join(row[name] for name in _SEARCHED)
        if matches(words):
            rows.append((row["number"], _job(row)))
        if scanned == walk.SCAN_MAX or time.perf_counter() - began_s > walk.BUDGET_S:
            return Found(rows, scanned, last, more=cursor.fetchone() is not None)
    return Found(rows, scanned, last, more=False)


def _select(
    connection: sqlite3.Connection,
    where: Sequence[str],
    given: Sequence[object],
    query: plans.Query,
    after: int | None,
) -> sqlite3.Cursor:
    direction, beyond = ("DESC", "<") if query.order == "newest" else ("ASC", ">")
    if after is not None:
        where, given = [*where, f"number {beyond} ?"], [*given, after]
    return connection.execute(
        f"SELECT * FROM run WHERE {' AND '.join([*where, _NEWEST])}"  # noqa: S608 (our names)
        f" ORDER BY number {direction}",
        given,
    )


def _where(query: plans.Query, now_s: float) -> tuple[list[str], list[object]]:
    """What the query says in SQL's words."""
    source, _, of = query.prefix.partition("/")
    wanted: tuple[tuple[str, object], ...] = (
        ("source = ?", source),
        ("queue = ?", of),
        ("state = ?", query.state),
        ("name = ?", query.name),
        ("fingerprint = ?", query.fingerprint),
        ("finished_s >= ?", now_s - query.younger_s if query.younger_s is not None else ""),
        ("finished_s <= ?", now_s - query.older_s if query.older_s is not None else ""),
    )
    chosen = [(words, value) for words, value in wanted if value != ""]
    return [words for words, _ in chosen] or ["1"], [value for _, value in chosen]


def _values(run: queue.Captured, captured_at: datetime) -> tuple[object, ...]:
    return (
        refs.parse(run.ref).source,
        run.queue,
        run.id,
        run.attempts,
        run.ref,
        run.engine,
        run.name,
        run.state.value,
        run.outcome,
        run.error,
        run.trace,
        run.fingerprint,
        run.schedule,
        run.enqueued_at.timestamp() if run.enqueued_at else None,
        run.started_at.timestamp() if run.started_at else None,
        run.finished_at.timestamp(),
        captured_at.timestamp(),
    )


def _run(row: sqlite3.Row) -> queue.Captured:
    return queue.Captured(
        ref=row["ref"],
        engine=row["engine"],
        queue=row["queue"],
        id=row["id"],
        name=row["name"],
        state=queue.JobState(row["state"]),
        outcome=row["outcome"],
        attempts=row["attempts"],
        error=row["error"],
        trace=row["trace"],
        fingerprint=row["fingerprint"],
        schedule=row["schedule"],
        enqueued_at=_instant(row["enqueued_s"]) if row["enqueued_s"] is not None else None,
        started_at=_instant(row["started_s"]) if row["started_s"] is not None else None,
        finished_at=_instant(row["finished_s"]),
    )


def _job(row: sqlite3.Row) -> queue.Job:
    return job(_run(row), _instant(row["captured_s"]))


def job(run: queue.Captured, captured_at: datetime) -> queue.Job:
    """A kept run as the row of its job."""
    failed = run.state is queue.JobState.FAILED
    verdict = base.OK
    if failed:
        verdict = base.Verdict(level=base.Level.BAD, code="failed", why=run.error)
    elif run.outcome not in ("", "succeeded"):
        why = run.error or f"It was {run.outcome}."
        verdict = base.Verdict(level=base.Level.WARN, code=run.outcome, why=why)
    return queue.Job(
        ref=run.ref,
        verdict=verdict,
        engine=run.engine,
        queue=run.queue,
        id=run.id,
        name=run.name,
        state=run.state,
        attempts=run.attempts,
        enqueued_at=run.enqueued_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        error=run.error,
        fingerprint=run.fingerprint,
        captured_at=captured_at,
    )


def _instant(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)


def _fill(connection: sqlite3.Connection) -> float:
    """The share of the file's pages that hold something."""

    def pragma(name: str) -> int:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

    return (pragma("page_count") - pragma("freelist_count")) / max(1, pragma("max_page_count"))
