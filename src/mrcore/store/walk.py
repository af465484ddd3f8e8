"""Walking a table of the ledger by its number, page by page, with `Query.text` as the filter."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from mrcore.model import base

SCAN_MAX = 20_000


@dataclass(frozen=True)
class Walk:
    """Where to begin (`after` that number, None: at the end that comes first) and what to keep."""

    limit: int
    newest: bool = True
    after: int | None = None
    text: str = ""


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
) -> Rows:
    """Rows of `table` whose words match; `make` turns a row into an entity and its words.

    At most 20,000 rows are looked at. Raises ValueError when `text` is not a regular expression.
    """
    matches = matcher(wanted.text)
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
        if matches(words):
            rows.append(entity)
        if len(rows) == wanted.limit or scanned == SCAN_MAX:
            return Rows(rows, scanned, last, cursor.fetchone() is not None)
    return Rows(rows, scanned, last, more=False)


def matcher(text: str) -> Callable[[str], bool]:
    """A test for `Query.text`: a case-insensitive regular expression, `!` in front inverts it.

    Raises ValueError when it is not one.
    """
    inverse, pattern = text.startswith("!"), text.removeprefix("!")
    try:
        expression = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}.") from None
    return lambda words: (expression.search(words) is not None) != inverse
