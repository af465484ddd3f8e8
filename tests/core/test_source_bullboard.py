"""Bull Boards of every age, recorded: what each lets us do, how it is asked, how it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mrcore import errors, sources
from mrcore.model import plans, queue, wire
from mrcore.sources import base as source_base
from tests import waiting
from tests.standins import bullboard as recorded

BY = plans.By(login="asha", operation=3)
JOB, OWNER = "board/job/emails/3", "board/queue/emails"
ALWAYS = {
    "queue.retry", "job.edit", "job.remove", "job.promote", "job.duplicate", "job.reveal",
    "queue.pause", "queue.resume", "queue.clean", "queue.drain",
}  # fmt: skip


def opened(board: recorded.Board, **more: Any) -> source_base.Source:
    return sources.build("board", {"kind": "bullboard", "url": board.url, **more})[0]


@pytest.fixture(params=["9.10", "8.6", "7.2", "5.23"])
async def aged(request: pytest.FixtureRequest) -> AsyncIterator[recorded.Board]:
    """A recorded board of each age."""
    with recorded.running(request.param) as board:
        yield board


async def planned(
    source: source_base.Source, action: str, of: str, **args: Any
) -> list[source_base.Planned]:
    selection = plans.Selection(refs=(of,))
    return [p async for p in source.plan(action, selection, args, lambda looked, total: None)]


def targets(parts: list[source_base.Planned]) -> list[plans.Target]:
    return [part for part in parts if isinstance(part, plans.Target)]


def why_not(parts: list[source_base.Planned]) -> list[str]:
    return [part.why for part in parts if isinstance(part, plans.LeftOut)]


async def test_the_shape_of_the_queues_tells_the_age(aged: recorded.Board) -> None:
    async with opened(aged) as source:
        sample = await source.sample()
        queues = {e.name: e for e in sample.entities if isinstance(e, queue.Queue)}
        assert queues["emails"].counts.waiting == 3
        assert queues["reports"].verdict.code in ("paused", "no_worker")
        since = {"9.10": "9.5", "8.6": "8.5", "7.2": "6.17", "5.23": "5"}[aged.version]
        assert queues["emails"].layout == f"bullmq 6 behind Bull Board {since} or newer"
        tells = aged.version in ("9.10", "8.6")
        assert queues["emails"].workers == (1 if tells else None)
        schedules = [e for e in sample.entities if isinstance(e, queue.Schedule)]
        assert [one.declared for one in schedules] == (
            ["0 3 * * * Europe/Berlin", "every 5 min"] if tells else []
        )
        more = {"schedule.run", "schedule.remove"} if tells else set()
        more |= {"job.delay", "job.priority"} if aged.version == "9.10" else set()
        assert set(source.describe().actions) == ALWAYS | more
        assert queues["readonly"].actions == ()


async def test_an_unchanged_overview_costs_a_304(aged: recorded.Board) -> None:
    async with opened(aged) as source:
        first = await source.sample()
        second = await source.sample()
    overviews = [one.status for one in aged.asked if one.path.startswith("/queues?status=latest")]
    assert overviews == [200, 304]
    assert len(first.entities) == len(second.entities)
    assert all("page=" in p and "jobsPerPage=" in p for p in aged.paths("GET") if "status=" in p)


async def test_polls_never_pile_up() -> None:
    with recorded.running("9.10") as board:
        board.gate.clear()
        async with opened(board) as source:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await source.sample()
            board.gate.set()
            assert (await source.sample()).entities
        assert [p for p in board.paths("GET") if "status=latest" in p and "active" not in p] == [
            "/queues?status=latest&page=1&jobsPerPage=1"
        ]


async def test_the_newest_trace_is_first_on_every_board(aged: recorded.Board) -> None:
    async with opened(aged) as source:
        await source.sample()
        detail = await source.detail(JOB)
    sections = {section.id: section for section in detail.sections}
    traces = [s.text.splitlines()[0] for s in detail.sections if s.form == "trace"]
    assert traces == ["Error: the newest", "Error: the oldest"]
    assert sections["payload"].title == "Payload, as the board shows it"
    assert sections["payload"].data != {"to": "c@example.com"}
    assert "did step" in sections["logs"].text
    assert ("flow" in sections) is (aged.version != "5.23")


async def test_what_is_revealed_is_as_the_board_has_it(aged: recorded.Board) -> None:
    async with opened(aged) as source:
        await source.sample()
        sections = {s.id: s for s in (await source.reveal(JOB)).sections}
    assert sections["payload"].data == {"to": "c@example.com"}


async def test_the_flow_leads_to_its_jobs() -> None:
    with recorded.running("9.10") as board:
        async with opened(board) as source:
            detail = await source.detail(JOB)
    (flow,) = (s for s in detail.sections if s.id == "flow")
    assert [(f.name, f.ref) for f in flow.fields] == [
        ("root", "board/job/parents/flow-root"),
        ("child of flow-root", "board/job/children/flow-c1"),
        ("child of flow-root", "board/job/children/flow-c2"),
        ("child of flow-c2", "board/job/children/flow-g1"),
    ]


@pytest.mark.parametrize(
    ("version", "paths"),
    [
        ("9.10", ["/queues/emails/3/retry"]),
        ("7.2", ["/queues/emails/3/retry"]),
        ("6.17", ["/queues/emails/3/retry", "/queues/emails/3/retry/failed"]),
        ("5.23", ["/queues/emails/3/retry/failed"]),
    ],
)
async def test_a_retry_goes_by_the_route_that_is_there(version: str, paths: list[str]) -> None:
    with recorded.running(version) as board:
        async with opened(board) as source:
            parts = await planned(source, "queue.retry", JOB)
            assert any(
                isinstance(p, plans.Remark) and "check and act in one step" in p.text for p in parts
            )
            (outcome,) = await source.apply("queue.retry", targets(parts), {}, BY)
        assert outcome.outcome is plans.Outcome.DONE, outcome
        assert board.paths("PUT") == paths


async def test_a_schedulers_next_run_is_removed_only_where_the_scheduler_stays() -> None:
    of, path = "board/job/emails/repeat%3Anightly%3A1", "/queues/emails/repeat%3Anightly%3A1"
    job = {"id": "repeat:nightly:1", "name": "tick", "timestamp": 1_795_196_208_506, "opts": {}}
    for version, left in (("7.2", True), ("8.6", False)):
        with recorded.running(version) as board:
            board.answers[path] = (200, {"job": job, "status": "delayed"})
            async with opened(board) as source:
                parts = await planned(source, "job.remove", of)
        assert bool(targets(parts)) is not left
        assert bool(why_not(parts)) is left


@pytest.mark.parametrize(
    ("queue_says", "why"),
    [
        ({"readOnlyMode": True}, "The board shows this queue read-only."),
        ({"allowRetries": False}, "The board does not allow retries in this queue."),
    ],
)
async def test_what_the_board_does_not_allow_is_not_offered(
    queue_says: dict[str, bool], why: str, aged: recorded.Board
) -> None:
    aged.queue = queue_says
    async with opened(aged) as source:
        query = plans.Query(state="failed")
        page = await source.page(OWNER, "jobs", query, None, 0)
        assert page.rows
        assert not any("queue.retry" in row.actions for row in page.rows)
        assert why_not(await planned(source, "queue.retry", JOB)) == [why]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"key": "ERRORS.INTERNAL_SERVER_ERROR"}, "message": "Lock mismatch"}, "Lock"),
        ({"error": {"key": "ERRORS.JOB_IS_ACTIVE"}, "message": {"key": "X"}}, "job is active"),
        ({"error": "Internal server error", "message": "Lock mismatch"}, "Lock mismatch"),
        ({}, "status 500"),
    ],
)
async def test_a_refusal_is_said_in_the_boards_words(body: dict[str, Any], said: str) -> None:
    with recorded.running("9.10") as board:
        board.answers["/queues/emails/3/retry"] = (500, body)
        async with opened(board) as source:
            parts = targets(await planned(source, "queue.retry", JOB))
            (outcome,) = await source.apply("queue.retry", parts, {}, BY)
    assert outcome.outcome is plans.Outcome.FAILED
    assert said in outcome.why


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        ((401, None), errors.NotPermitted, "does not take this login"),
        ((302, None), errors.NotPermitted, "sends us to /sign-in. Needs cookie"),
        ((403, {"error": "no"}), errors.NotPermitted, "refuses: no"),
        ((200, "<h1>hello</h1>"), errors.SourceError, "This is no Bull Board at"),
        ((404, "<h1>hello</h1>"), errors.SourceError, "This is no Bull Board at"),
        ((200, {"jobs": []}), errors.SourceError, "This is no Bull Board at"),
        ((500, {"error": "kaput"}), errors.SourceError, "kaput"),
    ],
)
async def test_what_is_no_board_is_said(
    answer: tuple[int, Any], error: type[errors.SourceError], sentence: str
) -> None:
    with recorded.running("9.10") as board:
        board.answers["/queues"] = answer
        async with opened(board) as source:
            with pytest.raises(error, match=r"This is no|The board") as caught:
                await source.sample()
    assert sentence in str(caught.value)


async def test_an_odd_name_is_encoded_twice_in_a_query() -> None:
    name = "a/b%c?d é"
    with recorded.running("9.10") as board:
        board.queue = {"name": name}
        async with opened(board) as source:
            of = "board/queue/a%2Fb%25c%3Fd%20%C3%A9"
            page = await source.page(of, "jobs", plans.Query(state="failed"), None, 0)
    assert len(page.rows) == 2
    asked = next(path for path in board.paths("GET") if "status=failed" in path)
    assert "activeQueue=a%252Fb%2525c%253Fd%2520%25C3%25A9&" in asked


async def test_an_expired_code_is_never_sent_again() -> None:
    with recorded.running("9.10") as board:
        async with opened(board, age_limits={"bad": -1}) as source:
            (why,) = why_not(await planned(source, "queue.retry", JOB))
        async with opened(board, age_limits={"bad": 1e9}) as source:
            (target,) = targets(await planned(source, "queue.retry", JOB))
            assert "until" in target.guard
            until = {"until": "2024-01-01T00:00:00+00:00"}
            late = target.model_copy(update={"guard": {**target.guard, **until}})
            (outcome,) = await source.apply("queue.retry", [late], {}, plans.By(login="asha"))
        assert board.paths("PUT") == []
    assert why.startswith("Its code has expired")
    assert outcome.why.startswith("Its code has expired")


async def test_how_a_canary_fares() -> None:
    with recorded.running("9.10") as board:
        async with opened(board) as source:
            (target,) = targets(await planned(source, "queue.retry", JOB))
            job = recorded._read("04-job-failed")
            for change, status, state in (
                ({}, "failed", "pending"),
                ({"attempts": 3}, "failed", "failed"),
                ({"attempts": 3}, "completed", "well"),
                ({}, "active", "pending"),
                ({"timestamp": 5}, "completed", "gone"),
            ):
                body = {"job": {**job["job"], **change}, "status": status}
                board.answers[recorded.JOB] = (200, body)
                (fared,) = await source.fared("queue.retry", [target])
                assert fared.state == state
                assert bool(fared.fingerprint) is (state == "failed")


@pytest.mark.parametrize(
    ("options", "state"),
    [
        ({}, "gone"),
        ({"removeOnComplete": False}, "gone"),
        ({"removeOnComplete": 1}, "gone"),
        ({"removeOnComplete": {"age": 60}}, "gone"),
        ({"removeOnComplete": True}, "well"),
        ({"removeOnComplete": 0}, "well"),
        ({"removeOnComplete": {"count": 0}, "removeOnFail": 50}, "well"),
        ({"removeOnComplete": True, "removeOnFail": True}, "gone"),
    ],
)
async def test_of_a_job_that_is_gone_only_its_options_tell_how_it_went(
    options: dict[str, Any], state: str
) -> None:
    with recorded.running("9.10") as board:
        job = recorded._read("04-job-failed")
        job["job"]["opts"] |= options
        board.answers[recorded.JOB] = (200, job)
        async with opened(board) as source:
            (target,) = targets(await planned(source, "queue.retry", JOB))
            board.answers[recorded.JOB] = (404, {"error": {"key": "ERRORS.JOB_NOT_FOUND"}})
            (fared,) = await source.fared("queue.retry", [target])
    assert (fared.state, fared.fingerprint) == (state, "")
    assert fared.why


async def test_a_board_that_goes_no_deeper_is_said_to() -> None:
    query = plans.Query(state="failed", limit=2)
    with recorded.running("9.10") as board:
        board.pages, board.queue = 1, {"counts": {"failed": 25}}
        async with opened(board) as source:
            first = await source.page(OWNER, "jobs", query, None, 0)
            assert (len(first.rows), first.looked.complete) == (2, False)
            last = await source.page(OWNER, "jobs", query, first.cursor, 0)
            told = source.describe().capabilities
    assert (last.rows, last.cursor) == ((), None)
    assert last.looked == wire.Looked(scanned=2, total=25, complete=False)
    assert any("The board goes 1 pages deep." in words for words in told)


async def test_settings_that_make_no_sense_are_refused() -> None:
    for url in ("ftp://app/queues", "app/queues", "https://me:secret@app/queues"):
        with pytest.raises(errors.SettingsError) as caught:
            sources.build("board", {"kind": "bullboard", "url": url})
        assert "secret" not in str(caught.value)
    with pytest.raises(errors.SettingsError, match="certificates"):
        sources.build(
            "board", {"kind": "bullboard", "url": "https://app/queues", "ca": "/nowhere.pem"}
        )


async def test_the_doctor_says_what_an_old_board_cannot_do(aged: recorded.Board) -> None:
    table = {"kind": "bullboard", "url": aged.url}
    found = {one.what: one for one in await sources.examine("board", table)}
    assert found["board"].ok
    assert "read-only" in found["act"].sentence
    assert ("actions" in found) is (aged.version != "9.10")


async def test_workers_come_with_their_age(aged: recorded.Board) -> None:
    async with opened(aged) as source:

        async def staff() -> wire.Sample:
            return await source.sample()

        sample = await waiting.until(staff)
    workers = [e for e in sample.entities if isinstance(e, queue.Worker)]
    wanted = ["mailer-1@127.0.0.1:50884"] if aged.version in ("9.10", "8.6") else []
    assert [one.name for one in workers] == wanted
