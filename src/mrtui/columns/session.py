"""Postgres sessions: the three questions (running, waiting, blocking), and who blocks whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mrcore.model import base, postgres
from mrtui.columns.table import Cell, Column, Style, Table, View

_WORDS = {
    "idle in transaction": "idle in tx",
    "idle in transaction (aborted)": "aborted tx",
    "fastpath function call": "fastpath",
}
_TONES: dict[str, Style] = {
    "active": "ok",
    "idle in tx": "warn",
    "aborted tx": "bad",
    "idle": "dim",
}


def state(entity: postgres.Session) -> str:
    """The state in at most ten characters; `waiting` when it waits for a lock."""
    if entity.blocked_by:
        return "blocked"
    return _WORDS.get(entity.state, entity.state)


def indent(depth: int) -> str:
    """The branch in front of a session that another one blocks."""
    return "" if not depth else "  " * (depth - 1) + "└ "


def _relation(entity: postgres.Session) -> Cell:
    if entity.blocked_by:
        return Cell("by " + " ".join(map(str, entity.blocked_by[:3])), "bad")
    if entity.blocks:
        return Cell(f"blocks {len(entity.blocks)}", "warn")
    return Cell("")


def cells(entity: postgres.Session, view: View, depth: int = 0) -> tuple[Cell, ...]:
    word = state(entity)
    return (
        view.mark(entity),
        Cell(indent(depth) + str(entity.pid)),
        Cell(word, "bad" if entity.blocked_by else _TONES.get(word, "")),
        Cell(view.age(entity.state_since)),
        Cell(view.age(entity.xact_start), "" if entity.xact_start else "dim"),
        Cell(entity.user, "dim"),
        Cell(entity.app or entity.client, "dim"),
        _relation(entity),
        Cell(entity.wait, "dim"),
        Cell(" ".join(entity.query.split())),
    )


def brief(entity: postgres.Session, view: View, depth: int = 0) -> tuple[Cell, ...]:
    relation = _relation(entity)
    note = relation if relation.text else Cell(" ".join(entity.query.split()), "dim")
    return (
        view.mark(entity),
        Cell(indent(depth) + str(entity.pid)),
        Cell(state(entity), _TONES.get(state(entity), "")),
        Cell(view.age(entity.state_since)),
        note,
    )


def _busy(entity: postgres.Session, view: View) -> Any:
    quiet = entity.state == "idle"
    since_s = view.age_s(entity.xact_start or entity.state_since)
    return (view.rank(entity), not entity.blocks, quiet, -since_s)


def tree(first: Iterable[base.Entity]) -> list[tuple[postgres.Session, int]]:
    """Sessions in the order given, each with what it blocks indented under it.

    A deadlock's circle is entered at the session that comes first; each session is shown once.
    """
    found = [entity for entity in first if isinstance(entity, postgres.Session)]
    by_pid = {entity.pid: entity for entity in found}
    children: dict[int, list[postgres.Session]] = {}
    for entity in found:
        parent = next((pid for pid in entity.blocked_by if pid in by_pid), None)
        if parent is not None:
            children.setdefault(parent, []).append(entity)
    below = {entity.pid for kids in children.values() for entity in kids}
    result: list[tuple[postgres.Session, int]] = []
    seen: set[int] = set()
    roots = [entity for entity in found if entity.pid not in below]
    for root in [*roots, *found]:
        stack = [(root, 0)]
        while stack:
            entity, depth = stack.pop()
            if entity.pid in seen:
                continue
            seen.add(entity.pid)
            result.append((entity, depth))
            stack.extend((kid, depth + 1) for kid in reversed(children.get(entity.pid, [])))
    return result


TABLE = Table(
    columns=(
        Column("", 1),
        Column("pid", 10, narrow=8),
        Column("state", 10),
        Column("for", 6, right=True, keep=8),
        Column("tx", 6, right=True, keep=6),
        Column("user", 12, keep=3),
        Column("app", 16, keep=4),
        Column("lock", 11, keep=7),
        Column("wait", 16, keep=2),
        Column("statement", keep=5),
    ),
    cells=cells,
    label=lambda entity: f"session {entity.pid}",
    orders=(
        ("trouble", _busy),
        ("longest", lambda entity, view: -view.age_s(entity.xact_start or entity.state_since)),
        ("app", lambda entity, view: (entity.app, entity.pid)),
        ("pid", lambda entity, view: entity.pid),
    ),
    brief_columns=(
        Column("", 1),
        Column("pid", 8),
        Column("state", 10),
        Column("for", 5, right=True),
        Column("note", keep=6),
    ),
    brief=brief,
)
