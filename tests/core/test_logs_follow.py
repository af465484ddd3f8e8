"""Lines that are followed come in the order in which they were written."""

from __future__ import annotations

from pathlib import Path

import pytest

from mrcore import sources
from mrcore.model import log, plans

AT = "2026-11-20T20:00:01"


@pytest.mark.parametrize("stamp", ["", f"{AT} INFO "])
@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_lines_that_no_instant_tells_apart_are_followed_in_their_order(
    tmp_path: Path, stamp: str, order: str
) -> None:
    path = tmp_path / "a.log"
    path.write_text(f"{stamp}one\n{stamp}two\n")
    query = plans.Query(order=order)
    async with sources.build("logs", {"folder": str(tmp_path)})[0] as source:
        first = await source.page("logs/stream/a", "lines", query, None, 20)
        with path.open("a") as file:
            file.write("".join(f"{stamp}{word}\n" for word in ("three", "four", "five")))
        seen = [*first.rows]
        cursor = first.cursor
        while len(seen) < 5:
            page = await source.page("logs/stream/a", "lines", query, cursor, 20)
            seen += page.rows
            cursor = page.cursor
    words = [row.text.split()[-1] for row in seen if isinstance(row, log.LogLine)]
    assert words == ["one", "two", "three", "four", "five"]
