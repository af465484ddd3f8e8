"""Looking at what is selected for a plan, portion by portion."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from mrcore import redact
from mrcore.model import base, plans, queue, wire

LIMIT = 300
"""Rows of a page that a plan goes through."""

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
S = TypeVar("S")
Looked = tuple[Sequence[S], int, int | None]
"""A portion, how many were looked at so far with it, and how many there are."""

Refs = Callable[[Sequence[base.Ref]], Awaitable[Sequence[S]]]
"""Looks at each of these, in their order; what is no job's ref is seen as gone."""


async def chosen(refs: Sequence[base.Ref], look: Refs[S], size: int) -> AsyncIterator[Looked[S]]:
    """What was named one by one."""
    for start in range(0, len(refs), size):
        portion = refs[start : start + size]
        yield await look(portion), start + len(portion), len(refs)


async def filtered(
    page: Callable[[plans.Query, str | None], Awaitable[wire.Page]],
    query: plans.Query,
    look: Refs[S],
) -> AsyncIterator[Looked[S]]:
    """Those that match, as a page finds them."""
    query = query.model_copy(update={"limit": LIMIT})
    cursor: str | None = None
    looked = 0
    while True:
        found = await page(query, cursor)
        looked += found.looked.scanned
        refs = [row.ref for row in found.rows if isinstance(row, queue.Job)]
        yield await look(refs), looked, found.looked.total
        cursor = found.cursor
        if cursor is None:
            return


def label(name: str, job_id: str, plain: re.Pattern[str] = UUID) -> str:
    """A job's name and id; an id that the engine did not give may tell of somebody."""
    return f"{name} {job_id if plain.fullmatch(job_id) else redact.label(job_id)}"
