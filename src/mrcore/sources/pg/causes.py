"""What ending statements or sessions causes: who is unblocked, what is rolled back, what fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from mrcore.model import base, plans
from mrcore.sources.pg import rights, rows

_PARTS_OF_ONE = timedelta(milliseconds=100)
"""A statement begins so long after its transaction, at most, where it is all of it."""


def of(
    action: base.ActionId, taken: Sequence[rows.Row], ways: rows.Blocking
) -> Iterator[plans.Remark]:
    """Causes, then what to know before."""
    if not taken:
        return
    freed, held = _freed({row["pid"] for row in taken}, ways)
    if freed:
        text = f"unblocks {count(freed, 'session')}"
        text += f", {held} of them {be(held)} also blocked by others" if held else ""
        yield plans.Remark(text=text)
    yield from _transactions(action, taken)
    running = sum(1 for row in taken if row["state"] in rights.RUNNING)
    if action == rights.TERMINATE and running:
        whose = "it is" if len(taken) == 1 else f"{running} of {len(taken)} {be(running)}"
        text = f"{whose} active: what {'it runs' if running == 1 else 'they run'} fails"
        yield plans.Remark(text=text, level=base.Level.WARN)


def _transactions(action: base.ActionId, taken: Sequence[rows.Row]) -> Iterator[plans.Remark]:
    if action == rights.CANCEL:
        open_ = [row for row in taken if _is_part(row)]
        what = "aborts"
    else:
        open_ = [row for row in taken if row["xact_start"]]
        what = "rolls back"
    if not open_:
        return
    since = min(row["xact_start"] for row in open_)
    wrote = sum(1 for row in open_ if row["wrote"])
    level = base.Level.WARN if wrote else base.Level.OK
    if len(open_) == 1:
        text = f"{what} a transaction open since {since:%Y-%m-%d %H:%M:%S} UTC, "
        text += "with what it has written" if wrote else "which has written nothing"
    else:
        text = f"{what} {len(open_)} transactions, the oldest open since "
        text += f"{since:%Y-%m-%d %H:%M:%S} UTC; {wrote or 'none'} of them "
        text += "have written" if wrote != 1 else "has written"
    yield plans.Remark(text=text, level=level)


def _is_part(row: rows.Row) -> bool:
    """Whether the statement is one of several of its transaction."""
    began, since = row["query_start"], row["xact_start"]
    return bool(began and since and began - since > _PARTS_OF_ONE)


def _freed(pids: set[int], ways: rows.Blocking) -> tuple[int, int]:
    """How many wait for these, directly and behind others, and how many of them for more."""
    behind = _down(pids, ways, frozenset())
    return len(behind), len(behind & _down(ways.roots - pids, ways, pids))


def _down(begin: set[int], ways: rows.Blocking, but: set[int] | frozenset[int]) -> set[int]:
    found: set[int] = set()
    step = set(begin)
    while step:
        step = {down for pid in step for down in ways.blocks.get(pid, ())} - found - begin - but
        found |= step
    return found


def count(number: int, noun: str) -> str:
    """`1 session`, `12 sessions`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def be(number: int) -> str:
    """`is` or `are`."""
    return "is" if number == 1 else "are"
