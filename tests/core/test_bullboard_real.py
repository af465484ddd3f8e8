"""Real boards: 5 to 8 over BullMQ 5, and 9.10.2 over BullMQ 6 where the contract does not look."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
from pydantic import JsonValue

from mrcore import errors, sources
from mrcore.model import plans, queue, wire
from mrcore.sources import base as source_base
from mrcore.sources import honest
from mrcore.sources.bullboard import capturing, jobs, queueing
from tests import servers, waiting
from tests.contract import bull_jobs
from tests.core import harness
from tests.core.test_door import ASHA, ended, ready
from tests.node import boards

BY = plans.By(login="asha", operation=3)
OWNER = "bullboard/queue/emails"
DATABASE = 4_000
QUEUES = ("emails", "a/b%c?d é", "shown", "kept")
FAILED = 7


VERSIONS = {
    5: "bullmq 5 or older behind Bull Board 5 or newer",
    6: "bullmq 5 or older behind Bull Board 6.17 or newer",
    7: "bullmq 5 or older behind Bull Board 6.17 or newer",
    8: "bullmq 5 or older behind Bull Board 8.5 or newer",
    9: "bullmq 6 behind Bull Board 9.5 or newer",
}
"""What the shape of their queues tells."""

SELDOM = (5, 7, 8)
usual = pytest.mark.parametrize("board", [6, 9], indirect=True)


@pytest.fixture(
    scope="module",
    params=[pytest.param(v, marks=[pytest.mark.proof] if v in SELDOM else []) for v in VERSIONS],
)
def board(
    request: pytest.FixtureRequest, valkey: servers.Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[boards.Board]:
    """A board of that version, with a read-only queue and one without retries."""
    made = boards.Board(
        tmp_path_factory.mktemp("board"),
        valkey.port,
        QUEUES,
        db=DATABASE + request.param,
        version=request.param,
        read_only=("shown",),
        no_retries=("kept",),
    )
    made.server.start()
    yield made
    made.server.close()


@pytest.fixture
def desk(board: boards.Board, valkey: servers.Valkey) -> Iterator[bull_jobs.Desk]:
    """The board's queues with 7 failed jobs each and two that wait."""
    with contextlib.closing(redis.Redis(port=valkey.port, db=DATABASE + board.version)) as conn:
        made = bull_jobs.Desk(conn)
        for name in QUEUES:
            made.clear(name)
            for _ in range(FAILED):
                made.add(name, "failed")
            for _ in range(2):
                made.add(name, "wait")
        yield made


@pytest.fixture
async def source(board: boards.Board, desk: bull_jobs.Desk) -> AsyncIterator[source_base.Source]:
    """The source, with a first sample."""
    async with sources.build("bullboard", board.table())[0] as opened:
        await opened.sample()
        yield opened


async def targets(
    source: source_base.Source, action: str, selection: plans.Selection
) -> list[plans.Target]:
    parts = source.plan(action, selection, {}, lambda looked, total: None)
    return [part async for part in parts if isinstance(part, plans.Target)]


async def test_queues_and_jobs_are_as_redis_has_them(
    source: source_base.Source, board: boards.Board, desk: bull_jobs.Desk
) -> None:
    sample = await source.sample()
    queues = {e.name: e for e in sample.entities if isinstance(e, queue.Queue)}
    assert set(queues) == set(QUEUES)
    assert all((q.counts.failed, q.counts.waiting) == (FAILED, 2) for q in queues.values())
    assert {q.layout for q in queues.values()} == {VERSIONS[board.version]}
    for name in QUEUES:
        ids, cursor = list[str](), None
        of = next(q.ref for q in queues.values() if q.name == name)
        while True:
            page = await source.page(of, "jobs", plans.Query(state="failed", limit=3), cursor, 0)
            ids += [row.id for row in page.rows if isinstance(row, queue.Job)]
            if (cursor := page.cursor) is None:
                break
        assert ids == desk.ids(name, "failed")
    groups = await source.page(OWNER, "groups", plans.Query(), None, 0)
    assert [g.jobs for g in groups.rows if isinstance(g, queue.FailureGroup)] == [FAILED]


async def test_a_retry_moves_what_is_as_it_was_and_nothing_else(
    source: source_base.Source, desk: bull_jobs.Desk
) -> None:
    query = plans.Query(state="failed")
    selection = plans.Selection(ref=OWNER, collection="jobs", query=query)
    planned = await targets(source, "queue.retry", selection)
    assert len(planned) == FAILED
    gone, *rest = desk.ids("emails", "failed")
    desk.forget("emails", gone)
    outcomes = await source.apply("queue.retry", planned, {}, BY)
    skipped = [o.ref for o in outcomes if o.outcome is plans.Outcome.SKIPPED]
    assert skipped == [f"bullboard/job/emails/{gone}"]
    assert sum(o.outcome is plans.Outcome.DONE for o in outcomes) == FAILED - 1
    assert desk.ids("emails", "failed") == []
    assert set(rest) <= set(desk.ids("emails", "wait"))
    again = await source.apply("queue.retry", planned, {}, BY)
    assert {o.outcome for o in again} == {plans.Outcome.SKIPPED}


async def test_a_plan_says_what_a_board_can_undo_and_what_it_cannot(
    board: boards.Board, desk: bull_jobs.Desk, state: Path
) -> None:
    job = f"bullboard/job/emails/{desk.ids('emails', 'failed')[0]}"
    source = sources.build("bullboard", board.table())[0]
    async with harness.unserved(state, source) as here:
        await ready(here)

        async def plan(action: str, *refs: str, **args: str) -> plans.Plan:
            selection = plans.Selection(refs=refs)
            return await here.door.plan(
                ASHA, plans.PlanRequest(action=action, selection=selection, args={**args})
            )

        pause = await plan("queue.pause", OWNER)
        assert (pause.undoable, pause.undo) == (True, "resumes it")
        never = "a Bull Board cannot put back what it has removed"
        drain = await plan("queue.drain", OWNER)
        assert (drain.undoable, drain.undo) == (False, never)
        remove = await plan("job.remove", job)
        assert (remove.undoable, remove.undo) == (False, never)
        given = await here.door.apply(ASHA, remove.plan_id, plans.ApplyRequest())
        removed = await ended(here, given)
        assert (removed.done, removed.actions) == (1, ())
        back = await plan("undo", removed.ref)
        assert [left.why for left in back.left_out] == [f"It cannot be undone: {never}."]


async def captured(
    source: source_base.Source, *ids: str, queue_name: str = "emails"
) -> dict[str, queue.Captured]:
    """What samples hand over until these are among it; each is handed over once."""
    found: dict[str, queue.Captured] = {}

    async def look() -> bool:
        sample = await source.sample()
        assert honest.check("bullboard", sample, source_base.utc_now()) is sample
        fresh = {run.id: run for run in sample.captured if run.queue == queue_name}
        assert not fresh.keys() & found.keys(), "captured twice"
        found.update(fresh)
        return found.keys() >= set(ids)

    await waiting.until(look)
    return found


async def test_what_failed_is_kept_before_the_host_trims_it(
    source: source_base.Source, desk: bull_jobs.Desk
) -> None:
    first = desk.ids("emails", "failed")
    found = await captured(source, *first)
    one = found[first[0]]
    assert (one.ref, one.name, one.state) == (f"bullboard/job/emails/{first[0]}", "send", "failed")
    assert one.error.startswith("550 mailbox")
    assert "mail.js" in one.trace
    assert one.attempts == 1
    assert one.fingerprint
    assert one.enqueued_at is not None
    assert one.started_at is not None
    assert one.enqueued_at < one.started_at < one.finished_at
    desk.forget("emails", first[-1])  # trimmed while others come
    desk.forget("emails", first[-2])
    fresh = desk.add("emails", "failed"), desk.add("emails", "failed"), desk.add("emails", "failed")
    assert set(await captured(source, *fresh)) == set(fresh)


async def test_more_failures_than_a_page_are_kept_a_page_at_a_time(
    board: boards.Board, desk: bull_jobs.Desk
) -> None:
    for _ in range(2 * capturing.PORTION + 10 - FAILED):
        desk.add("emails", "failed")
    every = desk.ids("emails", "failed")
    seen: list[str] = []

    async with sources.build("bullboard", board.table())[0] as source:

        async def look() -> bool:
            found = (await source.sample()).captured
            assert len(found) <= capturing.PORTION
            seen.extend(run.id for run in found if run.queue == "emails")
            return len(seen) >= len(every)

        await waiting.until(look)
    assert sorted(seen) == sorted(every)


async def test_a_job_that_the_host_has_trimmed_is_still_told_by_the_core(
    board: boards.Board, desk: bull_jobs.Desk, state: Path
) -> None:
    gone = desk.ids("emails", "failed")[0]
    of = f"bullboard/job/emails/{gone}"
    async with (
        harness.running(state, sources={"bullboard": board.table(interval_s=0.05)}) as here,
        here.client() as own,
    ):

        async def kept() -> bool:
            found = await own.page("core/core/self", "ran", plans.Query(text=gone))
            return any(row.ref == of for row in found.rows)

        await waiting.until(kept)
        desk.forget("emails", gone)
        detail = await own.detail(of)
    assert isinstance(detail.entity, queue.Job)
    assert detail.entity.captured_at is not None
    assert detail.entity.error.startswith("550 mailbox")


async def plan_of(
    source: source_base.Source, action: str, **args: JsonValue
) -> tuple[list[plans.Target], list[plans.LeftOut], list[int]]:
    """The targets for the queue, what is left out, and how far it said that it looked."""
    looked: list[int] = []
    parts = source.plan(
        action, plans.Selection(refs=(OWNER,)), args, lambda done, total: looked.append(done)
    )
    every = [part async for part in parts]
    assert [part.possible for part in every if isinstance(part, plans.Undo)] == [False]
    left = [part for part in every if isinstance(part, plans.LeftOut)]
    return [part for part in every if isinstance(part, plans.Target)], left, looked


async def test_a_clean_leaves_what_is_newer_which_the_boards_own_route_cannot(
    source: source_base.Source, desk: bull_jobs.Desk
) -> None:
    new = desk.add("emails", "failed", finishedOn=int(time.time() * 1000))
    old = desk.ids("emails", "failed")
    old.remove(new)
    planned, _, _ = await plan_of(source, "queue.clean", state="failed", older_s=1_800)
    assert [one.ref for one in planned] == [f"bullboard/job/emails/{id_}" for id_ in old[::-1]]
    outcomes = await source.apply("queue.clean", planned, {}, BY)
    assert {o.outcome for o in outcomes} == {plans.Outcome.DONE}
    assert desk.ids("emails", "failed") == [new]
    chosen, again = plans.Selection(refs=(OWNER,)), {"state": "failed", "older_s": 1_800}
    nothing = source.plan("queue.clean", chosen, again, lambda done, total: None)
    assert [part async for part in nothing] == [], "the core says how many are younger"


async def test_a_drain_takes_what_is_delayed_where_that_is_asked_for(
    source: source_base.Source, desk: bull_jobs.Desk
) -> None:
    for state in ("delayed", "prioritized"):
        desk.add("emails", state)
    taken = desk.ids("emails", "wait")[0]
    planned, _, _ = await plan_of(source, "queue.drain", delayed=True)
    assert len(planned) == 4
    desk.take("emails", taken)
    outcomes = await source.apply("queue.drain", planned, {"delayed": True}, BY)
    skipped = [o.ref for o in outcomes if o.outcome is plans.Outcome.SKIPPED]
    assert skipped == [f"bullboard/job/emails/{taken}"]
    assert sum(o.outcome is plans.Outcome.DONE for o in outcomes) == 3
    left = [desk.ids("emails", state) for state in ("wait", "delayed", "prioritized", "active")]
    assert left == [[], [], [], [taken]]


@pytest.mark.proof
@usual
@pytest.mark.parametrize(
    ("action", "state", "args"),
    [
        ("queue.clean", "completed", {"state": "completed", "older_s": 5}),
        ("queue.drain", "wait", {}),
    ],
)
async def test_many_are_cleaned_and_drained_a_chunk_at_a_time(
    source: source_base.Source,
    desk: bull_jobs.Desk,
    action: str,
    state: str,
    args: dict[str, JsonValue],
) -> None:
    for _ in range(queueing.MOST + 500):
        desk.add("emails", state)
    count = len(desk.ids("emails", state))
    planned, left, looked = await plan_of(source, action, **args)
    assert (len(planned), left) == (count, [])
    assert looked == sorted(looked)
    assert looked[-1] == count
    for start in range(0, 1_000, 500):
        outcomes = await source.apply(action, planned[start : start + 500], args, BY)
        assert {o.outcome for o in outcomes} == {plans.Outcome.DONE}
    assert len(desk.ids("emails", state)) == count - 1_000, "stopped there, the rest stays"
    rest = [
        await source.apply(action, planned[n : n + 500], args, BY) for n in range(0, count, 500)
    ]
    done = [o.outcome for part in rest for o in part]
    assert done.count(plans.Outcome.SKIPPED) == 1_000, "what was removed before"
    assert desk.ids("emails", state) == []
    assert len(desk.ids("emails", "failed")) == FAILED


@pytest.mark.proof
@usual
async def test_pages_go_to_the_end_and_groups_say_where_they_stop(
    source: source_base.Source, desk: bull_jobs.Desk
) -> None:
    for _ in range(jobs.GROUPED_MOST + 500):
        desk.add("emails", "failed")
    found, cursor = list[str](), None
    while True:
        query = plans.Query(state="failed", limit=300)
        page = await source.page(OWNER, "jobs", query, cursor, 0)
        found += [row.id for row in page.rows if isinstance(row, queue.Job)]
        if (cursor := page.cursor) is None:
            break
        assert not page.looked.complete
    assert page.looked.complete
    assert found == desk.ids("emails", "failed")
    first = await source.page(OWNER, "groups", plans.Query(), None, 60)
    groups = await source.page(OWNER, "groups", plans.Query(), first.cursor, 60)
    grouped = sum(row.jobs for row in groups.rows if isinstance(row, queue.FailureGroup))
    assert jobs.GROUPED_MOST <= grouped < len(found)
    wanted = wire.Looked(scanned=grouped, total=len(found), complete=False)
    assert groups.looked == wanted


async def test_pages_and_details_work_where_nothing_may_be_done(
    source: source_base.Source, desk: bull_jobs.Desk
) -> None:
    for name, offered in (("shown", False), ("kept", True)):
        of = f"bullboard/job/{name}/{desk.ids(name, 'failed')[0]}"
        detail = await source.detail(of)
        assert "queue.retry" not in detail.entity.actions
        assert ("job.remove" in detail.entity.actions) is offered
        assert await targets(source, "queue.retry", plans.Selection(refs=(of,))) == []


async def test_what_does_not_answer_like_a_board_is_said(board: boards.Board) -> None:
    for path, sentence in (
        ("/page", "This is no Bull Board at"),
        ("/nothing", "This is no Bull Board at"),
        ("/login", "sends us to /sign-in"),
    ):
        table = board.table(url=f"{board.origin}{path}")
        async with sources.build("bullboard", table)[0] as source:
            with pytest.raises(errors.SourceError) as caught:
                await source.sample()
        assert sentence in str(caught.value)
