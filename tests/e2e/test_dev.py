"""`mrtui dev`: a stack of one's own, kept between runs."""

from __future__ import annotations

import json
from pathlib import Path

import asyncpg
import pytest

from tests import waiting
from tests.e2e import measuring, running, terminal

pytestmark = pytest.mark.xdist_group("demo")


async def _ask(state: Path, query: str) -> object:
    path = state / "stack.json"
    await waiting.until(path.exists, timeout_s=60)
    ready = json.loads(path.read_text())
    connection = await asyncpg.connect(ready["postgres"])
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.mark.proof
async def test_a_stack_of_ones_own_keeps_its_data(state: Path) -> None:
    argv = [*running.MRTUI, "dev", "--state", str(state)]
    with terminal.run(argv, columns=120, rows=36) as screen:
        screen.until("● live", timeout_s=60)
        await _ask(state, "CREATE TABLE mine AS SELECT 7 AS kept")
        measuring.leave(screen)
    with terminal.run(argv, columns=120, rows=36) as screen:
        screen.until("● live", timeout_s=60)
        assert await _ask(state, "SELECT kept FROM mine") == 7
        measuring.leave(screen)
