"""What the board changes: through the core's door, with an audit row that names who asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mrcore.model import core
from tests.core.mentor import boards

MAIL = "queues/emailQueue"


@pytest.fixture
async def board(state: Path, redis_url: str) -> AsyncIterator[boards.Board]:
    async with boards.running(state, redis_url) as made:
        yield made


async def audited(board: boards.Board) -> list[core.AuditRow]:
    rows = (await board.core.page("core/core/self", "audit")).rows
    return [row for row in rows if isinstance(row, core.AuditRow)]


async def ids(board: boards.Board, status: str) -> list[str]:
    return [job["id"] for job in (await board.shown(status))["jobs"]]


async def test_a_retry_is_done_and_audited(board: boards.Board) -> None:
    first, other = await ids(board, "failed")
    answer = await board.api("PUT", f"{MAIL}/{first}/retry")
    assert (answer.status_code, answer.content) == (204, b"")
    assert await ids(board, "failed") == [other]
    assert first in await ids(board, "waiting")
    again = await board.api("PUT", f"{MAIL}/{first}/retry")
    assert again.status_code == 400
    problem = {"key": "ERRORS.JOB_NOT_RETRIABLE", "options": {"state": "waiting"}}
    assert again.json() == {"error": problem}
    rows = [row for row in await audited(board) if row.action == "queue.retry"]
    assert {row.stage for row in rows} == {"intent", "outcome"}
    assert {(row.login, row.reason) for row in rows} == {("backend", "Bull Board: admin")}
    assert {row.refs for row in rows} == {(f"huey/job/emailQueue/{first}",)}
