"""Means of points in the history. Every function is part of the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

STEPS_S = (10, 60)
"""The widths of rollups."""

KEPT_S = {10: 24 * 3600, 60: 14 * 24 * 3600}
"""How long each width is kept."""

_FULL = 0.9


@dataclass(frozen=True)
class Rollup:
    """The mean of `n` points of one metric and ref in the `step_s` from `at_s`."""

    metric: str
    ref: str
    step_s: int
    at_s: int
    mean: float
    n: int


def add(connection: sqlite3.Connection, rollups: Iterable[Rollup]) -> None:
    """Store rollups; one that is there already is merged, which a restart within a step needs."""
    known: dict[tuple[str, str], int] = {}
    for rollup in rollups:
        key = rollup.metric, rollup.ref
        if key not in known:
            known[key] = _series(connection, *key)
        connection.execute(
            "INSERT INTO rollup VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " mean = (mean * n + excluded.mean * excluded.n) / (n + excluded.n),"
            " n = n + excluded.n",
            (known[key], rollup.step_s, rollup.at_s, rollup.mean, rollup.n),
        )


def between(
    connection: sqlite3.Connection, metric: str, ref: str, step_s: int, start_s: float, end_s: float
) -> list[tuple[int, float, int]]:
    """(at_s, mean, n) of one metric and ref, oldest first."""
    rows = connection.execute(
        "SELECT at_s, mean, n FROM rollup JOIN series ON series.id = rollup.series"
        " WHERE metric = ? AND ref = ? AND step_s = ? AND at_s >= ? AND at_s < ? ORDER BY at_s",
        (metric, ref, step_s, start_s - step_s, end_s),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def prune(connection: sqlite3.Connection, now_s: float) -> None:
    """Drop what is too old, and the oldest tenth when the file is nearly full."""
    for step_s, kept_s in KEPT_S.items():
        connection.execute(
            "DELETE FROM rollup WHERE step_s = ? AND at_s < ?", (step_s, now_s - kept_s)
        )
    if _fill(connection) > _FULL:
        connection.execute(
            "DELETE FROM rollup WHERE at_s < (SELECT at_s FROM rollup ORDER BY at_s LIMIT 1"
            " OFFSET (SELECT count(*) / 10 FROM rollup))"
        )
    connection.execute(
        "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM rollup r WHERE r.series = series.id)"
    )


def _fill(connection: sqlite3.Connection) -> float:
    """The share of the file's pages that hold something."""

    def pragma(name: str) -> int:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

    return (pragma("page_count") - pragma("freelist_count")) / max(1, pragma("max_page_count"))


def _series(connection: sqlite3.Connection, metric: str, ref: str) -> int:
    row = connection.execute(
        "SELECT id FROM series WHERE metric = ? AND ref = ?", (metric, ref)
    ).fetchone()
    if row:
        return int(row[0])
    inserted = connection.execute("INSERT INTO series (metric, ref) VALUES (?, ?)", (metric, ref))
    return int(inserted.lastrowid or 0)
