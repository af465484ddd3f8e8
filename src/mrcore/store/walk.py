"""Walking a table of the ledger by its number, page by page, with `Query.text` as the filter."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

from mrcore import match
from mrcore.model import base

SCAN_MAX = 20_000
BUDGET_S = 0.2


@dataclass(frozen=True)
class Walk:
    """Where to begin (`after` that number, None: at the end that comes first) and what to keep.

    `state` keeps the rows of one state, `text` those whose words match.
    """

    limit: int
    newest: bool = True
    after: int | None = None
    text: str = ""
    state: str = ""


@dataclass(frozen=True)
class Rows:
    """Rows in the order of the walk; `last` is the number it reached, `more` whether it goes on."""

    rows: list[base.Entity]
    scanned: int
    last: int | None
    more: bool


def walk(
    connection: sqlite3.Connection,
    table: str,
    number: str,
    wanted: Walk,
    make: Callable[[sqlite3.Row], tuple[base.Entity, str]],
    *,
    state: Callable[[base.Entity], str] | None = None,
) -> Rows:
    """Rows of `table` whose words match; `make` turns a row into an entity and its words.

    `state` says the state of an entity, where `wanted.state` chooses. At most 20,000 rows are
    looked at, and for 0.2 s. Raises BadRequest when `text` is no filter.
    """
    matches, began_s = match.of(wanted.text), time.perf_counter()
    direction, beyond = ("DESC", "<") if wanted.newest else ("ASC", ">")
    where = f"WHERE {number} {beyond} ?" if wanted.after is not None else ""
    cursor = connection.execute(
        f"SELECT * FROM {table} {where} ORDER BY {number} {direction}",  # noqa: S608 (our names)
        () if wanted.after is None else (wanted.after,),
    )
    rows: list[base.Entity] = []
    scanned, last = 0, None
    for row in cursor:
        scanned, last = scanned + 1, row[number]
        entity, words = make(row)
        fits = state is None or wanted.state in ("", state(entity))
        if fits and matches(words):
            rows.append(entity)
        spent = scanned == SCAN_MAX or time.perf_counter() - began_s > BUDGET_S
        if spent or len(rows) == wanted.limit:
            return Rows(rows, scanned, last, cursor.fetchone() is not None)
    return Rows(rows, scanned, last, more=False)
