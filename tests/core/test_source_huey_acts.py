"""What the source `huey` does to jobs, queues and schedules, beyond what every action keeps."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import huey
import pytest

from mrcore import errors, redact, scheduler, sources
from mrcore.journal import ghosts, keys, scripts
from mrcore.model import base, plans, queue, ref
from mrcore.queues import truth
from mrcore.sources import base as source_base
from mrcore.sources.huey import restarting
from tests import waiting
from tests.contract import huey_deeds
from tests.core import journals

QUEUE = "huey/queue/emailQueue"
ASHA = plans.By(login="asha", reason="poison")
NEXT = ASHA.model_copy(update={"operation": 1})
DAY_MS = 24 * 3_600_000


@pytest.fixture
def desk(redis_url: str) -> Iterator[journals.Desk]:
    with journals.desk(redis_url) as made:

        @made.huey.task(name="send")
        def send(to: str, *, token: str = "", fail: bool = False) -> None:
            if fail:
                raise OSError("535 refused")

        made.send = send  # type: ignore[attr-defined]
        yield made


@contextlib.asynccontextmanager
async def opened(url: str, **more: Any) -> AsyncIterator[source_base.Source]:
    async with sources.build("huey", {"url": url, **more})[0] as source:
        await source.sample()
        yield source


async def plan(
    source: source_base.Source, action: str, *refs: base.Ref, **selection: Any
) -> tuple[list[plans.Target], list[str]]:
    """Targets, and what else the plan says."""
    targets, said = [], []
    chosen = plans.Selection(refs=refs, **selection)
    async for part in source.plan(action, chosen, {}, lambda looked, total: None):
        if isinstance(part, plans.Target):
            targets.append(part)
        else:
            said.append(part.text if isinstance(part, plans.Remark) else part.why)
    return targets, said


async def act(source: source_base.Source, action: str, *refs: base.Ref) -> list[plans.Undoable]:
    """Plan and apply; all must be done."""
    targets, _ = await plan(source, action, *refs)
    outcomes = await source.apply(action, targets, {}, ASHA)
    assert [o.outcome for o in outcomes] == [plans.Outcome.DONE] * len(refs), outcomes
    return [
        plans.Undoable(target=target, memento=outcome.memento or {})
        for target, outcome in zip(targets, outcomes, strict=True)
    ]


async def undo(
    source: source_base.Source,
    action: str,
    done: list[plans.Undoable],
    meanwhile: Callable[[], object] = lambda: None,
) -> tuple[list[plans.TargetOutcome], list[str]]:
    """Plan and, after what happens `meanwhile`, do it; the outcomes, and what the plan says."""
    mementos = {one.target.ref: one.memento for one in done}
    chunk, said = [], []
    async for part in source.plan_undo(action, done):
        if isinstance(part, plans.Target):
            chunk.append(plans.Undoable(target=part, memento=mementos[part.ref]))
        else:
            said.append(part.text if isinstance(part, plans.Remark) else part.why)
    meanwhile()
    return list(await source.undo(action, chunk, ASHA)), said


def job_ref(job_id: str) -> base.Ref:
    return ref.make("huey", "job", "emailQueue", job_id)


async def only_queue(source: source_base.Source) -> queue.Queue:
    (found,) = [e for e in (await source.sample()).entities if isinstance(e, queue.Queue)]
    return found


async def test_plans_are_made_while_writes_are_held_up(redis_url: str, desk: Any) -> None:
    job = desk.send("asha")
    async with opened(redis_url) as source:
        desk.conn.client_pause(60_000, all=False)
        try:
            targets, _ = await plan(source, "job.remove", job_ref(job.id))
        finally:
            desk.conn.client_unpause()
    assert [target.ref for target in targets] == [job_ref(job.id)]


# -- remove


async def test_a_removed_job_goes_back_to_its_number_in_the_queue(
    redis_url: str, desk: Any
) -> None:
    jobs = [desk.send(f"a{n}") for n in range(5)]
    before = desk.conn.dump(desk.journal.place.waiting)
    async with opened(redis_url) as source:
        refs = [job_ref(job.id) for job in jobs]
        for removed in ([2], [0], [4], [1, 3], [0, 1, 2, 3, 4]):
            done = await act(source, "job.remove", *(refs[n] for n in removed))
            assert desk.queued() == 5 - len(removed)
            outcomes, said = await undo(source, "job.remove", done[::-1])
            assert {o.why for o in outcomes} == {"It is back: in the queue, where its age puts it."}
            assert said == ["waiting jobs go back to where their age puts them in the queue"]
            assert desk.conn.dump(desk.journal.place.waiting) == before
        done = await act(source, "job.remove", refs[2])
        desk.journal.run(desk.journal.claim())
        desk.send("late")
        await undo(source, "job.remove", done)
        assert [desk.journal.claim().id for _ in range(4)] == [j.id for j in jobs[1:]]


async def test_what_is_removed_stays_in_redis_for_a_day(redis_url: str, desk: Any) -> None:
    failed, waits = desk.send("a", token="t0psecret", fail=True), None
    desk.run_all()
    waits = desk.send("b", token="t0psecret")
    async with opened(redis_url) as source:
        _, said = await plan(source, "job.remove", job_ref(failed.id), job_ref(waits.id))
        assert said == ["1 job has not run yet, and will not"]
        done = await act(source, "job.remove", job_ref(failed.id), job_ref(waits.id))
        assert "t0psecret" not in json.dumps([one.memento for one in done])
        assert "gASV" not in json.dumps([one.memento for one in done])
        trash = list(desk.conn.scan_iter(match="mr:journal:emailQueue:trash:*"))
        assert len(trash) == 3, "two hashes, and the message of the one that waited"
        assert all(DAY_MS - 60_000 < desk.conn.pttl(key) <= DAY_MS for key in trash)
        assert not list(desk.conn.scan_iter(match="mr:journal:emailQueue:job:*"))
        assert desk.run_all() == []
        desk.conn.delete(*trash)
        outcomes, said = await undo(source, "job.remove", done)
        assert outcomes == []
        assert said == ["It is not kept any more: the trash is emptied after 24 h."]


async def test_a_running_job_is_left_out(redis_url: str, desk: Any) -> None:
    job = desk.send("a")
    claim = desk.journal.claim()
    async with opened(redis_url) as source:
        for action in ("job.remove", "job.quarantine"):
            assert await plan(source, action, job_ref(job.id)) == ([], ["It is running."])
        page = await source.page(QUEUE, "jobs", plans.Query(state="active"), None, 0)
        assert page.rows[0].actions == ("job.reveal",)
    desk.journal.run(claim)


async def test_a_job_that_a_worker_is_taking_is_skipped(redis_url: str, desk: Any) -> None:
    """Its message is in a worker's hands before the journal says so."""
    job = desk.send("a")
    async with opened(redis_url) as source:
        targets, _ = await plan(source, "job.remove", job_ref(job.id))
        hands = desk.keys.hands("somebody")
        desk.conn.lmove(desk.journal.place.waiting, hands, "RIGHT", "LEFT")
        (outcome,) = await source.apply("job.remove", targets, {}, ASHA)
        assert outcome.outcome is plans.Outcome.SKIPPED
        assert outcome.why == "It has moved on: a worker is taking it."
        assert desk.job(job.id).state == "waiting"


async def test_messages_that_hide_their_id_are_found(redis_url: str) -> None:
    """Compressed ones, and a job whose argument is another job's id."""
    with journals.desk(redis_url, "zipped") as desk:
        desk.huey.serializer.comp = True
        note = desk.huey.task(name="note")(lambda of: None)
        wanted = note("x")
        other = note(wanted.id)
        async with opened(redis_url) as source:
            await act(source, "job.remove", ref.make("huey", "job", "zipped", wanted.id))
            assert desk.ids("waiting") == [other.id]
            assert desk.queued() == 1
            desk.run_all()
            assert desk.job(other.id).state == "completed"


_CROWD = """
for n = 1, tonumber(ARGV[1]) do
  local id = string.format('%08d-%s', n, ARGV[4])
  redis.call(ARGV[4], KEYS[1], ARGV[2] .. id .. ARGV[3])
  redis.call('ZADD', KEYS[2], ARGV[4] == 'LPUSH' and 4e9 + n or n, id)
end
"""


def crowd(desk: Any, push: str, count: int) -> None:
    """Many other waiting jobs: RPUSH those that came before all, LPUSH those that came after."""
    message = desk.huey.serialize_task(desk.send.s("x", id=f"00000000-{push}"))
    head, tail = message.split(f"00000000-{push}".encode())
    names = (desk.journal.place.waiting, desk.keys.state("waiting"))
    desk.conn.eval(_CROWD, 2, *names, count, head, tail, push)


def _is(desk: Any, at: int, of: base.Ref) -> bool:
    return of.rpartition("/")[2].encode() in desk.conn.lindex(desk.journal.place.waiting, at)


async def test_redis_is_not_held_up_by_what_lies_deep(redis_url: str, desk: Any) -> None:
    """It is not taken out; what is put back so deep is taken next, and it is said."""
    near, deep, removed = (job_ref(desk.send(name).id) for name in ("near", "deep", "removed"))
    async with opened(redis_url) as source:
        done = await act(source, "job.remove", removed)
        held = await act(source, "job.quarantine", near)
        crowd(desk, "RPUSH", 700)
        outcomes, _ = await undo(source, "job.quarantine", held)
        assert outcomes[0].why == "It is back: in the queue, where its age puts it."
        assert near.rpartition("/")[2].encode() in desk.conn.lindex(
            desk.journal.place.waiting, -701
        )
        for push in ("LPUSH", "RPUSH"):
            crowd(desk, push, 151_000)
        targets, _ = await plan(source, "job.remove", deep)
        (outcome,) = await source.apply("job.remove", targets, {}, ASHA)
        assert (outcome.outcome, outcome.memento) == (plans.Outcome.FAILED, None)
        assert outcome.why.startswith("It lies over 100,000 deep in the queue: ")
        at = next(n for n in (-151_702, -151_701) if _is(desk, n, deep))
        message = desk.conn.lindex(desk.journal.place.waiting, at)
        facts = [str(targets[0].guard[name]) for name in ("state", "attempts", "since")]
        rest = (*facts, "trash", DAY_MS, message, -1)
        job_id = deep.rpartition("/")[2]
        reply = scripts.call(desk.conn, "remove", desk.journal.place, job_id, 1.0, *rest)
        assert reply[0] == b"taken", "nor does the script look for it"
        outcomes, _ = await undo(source, "job.remove", done)
        said = "It is back, to be taken next: its place is too deep to find."
        assert [(o.outcome, o.why) for o in outcomes] == [(plans.Outcome.DONE, said)]
        last = desk.conn.lindex(desk.journal.place.waiting, -1)
        assert removed.rpartition("/")[2].encode() in last


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("state", ["waiting", "delayed"])
async def test_a_job_of_any_size_can_be_moved(redis_url: str, state: str, packed: bool) -> None:
    """The reader looks into no message over 64 KiB; whose it is stands at its beginning."""
    with journals.desk(redis_url, "large") as desk:
        desk.huey.serializer.comp = packed
        ran = []
        task = desk.huey.task(name="work")(lambda text: ran.append(len(text)))
        texts = ("small", "x" * 200_000)
        if state == "waiting":
            jobs = [task(text) for text in texts]
        else:
            jobs = [task.schedule((text,), delay=1_000) for text in texts]
            desk.run_all()
        large = ref.make("huey", "job", "large", jobs[1].id)
        async with opened(redis_url) as source:
            for action in ("job.remove", "job.quarantine"):
                done = await act(source, action, large)
                assert desk.ids(state) == [jobs[0].id]
                outcomes, _ = await undo(source, action, done)
                assert outcomes[0].outcome is plans.Outcome.DONE
                assert desk.ids(state) == [job.id for job in jobs]
        desk.run_all()
        assert sorted(ran) == ([5, 200_000] if state == "waiting" else [])


async def test_a_message_that_cannot_be_read_is_not_said_to_be_taken(
    redis_url: str, desk: Any
) -> None:
    job = desk.send("a")
    async with opened(redis_url) as source:
        targets, _ = await plan(source, "job.remove", job_ref(job.id))
        desk.conn.lset(desk.journal.place.waiting, 0, b"signed, or of another serializer")
        (outcome,) = await source.apply("job.remove", targets, {}, ASHA)
        assert outcome.outcome is plans.Outcome.SKIPPED
        assert outcome.why == (
            "Its message is not found: a worker is taking it, or it is one that cannot be read."
        )


async def test_jobs_of_producers_that_are_not_watched_are_left_out_and_counted(
    redis_url: str, desk: Any
) -> None:
    plain = huey.RedisHuey("emailQueue", connection_pool=desk.pool)
    task = plain.task(name="send")(lambda *to: None)
    strangers = [task(n) for n in range(5)]
    plain.add_schedule(task.s(5, eta=datetime(2036, 1, 1)))  # noqa: DTZ001
    known = desk.send("a")
    async with opened(redis_url) as source:
        whole = {"ref": QUEUE, "collection": "jobs"}
        for query, count in (
            (plans.Query(), 6),
            (plans.Query(state="waiting"), 5),
            (plans.Query(state="delayed"), 1),
            (plans.Query(state="failed"), 0),
        ):
            chosen = plans.Selection(**whole, query=query)
            parts = [p async for p in source.plan("job.remove", chosen, {}, lambda *at: None)]
            left = [(p.why, p.count) for p in parts if isinstance(p, plans.LeftOut)]
            why = "It is not in the journal: its producer is not watched."
            assert left == ([(why, count)] if count else [])
        unknown = "The journal does not have it: it is gone, or its producer is not watched."
        targets, said = await plan(source, "job.remove", **whole, query=plans.Query(text="send"))
        assert [target.ref for target in targets] == [job_ref(known.id)]
        assert said == [unknown, "1 job has not run yet, and will not"]
        assert await plan(source, "job.remove", job_ref(strangers[0].id)) == ([], [unknown])
        plain.flush()
        gone = "It is gone: removed, or trimmed by retention."
        assert await plan(source, "job.remove", job_ref(strangers[0].id)) == ([], [gone])


# -- quarantine


async def test_a_quarantined_job_is_kept_apart_and_says_why(redis_url: str, desk: Any) -> None:
    job = desk.send("a")
    async with opened(redis_url) as source:
        _, said = await plan(source, "job.quarantine", job_ref(job.id))
        assert said == ["1 job has not run yet, and will not before a release"]
        await act(source, "job.quarantine", job_ref(job.id))
        assert desk.run_all() == []
        found = await only_queue(source)
        assert (found.counts.quarantined, found.counts.waiting) == (1, 0)
        page = await source.page(QUEUE, "jobs", plans.Query(state="quarantined"), None, 0)
        (row,) = page.rows
        assert isinstance(row, queue.Job)
        assert row.actions == ("job.remove", "job.release", "job.reveal")
        assert (row.quarantined_by, row.quarantined_why) == ("asha", "poison")
        assert row.quarantined_at is not None
        assert row.verdict.why == "Quarantined by asha (poison); it was waiting."
        assert desk.conn.ttl(desk.keys.quarantine(job.id)) == -1
        (fields, *_) = (await source.detail(row.ref)).sections
        assert [f.value for f in fields.fields[1:]] == ["asha", "poison"]
        await act(source, "job.release", row.ref)
        assert [ended.state for ended in desk.run_all()] == ["completed"]


async def test_a_released_failure_runs_again(redis_url: str, desk: Any) -> None:
    job = desk.send("a", fail=True)
    desk.run_all()
    async with opened(redis_url) as source:
        await act(source, "job.quarantine", job_ref(job.id))
        await act(source, "job.release", job_ref(job.id))
        assert desk.job(job.id).state == "waiting"
        assert desk.job(job.id).max_attempts == 2
        assert not desk.conn.exists(desk.keys.quarantine(job.id))
        desk.run_all()
        assert desk.job(job.id).attempts == 2


@pytest.mark.parametrize("way", ["waits", "is delayed", "is in dead hands"])
async def test_another_message_of_a_quarantined_job_does_not_run(
    redis_url: str, desk: Any, way: str
) -> None:
    """Its id was enqueued twice: the quarantine holds for both."""
    ran = []
    task = desk.huey.task(name="once")(ran.append)
    other = task.s(2, id="twice")
    if way == "is delayed":
        desk.huey.add_schedule(task.s(2, id="twice", eta=datetime(2026, 1, 1)))  # noqa: DTZ001
    else:
        desk.huey.enqueue(other)
    hands = desk.keys.hands("dead")
    if way == "is in dead hands":
        desk.conn.lmove(desk.journal.place.waiting, hands, "RIGHT", "LEFT")
    desk.huey.enqueue(task.s(1, id="twice"))
    late = desk.send("behind it")
    async with opened(redis_url) as source:
        done = await act(source, "job.quarantine", job_ref("twice"))
        before = desk.conn.hgetall(desk.keys.quarantine("twice"))
        ghosts.recover(desk.conn, desk.keys.root, "dead", now=source_base.utc_now)
        desk.journal.move_due()
        assert [ended.state for ended in desk.run_all()] == ["completed"], "what is behind it"
        assert desk.job(late.id).state == "completed"
        assert (ran, desk.queued(), desk.conn.llen(hands)) == ([], 0, 0)
        assert desk.job("twice").state == "quarantined"
        assert before.items() <= desk.conn.hgetall(desk.keys.quarantine("twice")).items()
        outcomes, _ = await undo(source, "job.quarantine", done)
        assert outcomes[0].outcome is plans.Outcome.DONE
        assert desk.queued() == 2
        await act(source, "job.quarantine", job_ref("twice"))
        desk.run_all()
        await act(source, "job.release", job_ref("twice"))
        desk.run_all()
        assert sorted(ran) == [1, 2]


@pytest.mark.parametrize("action", ["queue.retry", "job.remove", "job.quarantine", "job.release"])
async def test_another_attempt_alone_is_enough_to_be_skipped(
    redis_url: str, desk: Any, action: str
) -> None:
    """In its state since the same microsecond, as one may be that failed again at once."""
    job = desk.send("a", fail=True)
    desk.run_all()
    async with opened(redis_url) as source:
        if action == "job.release":
            await act(source, "job.quarantine", job_ref(job.id))
        targets, _ = await plan(source, action, job_ref(job.id))
        desk.conn.hincrby(desk.keys.job(job.id), "attempts", 1)
        state = desk.job(job.id).state
        (outcome,) = await source.apply(action, targets, {}, ASHA)
        assert outcome.outcome is plans.Outcome.SKIPPED
        assert outcome.why == f"It has moved on: attempt 1 → 2, {state}."
        assert desk.job(job.id).state == state


async def test_an_undo_lets_be_what_moved_on_after_its_plan(redis_url: str, desk: Any) -> None:
    """A job that is there again, one that was released, and one that has run."""
    every, now = timedelta(hours=1), source_base.utc_now
    declared = [scheduler.Declared("digest", "emailQueue", "send", every, args=("all",))]
    scheduler.Scheduler({"emailQueue": desk.huey}, declared, owner="s", now=now).tick()
    desk.run_all()
    job = desk.send("a")
    of = job_ref(job.id)

    def enqueue() -> None:
        desk.huey.enqueue(desk.send.s("another", id=job.id))

    def requarantine() -> None:
        desk.conn.zadd(desk.keys.state("quarantined"), {job.id: 1_000})

    async with opened(redis_url) as source:
        for action, meanwhile, why in (
            ("job.remove", enqueue, "There is another job of this id now: it is waiting."),
            ("job.quarantine", requarantine, "It has moved on: it is quarantined."),
        ):
            done = await act(source, action, of)
            (outcome,), _ = await undo(source, action, done, meanwhile)
            assert (outcome.outcome, outcome.why) == (plans.Outcome.SKIPPED, why)
        assert desk.job(job.id).payload == {"args": ["another"], "kwargs": {}}
        assert (desk.job(job.id).state, desk.queued()) == ("quarantined", 0)
        done = await act(source, "schedule.run", "huey/schedule/digest")

        def come_again() -> None:
            desk.conn.zincrby(desk.keys.state("waiting"), 1, str(done[0].memento["job"]))

        (outcome,), _ = await undo(source, "schedule.run", done, come_again)
        why = "Its job has moved on: it is waiting."
        assert (outcome.outcome, outcome.why) == (plans.Outcome.SKIPPED, why)
        assert desk.queued() == 1


# -- pause


async def test_nothing_is_claimed_while_a_queue_is_paused(redis_url: str, desk: Any) -> None:
    """By a consumer that waits already, through the schedule, or by one that asks again."""
    claims: list[Any] = []
    waits = threading.Thread(target=lambda: claims.append(desk.journal.claim(timeout_s=2.0)))
    async with opened(redis_url) as source:
        later = desk.send.schedule(("b",), delay=1_000)
        assert desk.run_all() == []
        assert desk.ids("delayed") == [later.id]
        waits.start()
        await waiting.until(lambda: desk.conn.info("clients")["blocked_clients"])
        done = await act(source, "queue.pause", QUEUE)
        first = desk.send("a")
        waits.join(20)
        assert claims == [None]
        moved = desk.journal.move_due(datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1))
        assert moved == 1
        assert desk.journal.claim() is None
        assert desk.job(first.id).attempts == desk.job(later.id).attempts == 0
        assert desk.queued() == 2
        found = await only_queue(source)
        assert found.actions == ("queue.resume", "queue.clean", "queue.drain")
        assert (found.paused_by, found.paused_why) == ("asha", "poison")
        assert float(desk.conn.get(desk.keys.paused)) == found.paused_since.timestamp()
        outcomes, _ = await undo(source, "queue.pause", done)
        assert outcomes[0].outcome is plans.Outcome.DONE
        assert (await only_queue(source)).actions == ("queue.pause", "queue.clean", "queue.drain")
        desk.run_all()
        assert desk.ids("completed") == [first.id]


async def test_a_pause_says_what_it_causes(
    redis_url: str, desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truth, "KNOWN_S", 1e-6)
    desk.send("a")
    async with opened(redis_url) as source:
        desk.send("b")
        await source.sample()
        _, (cause,) = await plan(source, "queue.pause", QUEUE)
        assert cause.startswith("2 waiting stay waiting; ")
        assert cause.endswith("/s come in; what runs ends")
        await act(source, "queue.pause", QUEUE)
        assert (await plan(source, "queue.resume", QUEUE))[1] == [
            "2 waiting start as workers are free"
        ]
        _, (why,) = await plan(source, "queue.pause", QUEUE)
        assert why.startswith("It is paused by asha, since ")


async def test_only_the_very_pause_is_undone(redis_url: str, desk: Any) -> None:
    desk.send("a")
    async with opened(redis_url) as source:
        done = await act(source, "queue.pause", QUEUE)
        await act(source, "queue.resume", QUEUE)
        await act(source, "queue.pause", QUEUE)
        assert await undo(source, "queue.pause", done) == ([], ["That pause is over."])
        assert (await only_queue(source)).paused_since is not None


# -- schedules


async def test_a_run_by_hand_does_not_move_the_schedule(redis_url: str, desk: Any) -> None:
    clock = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    every = timedelta(hours=1)
    declared = [scheduler.Declared("digest", "emailQueue", "send", every, args=("all",))]
    one = scheduler.Scheduler({"emailQueue": desk.huey}, declared, owner="s", now=lambda: clock)
    one.tick()
    key = keys.schedule("digest")
    before = desk.conn.hgetall(key)
    async with opened(redis_url) as source:
        targets, said = await plan(source, "schedule.run", "huey/schedule/digest")
        assert said == ["digest is also due by itself: 13:00:00 UTC"]
        done = await act(source, "schedule.run", "huey/schedule/digest")
        assert desk.queued() == 2
        (again,) = await source.apply("schedule.run", targets, {}, NEXT)
        assert again.outcome is plans.Outcome.SKIPPED
        assert again.why.startswith("It has moved on: enqueued again ")
        changed = {k for k, v in desk.conn.hgetall(key).items() if before[k] != v}
        assert changed == {b"last_enqueued_at"}
        assert len(desk.run_all()) == 2
        assert b"last_succeeded_at" in desk.conn.hgetall(key)
        assert desk.job(str(done[0].memento["job"])).payload == {"args": ["all"], "kwargs": {}}
        job = done[0].memento["job"]
        outcomes, said = await undo(source, "schedule.run", done)
        assert (outcomes, said) == ([], ["Its job does not wait any more: it is completed."]), job
        clock += every
        assert one.tick() == 1


async def test_a_withdrawn_schedule_is_not_run(redis_url: str, desk: Any) -> None:
    every, of = timedelta(hours=1), "huey/schedule/digest"
    now = source_base.utc_now

    def declare(*names: str) -> None:
        declared = [scheduler.Declared(name, "emailQueue", "send", every) for name in names]
        one = scheduler.Scheduler({"emailQueue": desk.huey}, declared, owner="s", now=now)
        one.tick()
        one.release()

    declare("digest")
    ran = desk.queued()
    async with opened(redis_url) as source:
        targets, _ = await plan(source, "schedule.run", of)
        facts = desk.conn.hgetall(keys.schedule("digest"))
        declare("other")
        (outcome,) = await source.apply("schedule.run", targets, {}, ASHA)
        why = "It has moved on: There is no such schedule (any more)."
        assert (outcome.outcome, outcome.why) == (plans.Outcome.SKIPPED, why)
        assert await plan(source, "schedule.run", of) == (
            [], ["There is no such schedule (any more)."]
        )  # fmt: skip
        assert 0 < desk.conn.ttl(keys.schedule("digest")) <= scheduler.FORGOTTEN_S
        declare("digest", "other")
        assert desk.queued() == ran + 1, "only `other` ran, once"
        assert desk.conn.ttl(keys.schedule("digest")) == -1
        assert desk.conn.hgetall(keys.schedule("digest")) == facts
        at = scripts.Place(desk.keys, desk.journal.place.waiting, desk.journal.place.schedule)
        where = (b"m", keys.schedule("digest"), "", keys.SCHEDULES, "withdrawn meanwhile")
        assert scripts.call(desk.conn, "run", at, "id", 1.0, *where) == [b"gone", b""]


async def test_a_run_by_hand_that_is_undone_leaves_no_trace(redis_url: str, desk: Any) -> None:
    every = timedelta(hours=1)
    declared = [scheduler.Declared("digest", "emailQueue", "send", every)]
    now = source_base.utc_now
    scheduler.Scheduler({"emailQueue": desk.huey}, declared, owner="s", now=now).tick()
    before = desk.conn.hgetall(desk.keys.stats)
    async with opened(redis_url) as source:
        await act(source, "queue.pause", QUEUE)
        done = await act(source, "schedule.run", "huey/schedule/digest")
        _, (paused, due) = await plan(source, "schedule.run", "huey/schedule/digest")
        assert paused == "emailQueue is paused: the job waits until it is resumed"
        assert due.startswith("digest is also due by itself: ")
        outcomes, _ = await undo(source, "schedule.run", done)
        assert outcomes[0].outcome is plans.Outcome.DONE
        assert desk.conn.hgetall(desk.keys.stats) == before


async def test_a_schedule_whose_messages_cannot_be_made_is_not_offered(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:
        desk.huey.serializer.comp = True
        desk.huey.task(name="send")(lambda: None)
        every = timedelta(hours=1)
        declared = [scheduler.Declared("digest", "emailQueue", "send", every)]
        now = source_base.utc_now
        scheduler.Scheduler({"emailQueue": desk.huey}, declared, owner="s", now=now).tick()
        async with opened(redis_url) as source:
            of = "huey/schedule/digest"
            (row,) = [e for e in (await source.sample()).entities if e.ref == of]
            assert row.actions == ("schedule.remove",)
            _, (why,) = await plan(source, "schedule.run", of)
            assert why.startswith("Its scheduler does not publish the job's message")


# -- the rest


async def test_a_job_is_revealed_whole(redis_url: str, desk: Any) -> None:
    job = desk.send("a", token="t0psecret", fail=True)
    desk.run_all()
    async with opened(redis_url) as source:
        assert "t0psecret" not in (await source.detail(job_ref(job.id))).model_dump_json()
        detail = await source.reveal(job_ref(job.id))
        data = next(section.data for section in detail.sections if section.id == "payload")
        assert data == {"args": ["a"], "kwargs": {"token": "t0psecret", "fail": True}}


async def test_a_large_selection_streams_in_its_order_with_equal_scores(
    redis_url: str, desk: Any
) -> None:
    """More jobs than a portion have one score: none is left out, none comes twice."""
    pipe = desk.conn.pipeline(transaction=False)
    desk.send("x")
    desk.run_all()
    for n in range(1_700):
        facts = {"task": "a.send", "state": "failed", "attempts": 1, "message": b"m"}
        pipe.hset(desk.keys.job(f"j{n:04}"), mapping=facts)
        pipe.zadd(desk.keys.state("failed"), {f"j{n:04}": 1_000 if n < 1_300 else 2_000 + n})
    pipe.execute()
    async with opened(redis_url) as source:
        for order in ("newest", "oldest"):
            refs, looked = await streamed(source, plans.Query(state="failed", order=order))  # type: ignore[arg-type]
            assert len(refs) == len(set(refs)) == 1_700
            assert refs == sorted(refs, reverse=order == "newest")
            steps = [b - a for a, b in zip([0, *looked], looked, strict=False)]
            assert max(steps) <= 300
            assert looked[-1] == 1_700


async def streamed(
    source: source_base.Source, query: plans.Query
) -> tuple[list[base.Ref], list[int]]:
    """The refs of a plan for the whole selection, and what its progress said."""
    looked: list[int] = []

    def progress(done: int, total: int | None) -> None:
        assert total == 1_700
        looked.append(done)

    chosen = plans.Selection(ref=QUEUE, collection="jobs", query=query)
    parts = [part async for part in source.plan("queue.retry", chosen, {}, progress)]
    assert all(isinstance(part, plans.Target) for part in parts)
    return [part.ref for part in parts if isinstance(part, plans.Target)], looked


async def test_workers_are_restarted_by_the_unit_of_the_settings(
    redis_url: str, tmp_path: Path
) -> None:
    script, told = tmp_path / "restart", tmp_path / "told"
    script.write_text(f"#!/bin/sh\ntouch {told}\n")
    script.chmod(0o755)
    table = {
        "adapter": "script",
        "argv": [str(script)],
        "sha256": hashlib.sha256(script.read_bytes()).hexdigest(),
        "pid_file": str(tmp_path / "pid"),
    }
    crew = huey_deeds.Crew(redis_url, "emailQueue")
    of = ref.make("huey", "worker", crew.name)
    watching = threading.Event()

    def supervise() -> None:
        while not told.exists() and not watching.wait(0.02):
            pass
        crew.end()

    thread = threading.Thread(target=supervise)
    try:
        async with opened(redis_url, restart=table) as source:
            (row,) = [e for e in (await source.sample()).entities if e.ref == of]
            assert row.actions == ("worker.restart",)
            targets, _ = await plan(source, "worker.restart", of)
            thread.start()
            (outcome,) = await source.apply("worker.restart", targets, {}, ASHA)
            assert outcome.outcome is plans.Outcome.DONE, outcome.why
            assert outcome.why == f"{crew.name} has begun in its place."
            (again,) = await source.apply("worker.restart", targets, {}, ASHA)
            assert again.outcome is plans.Outcome.SKIPPED
            script.write_text("#!/bin/sh\nexit 0\n")
            fresh, _ = await plan(source, "worker.restart", ref.make("huey", "worker", crew.name))
            (refused,) = await source.apply("worker.restart", fresh, {}, ASHA)
            assert refused.outcome is plans.Outcome.FAILED
    finally:
        watching.set()
        thread.join(20)
        crew.close()


def staff(conn: Any, name: str, *, busy: int = 0, started_at: float = 1_000.0) -> base.Ref:
    """A worker as it writes itself down, on a host whose clock is far behind."""
    root = keys.Root()
    facts = {"host": "far", "pid": ord(name), "queues": ["emailQueue"], "started_at": started_at}
    more = {"last_seen_at": 1_000.0, "supervised": True, "busy": [["emailQueue", "j"]] * busy}
    conn.hset(root.workers, name, json.dumps({**facts, **more}))
    conn.set(root.alive(name), "1", px=600_000)
    return ref.make("huey", "worker", name)


def left(conn: Any, *names: str) -> None:
    root = keys.Root()
    for name in names:
        conn.hdel(root.workers, name)
        conn.delete(root.alive(name))


async def test_one_successor_is_of_one_worker(
    redis_url: str, desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarting, "BACK_S", 2.0)
    monkeypatch.setattr(restarting, "LOOK_S", 0.02)
    two = [staff(desk.conn, name) for name in "AB"]
    async with opened(redis_url) as source:
        targets, _ = await plan(source, "worker.restart", *two)
        restart = asyncio.create_task(source.apply("worker.restart", targets, {}, ASHA))
        wishes = [keys.Root().restart(name) for name in "AB"]
        await waiting.until(lambda: desk.conn.exists(*wishes) == 2)
        left(desk.conn, *"AB")
        staff(desk.conn, "C", started_at=1_001.0)
        outcomes = sorted((o.outcome.value, o.why) for o in await restart)
        assert outcomes == [
            ("done", "C has begun in its place."),
            ("failed", "It was told to end, and no worker has begun in its place within 2 s."),
        ]


async def test_a_unit_that_restarts_all_workers_is_restarted_once_and_says_so(
    redis_url: str, desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarting, "LOOK_S", 0.02)
    script, told = tmp_path / "restart", tmp_path / "told"
    script.write_text(f"#!/bin/sh\necho all >> {told}\n")
    script.chmod(0o755)
    table = {
        "adapter": "script",
        "argv": [str(script)],
        "sha256": hashlib.sha256(script.read_bytes()).hexdigest(),
        "pid_file": str(tmp_path / "pid"),
    }
    refs = [staff(desk.conn, name, busy=busy) for name, busy in zip("ABC", (0, 5, 2), strict=True)]
    async with opened(redis_url, restart=table) as source:
        cut_off = "7 jobs are running: what does not end in time is cut off and runs again"
        _, (warning,) = await plan(source, "worker.restart", refs[0])
        assert warning == f"restarts all 3 workers of this source: {cut_off}"
        targets, said = await plan(source, "worker.restart", *refs)
        assert said == [cut_off]
        restart = asyncio.create_task(source.apply("worker.restart", targets, {}, ASHA))
        await waiting.until(told.exists)
        left(desk.conn, *"ABC")
        for name in "DEF":
            staff(desk.conn, name, started_at=1_001.0)
        assert {o.outcome for o in await restart} == {plans.Outcome.DONE}
        assert told.read_text() == "all\n"


async def test_a_worker_that_nobody_starts_again_is_not_offered(redis_url: str, desk: Any) -> None:
    desk.send("a")
    desk.run_all()
    async with opened(redis_url) as source:
        (row,) = [e for e in (await source.sample()).entities if isinstance(e, queue.Worker)]
        assert row.actions == ()
        _, (why,) = await plan(source, "worker.restart", row.ref)
        assert why.startswith("Nobody would start it again")
        with pytest.raises(errors.Unsupported):
            await undo(source, "worker.restart", [])


@pytest.mark.usefixtures("redaction_key")
async def test_labels_hide_what_ids_tell_of_people(redis_url: str, desk: Any) -> None:
    own = desk.send("a").id
    desk.huey.enqueue(desk.send.s("a", id="welcome-ravi.kumar@example.com"))
    async with opened(redis_url) as source:
        targets, _ = await plan(source, "job.remove", ref=QUEUE, collection="jobs")
        labels = {target.label for target in targets}
        assert labels == {f"send {own}", f"send {redact.label('welcome-ravi.kumar@example.com')}"}
        assert "ravi" not in "".join(labels)


async def test_a_release_says_what_runs_again_and_leaves_what_has_expired(
    redis_url: str, desk: Any
) -> None:
    @desk.huey.task(name="otp", retries=0)
    def otp(expires_at: str) -> None:
        raise OSError("535 refused")

    past = "2020-01-01T00:00:00+00:00"
    jobs = [desk.send("a", fail=True).id, otp(expires_at=past).id]
    desk.run_all()
    refs = [job_ref(job_id) for job_id in jobs]
    async with opened(redis_url) as source:
        for of in refs:
            await act(source, "job.quarantine", of)
        selection = plans.Selection(refs=tuple(refs))
        parts = [p async for p in source.plan("job.release", selection, {}, lambda n, total: None)]
    (target,) = (part for part in parts if isinstance(part, plans.Target))
    attempts = target.guard["attempts"]
    assert isinstance(attempts, int)
    assert target.note == f"runs again now (attempt {attempts} → {attempts + 1})"
    (left,) = (part for part in parts if isinstance(part, plans.LeftOut))
    assert left.why.startswith("Its code has expired")
    warned = [p.text for p in parts if isinstance(p, plans.Remark) and p.level == "warn"]
    assert warned == ["1 job that failed will run again now"]
