"""What stands above the jobs of a queue: how it is, how it flows, the tabs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mrcore.model import queue
from mrtui import draining
from mrtui.columns import fmt, table
from mrtui.columns import group as group_columns
from mrtui.screens import text
from mrtui.widgets import cells

GROUPS = "groups"
State = queue.JobState
STATES = tuple(
    state.value
    for state in (State.FAILED, State.WAITING, State.ACTIVE, State.DELAYED, State.COMPLETED)
)
"""The tabs that are always there."""

RARE = tuple(
    state.value
    for state in (State.PRIORITIZED, State.WAITING_CHILDREN, State.PAUSED, State.QUARANTINED)
)
"""Tabs that are there only while they hold something, or are shown."""

FLOWS: tuple[tuple[str, str, cells.Style], ...] = (
    ("in", "queue.in_rate", "accent"),
    ("out", "queue.out_rate", "ok"),
    ("failed", "queue.fail_rate", "bad"),
)
ROOMY = 80


def held(found: queue.Queue | None, tab: str) -> int:
    """How many jobs a tab holds."""
    number: int = 0 if found is None else getattr(found.counts, tab, 0)
    return number


def shown(found: queue.Queue | None, tab: str, groups: bool) -> list[str]:
    """The tabs that there are now."""
    first = [GROUPS] if groups or tab == GROUPS else []
    return [*first, *STATES, *(one for one in RARE if one == tab or held(found, one))]


def first(found: queue.Queue | None, groups: bool) -> str:
    """The tab that an engineer came for: failures, else the first that holds something."""
    if groups and held(found, State.FAILED.value):
        return GROUPS
    return next((one for one in (*STATES, *RARE) if held(found, one)), STATES[0])


def lines(found: queue.Queue, view: table.View, width: int) -> list[list[cells.Cell]]:
    """How the queue is, in a sentence and counts; with room, how it flows."""
    drains = draining.said(found, view.world)
    tone: cells.Style = "bad" if drains.startswith("never") else "dim"
    flow = _flow(found, view, width)
    said = cells.Cell(f"drains {drains}" if drains else "", tone)
    if flow and said.text:
        return [_counts(found, view, cells.Cell("")), [*flow, cells.Cell("   "), said]]
    return [_counts(found, view, said), *([flow] if flow else [])]


def _counts(found: queue.Queue, view: table.View, drains: cells.Cell) -> list[cells.Cell]:
    counts = found.counts
    workers = "? workers" if found.workers is None else fmt.plural(found.workers, "worker")
    ranked = f" +{fmt.count(counts.prioritized)} prioritized" if counts.prioritized else ""
    board = "" if found.listed else "not on the board"
    parts = [
        cells.Cell(f"{fmt.count(counts.waiting)} waiting{ranked}", "strong"),
        cells.Cell(f"{fmt.count(counts.active)} active"),
        cells.Cell(f"{fmt.count(counts.failed)} failed", "bad" if counts.failed else ""),
        cells.Cell(f"{fmt.count(counts.delayed)} delayed"),
        cells.Cell(f"oldest {view.age(found.oldest_enqueued_at)}", "dim"),
        drains,
        cells.Cell("" if view.why(found).text else workers, "dim"),
        cells.Cell(board, "warn"),
        cells.Cell(found.layout, "dim"),
    ]
    return [view.mark(found), cells.Cell(" "), *text.spaced([view.why(found), *parts])]


def _flow(found: queue.Queue, view: table.View, width: int) -> list[cells.Cell]:
    line: list[cells.Cell] = []
    for word, metric, style in FLOWS:
        bars = fmt.spark(view.world.recent(metric, found.ref), 10)
        if bars:
            line += [
                cells.Cell(f"  {word} ", "dim"),
                cells.Cell(f"{bars:>10}", style),
                cells.Cell(f" {fmt.rate(view.world.latest(metric, found.ref)):>6}"),
            ]
    return line if width >= ROOMY else []


def group(found: queue.FailureGroup) -> list[cells.Cell]:
    """The group whose jobs are listed."""
    named = cells.Cell(f"{found.code} " if found.code else "", "bad")
    parts = [
        cells.Cell(group_columns.title(found), "strong"),
        cells.Cell("esc leads back", "dim"),
    ]
    return [cells.Cell("⊂ ", "accent"), named, *text.spaced(parts)]


def tabs(
    listed: Sequence[str], tab: str, found: queue.Queue | None, width: int, groups: int | None
) -> list[cells.Cell]:
    """`[groups 3] failed 37  waiting 412 …`; where it is narrow, only what holds something."""
    line: list[cells.Cell] = []
    for one in listed:
        number = groups if one == GROUPS else None if found is None else held(found, one)
        word = one.replace("_", " ")
        said = word if number is None else f"{word} {fmt.short(number)}"
        if one == tab:
            line.append(cells.Cell(f"[{said}]", "accent"))
        elif width >= 60 or number != 0:
            line.append(cells.Cell(f" {said} ", "dim"))
    return [*line, cells.Cell(" ")]


def marked(
    found: queue.Queue | None, tab: str, pattern: str, within: queue.FailureGroup | None
) -> list[cells.Cell]:
    """What is marked with everything."""
    of = f"all {fmt.count(held(found, tab))} {tab}" if found is not None else f"everything {tab}"
    some = " that match" if pattern or within is not None else ""
    return [cells.Cell(f"▣ {of}{some} are marked; esc lets go", "accent")]
