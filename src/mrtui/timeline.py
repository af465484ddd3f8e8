"""A job's life in one line: enqueued, waits, attempts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from mrcore.model import queue, wire
from mrtui.columns import fmt
from mrtui.columns import job as job_columns
from mrtui.widgets import cells

_ATTEMPT = re.compile(r"attempt (\d+) (began|ended)$")
_WELL = frozenset(("completed", "succeeded", "success", "finished", "done", "ok"))
LINK = cells.Cell(" ── ", "dim")


class Try(NamedTuple):
    """One attempt: when it began and ended, and whether it went well (None: it goes on)."""

    began: datetime | None
    ended: datetime | None
    well: bool | None


def cells_of(job: queue.Job, sections: Iterable[wire.Section], now: datetime) -> list[cells.Cell]:
    """`enqueued 14:01:02 ── waited 3.1s ── ✖ 0.4s ── 5s ── ✖ 0.4s`; empty where nothing is known.

    Attempts that are not kept are left out; their time is part of the wait before the next one.
    """
    parts: list[list[cells.Cell]] = []
    if job.enqueued_at is not None:
        parts.append([cells.Cell("enqueued ", "dim"), cells.Cell(fmt.clock(job.enqueued_at))])
    last, first = job.enqueued_at, True
    for one in tries(job, sections):
        if last is not None and one.began is not None:
            wait = _length(last, one.began)
            parts.append([cells.Cell(f"waited {wait}" if first else wait, "dim")])
        parts.append([_tried(one, now)])
        last, first = one.ended, False
    if (what := _what_now(job, now)) is not None:
        parts.append([what])
    line: list[cells.Cell] = []
    for part in parts:
        line += [LINK, *part] if line else part
    return line


def tries(job: queue.Job, sections: Iterable[wire.Section]) -> list[Try]:
    """Its attempts, the oldest first: as the timings tell, else the last one of the row."""
    told: dict[int, dict[str, wire.Field]] = {}
    for part in sections:
        for field in part.fields if part.id == "timings" else ():
            if (found := _ATTEMPT.match(field.name)) is not None:
                told.setdefault(int(found[1]), {})[found[2]] = field
    made = [_try(told[number]) for number in sorted(told)]
    if not made and job.started_at is not None:
        well = None if job.finished_at is None else job.state is queue.JobState.COMPLETED
        made = [Try(job.started_at, job.finished_at, well)]
    elif job.state is queue.JobState.ACTIVE and job.started_at not in {one.began for one in made}:
        made.append(Try(job.started_at, None, None))
    return made


def _try(told: dict[str, wire.Field]) -> Try:
    began, ended = told.get("began"), told.get("ended")
    well = None if ended is None else str(ended.value) in _WELL
    return Try(began.at if began else None, ended.at if ended else None, well)


def _tried(one: Try, now: datetime) -> cells.Cell:
    if one.well is None:
        took = _length(one.began, now) if one.began is not None else ""
        return cells.Cell(f"▶ {took}".rstrip(), "accent")
    took = _length(one.began, one.ended) if one.began and one.ended else ""
    glyph, style = ("●", "ok") if one.well else ("✖", "bad")
    return cells.Cell(f"{glyph} {took}".rstrip(), style)  # type: ignore[arg-type]


def _what_now(job: queue.Job, now: datetime) -> cells.Cell | None:
    """What it waits for, where it waits."""
    if job.state is queue.JobState.DELAYED and job.due_at is not None:
        return cells.Cell(f"◷ due {fmt.until(job.due_at, now)}", "accent")
    if job.state in (queue.JobState.WAITING, queue.JobState.PRIORITIZED, queue.JobState.PAUSED):
        return cells.Cell(f"{job_columns.GLYPHS[job.state]} {job.state.value}", "accent")
    return None


def _length(since: datetime, until: datetime) -> str:
    length_s = max(0.0, (until - since).total_seconds())
    return fmt.millis(length_s * 1000) if length_s < 1 else fmt.seconds(round(length_s, 1))
