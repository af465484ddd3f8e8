"""What the board changes: through the core's door, with an audit row that names who asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mrcore import sources
from mrcore.model import plans, queue
from tests.core.mentor import boards

MAIL = "queues/emailQueue"


@pytest.fixture
async def board(state: Path, redis_url: str) -> AsyncIterator[boards.Board]:
    async with boards.running(state, redis_url) as made:
        yield made


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
    rows = [row for row in await board.audited() if row.action == "queue.retry"]
    assert {row.stage for row in rows} == {"intent", "outcome"}
    assert {(row.login, row.reason) for row in rows} == {("backend", "Bull Board: admin")}
    assert {row.refs for row in rows} == {(f"huey/job/emailQueue/{first}",)}


async def test_pause_resume_and_pause_again_are_three_operations(board: boards.Board) -> None:
    for route, paused in (("pause", True), ("resume", False), ("pause", True), ("pause", True)):
        answer = await board.api("PUT", f"{MAIL}/{route}")
        assert (answer.status_code, answer.json()) == (200, {})
        assert (await board.shown())["isPaused"] is paused
    rows = [row for row in await board.audited() if row.stage == "outcome"]
    assert [row.action for row in rows] == ["queue.pause", "queue.resume", "queue.pause"]


async def test_all_failed_are_retried_and_what_cannot_be_is_said(board: boards.Board) -> None:
    done = await board.api("PUT", f"{MAIL}/retry/failed")
    assert (done.status_code, done.json()) == (200, {"retried": 2, "skipped": 0})
    none = await board.api("PUT", f"{MAIL}/retry/completed")
    assert none.json()["retried"] == 0
    assert none.json()["skipped"] == 2
    assert none.json()["message"]


async def test_what_is_critical_names_mrtui_and_is_not_done(board: boards.Board) -> None:
    before = board.queues.by_state()
    for route in ("empty", "clean/waiting"):
        answer = await board.api("PUT", f"{MAIL}/{route}")
        assert answer.status_code == 403
        assert "mrtui" in answer.json()["message"]
    forced = await board.api("PUT", f"{MAIL}/obliterate", {"force": True})
    assert forced.status_code == 403
    assert board.queues.by_state() == before


async def test_what_cannot_be_changed_is_read_only_and_what_is_hidden_is_not_there(
    board: boards.Board,
) -> None:
    found = {q["name"]: q for q in (await board.api("GET", "queues")).json()["queues"]}
    assert set(found) == {"emailQueue", boards.ODD, boards.PLAIN}
    assert [name for name, q in found.items() if q["readOnlyMode"]] == [boards.PLAIN]
    for path in ("pause", "retry/failed", "empty", "1/retry"):
        answer = await board.api("PUT", f"queues/{boards.PLAIN}/{path}")
        assert answer.status_code == 405
        assert answer.json()["error"] == {"key": "ERRORS.QUEUE_READ_ONLY"}
    hidden = await board.api("PUT", f"queues/{boards.HIDDEN}/pause")
    assert hidden.status_code == 404
    assert hidden.json()["error"] == {"key": "ERRORS.QUEUE_NOT_FOUND"}
    page = await board.web.get("/admin/queues")
    assert page.headers["content-type"].startswith("text/html")
    assert f"Not on this board: {boards.HIDDEN}" in page.text
    assert "<td>emailQueue</td><td>huey</td>" in page.text


async def test_pages_follow_each_other_and_an_unchanged_answer_is_a_304(
    board: boards.Board,
) -> None:
    whole = [job["id"] for job in (await board.shown("delayed"))["jobs"]]
    pages = [
        (await board.shown("delayed", page=number, jobsPerPage=2))["jobs"] for number in (1, 2, 3)
    ]
    assert [[job["id"] for job in jobs] for jobs in pages] == [whole[:2], whole[2:], []]
    path = "job-schedulers"
    first = await board.api("GET", path)
    headers = {"if-none-match": first.headers["etag"]}
    again = await board.web.get(f"/admin/queues/api/{path}", headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    deep = await board.api("GET", "queues?activeQueue=emailQueue&status=failed&page=1002")
    assert deep.status_code == 400
    assert "mrtui" in deep.json()["message"]


async def test_a_job_is_shown_with_its_newest_trace_first(board: boards.Board) -> None:
    (first, *_) = (await board.shown("failed"))["jobs"]
    assert first["attempts"] == 2
    assert first["isFailed"] is True
    assert len(first["stacktrace"]) == 2
    assert all("OSError: 550" in trace for trace in first["stacktrace"])
    assert first["opts"] == {"attempts": 2}
    assert first["data"]["kwargs"] == {"fail": True}
    assert "example.org" not in str(first), "redacted as everywhere"


async def test_a_protected_core_that_is_not_armed_refuses(state: Path, redis_url: str) -> None:
    async with boards.running(state, redis_url, protected=True) as board:
        (first, other) = await ids(board, "failed")
        answer = await board.api("PUT", f"{MAIL}/{first}/retry")
        assert answer.status_code == 403
        assert answer.json()["code"] == "NOT_ARMED"
        assert await ids(board, "failed") == [first, other]


async def test_our_own_client_reads_and_retries_through_it(board: boards.Board) -> None:
    table: dict[str, Any] = {
        "url": f"{board.url}/admin/queues",
        "username": boards.USER,
        "password": boards.PASSWORD,
    }
    async with sources.build("bullboard", table)[0] as source:
        sample = await source.sample()
        found = {e.name: e for e in sample.entities if isinstance(e, queue.Queue)}
        assert set(found) == {"emailQueue", boards.ODD, boards.PLAIN}
        mail = found["emailQueue"]
        assert mail.counts == queue.Counts(waiting=3, active=1, delayed=3, failed=2, completed=2)
        assert len([e for e in sample.entities if isinstance(e, queue.Schedule)]) == 1
        odd = await source.page(
            found[boards.ODD].ref, "jobs", plans.Query(state="completed"), None, 0
        )
        assert len(odd.rows) == 1
        failed = await source.page(mail.ref, "jobs", plans.Query(state="failed"), None, 0)
        of = failed.rows[0].ref
        detail = await source.detail(of)
        assert {"payload", "attempt/2", "attempt/1"} <= {s.id for s in detail.sections}
        selection = plans.Selection(refs=(of,))
        parts = [p async for p in source.plan("queue.retry", selection, {}, lambda a, b: None)]
        targets = [p for p in parts if isinstance(p, plans.Target)]
        by = plans.By(login="asha", operation=1)
        (outcome,) = await source.apply("queue.retry", targets, {}, by)
        assert outcome.outcome is plans.Outcome.DONE, outcome.why
        assert len(await ids(board, "failed")) == 1
