"""Jobs of one queue: what, which try, how long, what went wrong."""

from __future__ import annotations

from datetime import datetime

from mrcore.model import queue
from mrtui.columns import fmt
from mrtui.columns.table import Cell, Column, Style, Table, View

TONES: dict[queue.JobState, Style] = {
    queue.JobState.FAILED: "bad",
    queue.JobState.ACTIVE: "accent",
    queue.JobState.COMPLETED: "ok",
    queue.JobState.DELAYED: "dim",
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


def cells(entity: queue.Job, view: View) -> tuple[Cell, ...]:
    note = entity.error or (f"on {entity.worker}" if entity.worker else "")
    return (
        Cell(GLYPHS[entity.state], TONES.get(entity.state, ""))
        if view.sure(entity)
        else Cell(fmt.STALE, "stale"),
        Cell(short(entity.id)),
        Cell(entity.name, "strong"),
        Cell(attempts(entity)),
        Cell(view.age(newest(entity))),
        Cell(took(entity), "dim"),
        Cell(note, "bad" if entity.error else "dim"),
    )


TABLE = Table(
    columns=(
        Column("", 1),
        Column("id", 12, keep=8, narrow=6),
        Column("job", 20, narrow=13),
        Column("try", 5, right=True, keep=5),
        Column("age", 8, right=True, keep=7),
        Column("took", 6, right=True, keep=2),
        Column("what it says", keep=6),
    ),
    cells=cells,
    label=lambda entity: f"{short(entity.id)} {entity.name}",
    orders=(
        ("newest", lambda entity, view: view.age_s(newest(entity))),
        ("oldest", lambda entity, view: -view.age_s(newest(entity))),
        ("name", lambda entity, view: entity.name),
        ("attempts", lambda entity, view: -entity.attempts),
    ),
)
