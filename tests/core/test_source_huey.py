"""The source `huey`, on real queues: with a journal, without one, and with what attacks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pickle
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import huey
import pytest
import redis
from huey.registry import Message

from mrcore import errors, redact, settings, sources
from mrcore.journal import keys
from mrcore.model import base, plans, queue, ref, wire
from mrcore.sources import base as source_base
from mrcore.sources import honest
from tests import servers, waiting
from tests.core import journals

QUEUE = "huey/queue/emailQueue"
FAILED = plans.Query(state="failed")


@pytest.fixture
def desk(redis_url: str) -> Iterator[journals.Desk]:
    with journals.desk(redis_url, keep_completed=200, keep_failed=500) as made:

        @made.huey.task(name="sendOtp", retries=0)
        def send(to: str, *, otp: str = "", fail: bool = False) -> dict[str, str]:
            if fail:
                raise OSError(f"535 BadCredentials for {to} (otp={otp})")
            return {"sent": to, "token": "t0ken"}

        made.send = send  # type: ignore[attr-defined]
        yield made


@contextlib.asynccontextmanager
async def opened(url: str, **more: Any) -> AsyncIterator[source_base.Source]:
    async with sources.build("huey", {"url": url, **more})[0] as source:
        yield source


def of_kind(sample: wire.Sample, kind: type[Any]) -> list[Any]:
    return [entity for entity in sample.entities if isinstance(entity, kind)]


async def one_queue(source: source_base.Source, name: str = "emailQueue") -> queue.Queue:
    sample = await source.sample()
    assert honest.check("huey", sample, source_base.utc_now()) is sample
    return next(q for q in of_kind(sample, queue.Queue) if q.name == name)


async def rows(source: source_base.Source, **query: Any) -> list[queue.Job]:
    found: list[queue.Job] = []
    cursor = None
    while True:
        page = await source.page(QUEUE, "jobs", plans.Query(**query), cursor, 0)
        found += [row for row in page.rows if isinstance(row, queue.Job)]
        if (cursor := page.cursor) is None:
            return found


async def planned(
    source: source_base.Source, **selection: Any
) -> tuple[list[plans.Target], list[plans.LeftOut]]:
    targets, left = [], []
    async for one in source.plan(
        "queue.retry", plans.Selection(**selection), {}, lambda looked, total: None
    ):
        (targets if isinstance(one, plans.Target) else left).append(one)  # type: ignore[arg-type]
    return targets, left  # type: ignore[return-value]


async def test_the_live_set(redis_url: str, desk: Any) -> None:
    ids = [desk.send(f"a{n}", fail=n == 0).id for n in range(5)]
    for _ in range(2):
        desk.journal.run(desk.journal.claim())
    claim = desk.journal.claim()
    desk.send.schedule(("later",), delay=60)
    desk.journal.heart.beat()
    passed = timedelta()
    made = sources.build("huey", {"url": redis_url}, now=lambda: datetime.now(UTC) + passed)[0]
    async with made as source:
        sample = await source.sample()
        (found,) = of_kind(sample, queue.Queue)
        assert found.counts == queue.Counts(waiting=3, active=1, failed=1, completed=1)
        assert (found.engine, found.workers, found.listed) == ("huey", 1, True)
        assert (found.keep_completed, found.keep_failed) == (200, 500)
        assert found.oldest_enqueued_at is not None
        assert found.verdict.code == "failing"
        (worker,) = of_kind(sample, queue.Worker)
        assert worker.pid == os.getpid()
        assert worker.queues == ("emailQueue",)
        assert worker.busy_with == (ref.make("huey", "job", "emailQueue", ids[2]),)
        assert worker.verdict == base.OK
        points = {p.metric: p.value for p in sample.points if p.ref == QUEUE}
        assert points["queue.waiting"] == 3
        assert "queue.in_rate" not in points, "a rate needs two samples"
        desk.journal.run(claim)
        passed = timedelta(seconds=20)
        again = await source.sample()
        rates = {p.metric: p.value for p in again.points if p.ref == QUEUE}
        assert rates["queue.out_rate"] == pytest.approx(0.05, abs=0.02)
        assert rates["queue.in_rate"] == rates["queue.fail_rate"] == 0
        assert source.describe().capabilities == ("journal",)


async def test_trouble_has_a_verdict(redis_url: str, desk: Any) -> None:
    async with opened(redis_url) as source:
        desk.send("a")
        found = await one_queue(source)
        assert (found.verdict.level, found.verdict.code) == (base.Level.BAD, "no_worker")
        claim = desk.journal.claim()
        assert (await one_queue(source)).verdict == base.OK
        desk.journal.heart.stopping.set()
        desk.conn.delete(desk.keys.root.alive(claim.worker))
        found = await one_queue(source)
        assert (found.verdict.level, found.verdict.code) == (base.Level.BAD, "ghosts")
        assert found.workers == 0
        (worker,) = of_kind(await source.sample(), queue.Worker)
        assert (worker.verdict.level, worker.verdict.code) == (base.Level.BAD, "dead")
        (ghost,) = await rows(source, state="active")
        assert (ghost.verdict.level, ghost.verdict.code) == (base.Level.BAD, "ghost")
        desk.journal.heart.beat()
        (job,) = await rows(source, state="active")
        assert job.verdict == base.OK
        desk.send("b")
        late = datetime.now(UTC).timestamp() - 121
        desk.conn.zadd(desk.keys.state("waiting"), {desk.ids("waiting")[0]: late})
        found = await one_queue(source)
        assert (found.verdict.level, found.verdict.code) == (base.Level.WARN, "backlog")
        desk.conn.set(desk.keys.paused, str(late))
        found = await one_queue(source)
        assert found.paused_since is not None
        assert found.paused_since.timestamp() == pytest.approx(late)
        assert (found.verdict.level, found.verdict.code) == (base.Level.WARN, "paused")


async def test_every_state_can_be_paged(redis_url: str, desk: Any) -> None:
    jobs = [desk.send(f"a{n}", fail=n < 7).id for n in range(14)]
    desk.run_all()
    waiting_ids = [desk.send(f"w{n}").id for n in range(5)]
    async with opened(redis_url) as source:
        for order, turn in (("newest", -1), ("oldest", 1)):
            for state, expected in (
                ("failed", jobs[:7]),
                ("completed", jobs[7:]),
                ("waiting", waiting_ids),
            ):
                for limit in (1, 3, 300):
                    found = await rows(source, state=state, limit=limit, order=order)
                    assert [job.id for job in found] == expected[::turn], (order, state, limit)
        every = await rows(source, limit=4)
        assert [job.id for job in every] == [
            *jobs[:7][::-1],
            *waiting_ids[::-1],
            *jobs[7:][::-1],
        ]
        page = await source.page(QUEUE, "jobs", plans.Query(state="failed", limit=2), None, 0)
        assert page.looked == wire.Looked(scanned=2, total=7, complete=False)
        failed = page.rows[0]
        assert isinstance(failed, queue.Job)
        assert failed.ref == ref.make("huey", "job", "emailQueue", jobs[6])
        assert (failed.name, failed.attempts, failed.max_attempts) == ("sendOtp", 1, 1)
        offered = ("queue.retry", "job.edit", "job.duplicate", "job.remove", "job.quarantine")
        assert failed.actions == (*offered, "job.reveal")
        assert failed.error.startswith("OSError: 535 BadCredentials for a6")
        (done, *_) = await rows(source, state="completed")
        assert done.actions == ("job.remove", "job.reveal")


async def test_a_page_goes_on_where_it_ended_whatever_has_come_and_gone(
    redis_url: str, desk: Any
) -> None:
    ids = [desk.send(f"a{n}", fail=True).id for n in range(10)]
    desk.run_all()
    async with opened(redis_url) as source:
        query = plans.Query(state="failed", limit=4)
        first = await source.page(QUEUE, "jobs", query, None, 0)
        desk.send("new", fail=True)
        desk.run_all()
        gone = ids[6]  # the last row of the page
        desk.conn.zrem(desk.keys.state("failed"), gone)
        second = await source.page(QUEUE, "jobs", query, first.cursor, 0)
        assert [row.id for row in first.rows if isinstance(row, queue.Job)] == ids[:5:-1]
        assert [row.id for row in second.rows if isinstance(row, queue.Job)] == ids[5:1:-1]
        for cursor in ("", "x", '["nowhere", "", "", -1]', '["failed", "nan", "", -1]', "[1]"):
            if cursor:
                with pytest.raises(errors.NotFound, match="cursor"):
                    await source.page(QUEUE, "jobs", query, cursor, 0)


@pytest.mark.usefixtures("redaction_key")
async def test_the_filter_looks_at_everything_but_secrets(redis_url: str, desk: Any) -> None:
    wanted = desk.send("asha@example.org", otp="424242", fail=True)
    for n in range(9):
        desk.send(f"b{n}", fail=True)
    desk.run_all()
    async with opened(redis_url) as source:
        assert [j.id for j in await rows(source, state="failed", text="ASHA@example.org")] == [
            wanted.id
        ]
        assert len(await rows(source, state="failed", text="!asha@example.org")) == 9
        assert await rows(source, state="failed", text="asha@") == []
        assert await rows(source, state="failed", text="424242") == []
        assert len(await rows(source, state="failed", text="sendOtp|none", limit=3)) == 10
        with pytest.raises(errors.BadRequest, match="regular expression"):
            await rows(source, state="failed", text="(")
        with pytest.raises(errors.Unsupported, match="paused"):
            await rows(source, state="paused")


async def test_the_detail_of_a_job_tells_all_but_its_secrets(redis_url: str, desk: Any) -> None:
    job = desk.send("a@b", otp="424242", fail=True)
    desk.run_all()
    async with opened(redis_url) as source:
        detail = await source.detail(ref.make("huey", "job", "emailQueue", job.id))
        sections = {section.id: section for section in detail.sections}
        assert list(sections) == ["arguments", "payload", "attempts", "attempt/1", "timings"]
        payload = {"args": ["a@b"], "kwargs": {"otp": f"otp:{redact.MASK}", "fail": True}}
        assert sections["payload"].data == payload
        assert sections["arguments"].data == {"to": "a@b", **payload["kwargs"]}
        assert "in send" in sections["attempt/1"].text
        assert sections["attempt/1"].form == "trace"
        assert sections["attempt/1"].title.startswith("Attempt 1: failed after ")
        (attempt,) = sections["attempts"].fields
        assert attempt.name == "attempt 1"
        assert attempt.at is not None
        assert [f.name for f in sections["timings"].fields] == [
            "enqueued",
            "started",
            "finished",
            "waited_s",
            "ran_s",
        ]
        assert "424242" not in detail.model_dump_json()
        assert detail.links[0].ref == QUEUE
        fine = desk.send("c@d")
        desk.run_all()
        done = await source.detail(ref.make("huey", "job", "emailQueue", fine.id))
        result = next(s for s in done.sections if s.id == "result")
        assert result.data == {"sent": "c@d", "token": f"token:{redact.MASK}"}
        for other in (await source.sample()).entities:
            assert (await source.detail(other.ref)).entity.ref == other.ref
        for nowhere in ("huey/job/emailQueue/none", "huey/job/none/1", "huey/queue/none"):
            with pytest.raises(errors.NotFound):
                await source.detail(nowhere)


async def test_a_retry_is_planned_guarded_and_done(redis_url: str, desk: Any) -> None:
    jobs = [desk.send(f"a{n}", fail=True) for n in range(4)]
    fine = desk.send("fine")
    desk.run_all()
    refs = [ref.make("huey", "job", "emailQueue", j.id) for j in (*jobs, fine)]
    gone = ref.make("huey", "job", "emailQueue", "gone")
    desk.conn.hdel(desk.keys.job(jobs[3].id), "message")
    async with opened(redis_url) as source:
        targets, left = await planned(source, refs=(*refs, gone))
        assert [t.ref for t in targets] == refs[:3]
        assert {**targets[0].guard, "since": ""} == {"state": "failed", "attempts": 1, "since": ""}
        oldest, *_ = await rows(source, state="failed", order="oldest")
        assert targets[0].at == oldest.finished_at
        assert targets[0].label == f"sendOtp {jobs[0].id}"
        assert targets[0].note == "attempt 1 → 2"
        assert {(one.why, one.samples) for one in left} == {
            ("Its message was not kept, so it cannot be put back.", (refs[3],)),
            ("It is not failed any more but completed.", (refs[4],)),
            ("It is gone: removed, or trimmed by retention.", (gone,)),
        }
        desk.conn.script_flush()
        first, *_ = await source.apply("queue.retry", targets[:1], {}, plans.By(login="asha"))
        assert (first.outcome, first.why) == (plans.Outcome.DONE, "attempt 1 → 2")
        desk.conn.delete(desk.keys.job(jobs[2].id))
        outcomes = await source.apply("queue.retry", targets, {}, plans.By(login="asha"))
        assert [(o.ref, o.outcome) for o in outcomes] == [
            (refs[0], plans.Outcome.SKIPPED),
            (refs[1], plans.Outcome.DONE),
            (refs[2], plans.Outcome.SKIPPED),
        ]
        assert outcomes[0].why == "It has moved on: failed → waiting, after attempt 1."
        assert desk.queued() == 2
        assert {j.id for j in await rows(source, state="waiting")} == {jobs[0].id, jobs[1].id}
        desk.run_all()
        assert desk.job(jobs[0].id).attempts == 2
        with pytest.raises(errors.Unsupported):
            await source.apply("queue.drop", targets, {}, plans.By(login="asha"))


async def test_a_whole_selection_is_planned(redis_url: str, desk: Any) -> None:
    for n in range(310):
        desk.send(f"{'asha' if n % 31 == 0 else 'b'}{n}", fail=True)
    desk.run_all()
    async with opened(redis_url) as source:
        targets, left = await planned(source, ref=QUEUE, collection="jobs", query=FAILED)
        assert (len({t.ref for t in targets}), len(targets), left) == (310, 310, [])
        some = plans.Query(state="failed", text="asha")
        targets, _ = await planned(source, ref=QUEUE, collection="jobs", query=some)
        assert len(targets) == 10


async def test_of_two_cores_that_retry_at_once_one_wins(redis_url: str, desk: Any) -> None:
    for n in range(50):
        desk.send(f"a{n}", fail=True)
    desk.run_all()
    async with opened(redis_url) as one, opened(redis_url) as two:
        targets, _ = await planned(one, ref=QUEUE, collection="jobs", query=FAILED)
        both = await asyncio.gather(
            one.apply("queue.retry", targets, {}, plans.By(login="asha")),
            two.apply("queue.retry", targets[::-1], {}, plans.By(login="asha")),
        )
        done = [o.ref for side in both for o in side if o.outcome is plans.Outcome.DONE]
        assert sorted(done) == sorted(t.ref for t in targets)
        assert desk.queued() == 50


async def test_a_queue_without_a_journal(redis_url: str) -> None:
    plain: Any = huey.RedisHuey("plain", url=redis_url)

    @plain.task(name="send")
    def send(to: str) -> None: ...

    for n in range(3):
        send(f"a{n}")
    eta = datetime(2100, 1, 1, tzinfo=UTC)
    plain.add_schedule(send.task_class(("later",), eta=eta))
    plain.storage.conn.lpush("huey.redis.plain", b"not a pickle")
    async with opened(redis_url) as source:

        async def seen() -> bool:
            return bool(of_kind(await source.sample(), queue.Queue))

        await waiting.until(seen)
        found = await one_queue(source, "plain")
        assert (found.verdict.level, found.verdict.code) == (base.Level.UNKNOWN, "no_journal")
        assert (found.counts.waiting, found.counts.delayed, found.workers) == (4, 1, None)
        assert any("no journal" in c for c in source.describe().capabilities)
        page = await source.page("huey/queue/plain", "jobs", plans.Query(limit=10), None, 0)
        jobs = [row for row in page.rows if isinstance(row, queue.Job)]
        assert [(j.name, j.state) for j in jobs] == [
            ("unreadable", "waiting"),
            *[("send", "waiting")] * 3,
            ("send", "delayed"),
        ]
        assert jobs[0].verdict.level is base.Level.UNKNOWN
        assert page.cursor is None
        with pytest.raises(errors.Unsupported, match="no journal"):
            await source.page("huey/queue/plain", "jobs", FAILED, None, 0)
    plain.storage.pool.disconnect()


async def test_a_queue_with_priorities_and_no_journal(redis_url: str) -> None:
    ranked: Any = huey.PriorityRedisHuey("ranked", url=redis_url)

    @ranked.task(name="send")
    def send(to: str) -> None: ...

    for n in range(5):
        send(f"a{n}")
    async with opened(redis_url) as source:

        async def seen() -> bool:
            return bool(of_kind(await source.sample(), queue.Queue))

        await waiting.until(seen)
        assert (await one_queue(source, "ranked")).counts.waiting == 5
        page = await source.page("huey/queue/ranked", "jobs", plans.Query(limit=10), None, 0)
        assert [getattr(row, "name", "") for row in page.rows] == ["send"] * 5
    ranked.storage.pool.disconnect()


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


async def test_a_payload_that_attacks_is_shown_and_not_run(
    redis_url: str, desk: Any, tmp_path: Path
) -> None:
    message = Message("evil", "app.send", None, 0, 0, None, (Evil(tmp_path / "ran"),), {})
    desk.conn.lpush(desk.journal.place.waiting, pickle.dumps(message))
    desk.send("a")
    async with opened(redis_url) as source:
        found = await rows(source, state="waiting")
        assert {job.id for job in found} >= {"evil"}
        assert len(found) == 2
    assert not (tmp_path / "ran").exists()


async def test_schedules(redis_url: str, desk: Any) -> None:
    now = datetime.now(UTC)
    facts: dict[str, Any] = {"declared": "every 15 min", "queue": "emailQueue", "job": "sendOtp"}
    facts |= {"interval_s": 900.0, "missed": 2, "last_enqueued_at": now.timestamp()}
    desk.send("a")
    for name, more in {
        "fine": {"next_at": (now + timedelta(minutes=5)).timestamp()},
        "late/%": {"next_at": (now - timedelta(minutes=5)).timestamp()},
        "missed": {
            "next_at": (now + timedelta(minutes=5)).timestamp(),
            "missed_at": now.timestamp(),
        },
        "both": {
            "next_at": (now + timedelta(minutes=5)).timestamp(),
            "missed_at": now.timestamp(),
            "interval_s": 86_400.0,
            "every_s": 900.0,
        },
        "over": {
            "next_at": (now + timedelta(minutes=5)).timestamp(),
            "missed_at": (now - timedelta(minutes=31)).timestamp(),
            "ticks": " ".join(str((now - timedelta(minutes=m)).timestamp()) for m in (31, 16, 1)),
        },
    }.items():
        desk.conn.sadd(keys.SCHEDULES, name)
        desk.conn.hset(keys.schedule(name), mapping={**facts, **more})
    async with opened(redis_url) as source:
        found = {s.name: s for s in of_kind(await source.sample(), queue.Schedule)}
        assert {name: s.verdict.code for name, s in found.items()} == {
            "fine": "",
            "late/%": "overdue",
            "missed": "missed",
            "both": "interval_off",
            "over": "",
        }
        assert found["both"].verdict.why.endswith("; ticks were missed while no scheduler ran")
        assert found["fine"].interval_s == 900
        assert found["fine"].declared == "every 15 min"
        assert (await source.detail(found["late/%"].ref)).entity == found["late/%"]


async def test_jobs_are_not_followed(redis_url: str, desk: Any) -> None:
    for n in range(3):
        desk.send(f"a{n}")
    async with opened(redis_url) as source:
        page = await source.page(QUEUE, "jobs", plans.Query(limit=2), None, 5)
        assert (len(page.rows), page.cursor) == (2, None)


async def test_only_the_named_queues(redis_url: str, desk: Any) -> None:
    desk.send("a")
    with journals.desk(redis_url, "kpiQueue") as other:

        @other.huey.task()
        def work() -> None: ...

        work()
        async with opened(redis_url, queues=["kpiQueue"]) as source:
            (found,) = of_kind(await source.sample(), queue.Queue)
            assert found.name == "kpiQueue"
            with pytest.raises(errors.NotFound):
                await source.page(QUEUE, "jobs", plans.Query(), None, 0)


async def test_a_reader_may_look_and_is_told_what_it_may_not(
    redis_url: str, desk: Any, valkey: servers.Valkey
) -> None:
    job = desk.send("a", fail=True)
    desk.run_all()
    name = servers.new_name("reader")
    desk.conn.execute_command("ACL", "SETUSER", name, "on", ">pw", "+@read", "+select", "~*")
    desk.conn.execute_command("ACL", "SETUSER", f"{name}-none", "on", ">pw", "+select", "~*")
    limited = redis_url.replace("redis://", f"redis://{name}:pw@")
    async with opened(limited) as source:
        found = await one_queue(source)
        assert found.counts.failed == 1
        assert len(await rows(source, state="failed")) == 1
        await source.detail(ref.make("huey", "job", "emailQueue", job.id))
        assert found.actions == ()
        assert source.describe().actions == ("job.reveal",)
        line = f"ACL SETUSER {name} +eval +evalsha "
        assert any(f"actions: needs {line}" in said for said in source.describe().capabilities)
        with pytest.raises(errors.NotPermitted, match=re.escape(line)):
            await planned(source, ref=QUEUE, collection="jobs", query=FAILED)
        async with opened(redis_url) as other:
            targets, _ = await planned(other, ref=QUEUE, collection="jobs", query=FAILED)
        (outcome,) = await source.apply("queue.retry", targets, {}, plans.By(login="asha"))
        assert outcome.outcome is plans.Outcome.FAILED
        assert outcome.why.startswith(f"Redis refused: needs {line}")
        grant = outcome.why.removeprefix("Redis refused: needs ").removesuffix(".")
        desk.conn.execute_command(*grant.split())
        (outcome,) = await source.apply("queue.retry", targets, {}, plans.By(login="asha"))
        assert outcome.outcome is plans.Outcome.DONE
        await source.sample()
        assert "queue.retry" in source.describe().actions
    async with opened(redis_url.replace("redis://", f"redis://{name}-none:pw@")) as source:
        with pytest.raises(errors.NotPermitted, match=r"needs \+smembers"):
            await source.sample()


async def test_twenty_queues_are_one_pipeline(redis_url: str) -> None:
    pool = redis.ConnectionPool.from_url(redis_url)
    with contextlib.closing(pool), contextlib.ExitStack() as stack:
        for n in range(20):
            made = stack.enter_context(journals.desk(redis_url, f"q{n}Queue"))
            made.huey.task(name="work")(lambda: None)
            made.huey.enqueue(next(iter(made.huey._registry._registry.values()))())
        async with opened(redis_url) as source:
            await source.sample()
            conn: Any = redis.Redis(connection_pool=pool)
            before = conn.info("stats")["total_reads_processed"]
            assert len(of_kind(await source.sample(), queue.Queue)) == 20
            reads = conn.info("stats")["total_reads_processed"] - before
        assert reads <= 10, "round trips, the test's own INFO and heartbeats included"


def test_settings_are_checked_by_name() -> None:
    with pytest.raises(errors.SettingsError, match=r"sources\.huey.*url"):
        sources.build("huey", {"url": "http://example.org"})
    with pytest.raises(errors.SettingsError, match="extra"):
        sources.build("huey", {"url": "redis://h", "extra": 1})
    made, parsed = sources.build("huey", {"url": "redis://:secret@h"})
    assert isinstance(parsed, settings.SourceSettings)
    assert "secret" not in repr(parsed)
    assert made.name == "huey"


async def test_a_search_of_large_payloads_reads_few_and_lets_others_run(
    redis_url: str, desk: Any
) -> None:
    """No more is fetched than is looked at within a page's time, but for one portion."""
    count, turns = 120, 0
    person = {"email": "ravi.kumar@example.com", "note": "lorem ipsum " * 6}
    payload = json.dumps({"args": [person] * 400, "kwargs": {}})
    pipe = desk.conn.pipeline(transaction=False)
    for n in range(count):
        facts = {"task": "a.send", "state": "failed", "payload": payload}
        pipe.hset(desk.keys.job(f"j{n:03}"), mapping=facts)
        pipe.zadd(desk.keys.state("failed"), {f"j{n:03}": 1_000 + n})
    desk.journal.tell()
    pipe.execute()

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with opened(redis_url) as source:
        await source.sample()
        desk.conn.config_resetstat()
        others = asyncio.create_task(count_turns())
        await asyncio.sleep(0)
        page = await source.page(QUEUE, "jobs", plans.Query(state="failed", text="none"), None, 0)
        others.cancel()
        assert page.looked is not None
        assert page.rows == ()
        assert turns > page.looked.scanned
        fetched = desk.conn.info("commandstats")["cmdstat_hmget"]["calls"]
        assert fetched <= page.looked.scanned + 20


async def test_a_payload_is_searched_to_a_word_s_end(redis_url: str, desk: Any) -> None:
    """What a cut leaves of an address is no text to try out."""
    address = f"ravi.{'kumar.' * 20}of@example.com"
    filler = "x" * (16 * 1024 - len('{"args": ["", "') - len(address) // 2)
    payload = json.dumps({"args": [filler, address], "kwargs": {}})
    assert payload[: 16 * 1024].endswith(address[: len(address) // 2])
    facts = {"task": "a.send", "state": "failed", "payload": payload}
    desk.conn.hset(desk.keys.job("j"), mapping=facts)
    desk.conn.zadd(desk.keys.state("failed"), {"j": 1_000})
    desk.journal.tell()
    async with opened(redis_url) as source:
        await source.sample()
        assert len(await rows(source, state="failed", text="xxx")) == 1
        assert await rows(source, state="failed", text="ravi") == []
        detail = await source.detail(ref.make("huey", "job", "emailQueue", "j"))
        (section,) = (s for s in detail.sections if s.id == "payload")
        assert "ravi" not in json.dumps(section.data)
