"""Jobs of one queue: what, which try, how long, what went wrong.

What only some engines and states have is a column only while a job that is listed has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from mrcore.model import base, queue
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Style, Table, View

TONES: dict[queue.JobState, Style] = {
    queue.JobState.FAILED: "bad",
    queue.JobState.ACTIVE: "accent",
    queue.JobState.COMPLETED: "ok",
    queue.JobState.DELAYED: "dim",
    queue.JobState.PRIORITIZED: "strong",
    queue.JobState.PAUSED: "warn",
    queue.JobState.QUARANTINED: "warn",
}
GLYPHS = {
    queue.JobState.FAILED: "✖",
    queue.JobState.ACTIVE: "▶",
    queue.JobState.COMPLETED: "●",
    queue.JobState.DELAYED: "◷",
    queue.JobState.PAUSED: "‖",
    queue.JobState.WAITING: "·",
    queue.JobState.PRIORITIZED: "↑",
    queue.JobState.WAITING_CHILDREN: "…",
    queue.JobState.QUARANTINED: "■",
}


def newest(entity: queue.Job) -> datetime | None:
    """The instant that an engineer asks for: since when it is as it is."""
    if entity.state is queue.JobState.DELAYED:
        return entity.due_at
    return entity.finished_at or entity.started_at or entity.enqueued_at


def when(entity: queue.Job, view: View) -> str:
    """Since when it is as it is, or when it is due: `41s ago`, `due in 19s`, `due now`."""
    at = newest(entity)
    if at is None:
        return ""
    if entity.state is queue.JobState.DELAYED:
        left = fmt.until(at, view.now)
        return "due now" if left == "due" else f"due in {left}"
    return f"{view.age(at)} ago"


def attempts(entity: queue.Job) -> str:
    """`3/3`, or `3` where the engine knows no limit."""
    if entity.max_attempts is None:
        return str(entity.attempts)
    return f"{entity.attempts}/{entity.max_attempts}"


def took(entity: queue.Job) -> str:
    """How long its last attempt took."""
    if entity.started_at is None or entity.finished_at is None:
        return fmt.NONE
    return fmt.millis((entity.finished_at - entity.started_at).total_seconds() * 1000)


def short(identity: str) -> str:
    """An id as it is called: of a UUID its first eight characters."""
    return identity[:8] if len(identity) == 36 and identity[8] == "-" else identity


def progress(entity: queue.Job) -> str:
    """`37%`."""
    return fmt.NONE if entity.progress is None else f"{entity.progress:.0%}"


def left(at: datetime | None, view: View) -> Cell:
    """How long until something ends: loud in its last minutes, `over` when it has."""
    if at is None:
        return Cell(fmt.NONE, "dim")
    left_s = (at - view.now).total_seconds()
    if left_s <= 0:
        return Cell("over", "bad")
    return Cell(fmt.until(at, view.now), "warn" if left_s < SOON_S else "dim")


SOON_S = 300.0


class More(NamedTuple):
    """A column that is there only while a job has it."""

    column: Column
    has: Callable[[queue.Job], bool]
    cell: Callable[[queue.Job, View], Cell]


MORE = (
    More(
        Column("prio", 4, right=True, keep=4),
        lambda job: bool(job.priority),
        lambda job, view: Cell(fmt.short(job.priority), "accent"),
    ),
    More(
        Column("done", 4, right=True, keep=4),
        lambda job: job.progress is not None and job.state is queue.JobState.ACTIVE,
        lambda job, view: Cell(progress(job), "accent"),
    ),
    More(
        Column("expires", 7, right=True, keep=4),
        lambda job: job.expires_at is not None,
        lambda job, view: left(job.expires_at, view),
    ),
    More(
        Column("trims", 6, right=True, keep=3),
        lambda job: job.trims_at is not None,
        lambda job, view: left(job.trims_at, view),
    ),
)
"""Priority, progress, when it must not run any more, when its engine forgets it."""


def _mark(entity: queue.Job, view: View) -> Cell:
    if not view.sure(entity):
        return Cell(fmt.STALE, "stale")
    return Cell(GLYPHS[entity.state], TONES.get(entity.state, ""))


def _note(entity: queue.Job) -> Cell:
    note = entity.error or (f"on {entity.worker}" if entity.worker else "")
    if entity.captured_at is not None:
        note = f"kept by the core only: {note}"
    return Cell(note, "bad" if entity.error else "dim")


def elsewhere(entity: queue.Job) -> Cell:
    """Where a job is that left the tab in which it is still shown."""
    more = f": {entity.error}" if entity.error else ""
    if entity.state is queue.JobState.ACTIVE and entity.worker:
        more = f" on {entity.worker}"
    return Cell(f"→ {entity.state.value}{more}", TONES.get(entity.state, ""))


def cells(entity: queue.Job, view: View, more: Sequence[More] = ()) -> tuple[Cell, ...]:
    return (
        _mark(entity, view),
        Cell(short(entity.id)),
        Cell(entity.name, "strong"),
        Cell(attempts(entity)),
        Cell(view.age(newest(entity))),
        Cell(took(entity), "dim"),
        *(one.cell(entity, view) for one in more),
        _note(entity),
    )


COLUMNS = (
    Column("", 1),
    Column("id", 12, keep=8, narrow=6),
    Column("job", 20, narrow=13),
    Column("try", 5, right=True, keep=5),
    Column("age", 8, right=True, keep=7),
    Column("took", 6, right=True, keep=2),
)
SAYS = Column("what it says", keep=6)

TABLE = Table(
    columns=(*COLUMNS, SAYS),
    cells=cells,
    label=lambda entity: f"{short(entity.id)} {entity.name}",
    orders=(
        ("newest", lambda entity, view: view.age_s(newest(entity))),
        ("oldest", lambda entity, view: -view.age_s(newest(entity))),
        ("name", lambda entity, view: entity.name),
        ("attempts", lambda entity, view: -entity.attempts),
    ),
)


def table_of(listed: Iterable[base.Entity]) -> Table:
    """The table with the columns that these jobs need."""
    jobs = [job for job in listed if isinstance(job, queue.Job)]
    more = tuple(one for one in MORE if any(map(one.has, jobs)))
    if not more:
        return TABLE
    return TABLE._replace(
        columns=(*COLUMNS, *(one.column for one in more), SAYS),
        cells=lambda entity, view: cells(entity, view, more),
    )


def _found(entity: queue.Job, view: View) -> tuple[Cell, ...]:
    at = newest(entity)
    return (
        _mark(entity, view),
        Cell(entity.queue, "accent"),
        Cell(short(entity.id)),
        Cell(entity.name, "strong"),
        Cell(entity.state.value, TONES.get(entity.state, "")),
        Cell(view.age(at)),
        _note(entity),
    )


FOUND = Table(
    columns=(
        Column("", 1),
        Column("queue", 14, keep=7, narrow=9),
        Column("id", 8, keep=8, narrow=6),
        Column("job", 16, narrow=13),
        Column("state", 9, keep=6),
        Column("age", 6, right=True, keep=5),
        Column("what it says", keep=4),
    ),
    cells=_found,
    label=TABLE.label,
    orders=(("newest", TABLE.orders[0][1]), ("queue", lambda entity, view: entity.queue)),
)
"""Jobs of several queues and states, as a search finds them."""
