"""Runs of huey that have ended are captured before retention trims them; schedules' truth."""

from __future__ import annotations

import contextlib
import itertools
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import huey
import pytest
import redis

from mrcore import errors, journal, scheduler
from mrcore import sources as built
from mrcore.journal import ghosts, keys
from mrcore.model import plans, queue, wire
from mrcore.sources import base as source_base
from mrcore.sources import honest
from mrcore.sources.huey import capturing
from tests import waiting
from tests.core import harness, journals

QUEUE = "emailQueue"
ROOT = keys.Root()


@pytest.fixture
def desk(redis_url: str) -> Iterator[journals.Desk]:
    """A journal that keeps one failed job and no completed one."""
    with journals.desk(redis_url, keep_completed=0, keep_failed=1) as made:

        @made.huey.task(name="sendOtp", retries=0)
        def send(to: str, *, fail: bool = False) -> str:
            if fail:
                raise OSError(f"535 BadCredentials for {to}")
            return to

        made.send = send  # type: ignore[attr-defined]
        yield made


@contextlib.asynccontextmanager
async def opened(url: str, **more: Any) -> Any:
    async with built.build("huey", {"url": url, **more})[0] as source:
        yield source


async def captured(source: source_base.Source) -> tuple[list[queue.Captured], int]:
    sample = await source.sample()
    assert honest.check("huey", sample, source_base.utc_now()) is sample
    return list(sample.captured), sample.uncaptured


def send(desk: journals.Desk, count: int, **how: Any) -> list[str]:
    made: Any = desk
    ids = [made.send("asha@example.com", **how).id for _ in range(count)]
    desk.run_all()
    return ids


async def test_what_retention_has_trimmed_already_is_captured_whole(
    desk: journals.Desk, redis_url: str
) -> None:
    before = datetime.now(UTC)
    failed, well = send(desk, 3, fail=True), send(desk, 2)
    assert (desk.ids("failed"), desk.ids("completed")) == (failed[-1:], [])
    async with opened(redis_url) as source:
        found, lost = await captured(source)
        assert ([one.id for one in found], lost) == ([*failed, *well], 0)
        assert (await captured(source))[0] == [], "once"
        more = send(desk, 1)
        assert [one.id for one in (await captured(source))[0]] == more
    first, last = found[0], found[-1]
    assert (first.ref, first.name, first.state) == (
        f"huey/job/{QUEUE}/{first.id}",
        "sendOtp",
        "failed",
    )
    assert (first.attempts, first.outcome, first.queue) == (1, "failed", QUEUE)
    assert first.error.startswith("OSError: 535 BadCredentials for ")
    assert "asha@" not in first.error + first.trace
    assert "Traceback" in first.trace
    assert "raise OSError" in first.trace
    assert len({one.fingerprint for one in found if one.state == "failed"}) == 1
    assert (last.state, last.outcome, last.error, last.trace) == ("completed", "succeeded", "", "")
    for one in found:
        assert one.enqueued_at is not None
        assert one.started_at is not None
        assert before <= one.enqueued_at <= one.started_at <= one.finished_at
    async with opened(redis_url, queues=["kpiQueue"]) as source:
        assert await captured(source) == ([], 0), "only the queues that the settings want"


async def test_a_job_that_its_workers_died_of_is_captured_too(
    desk: journals.Desk, redis_url: str
) -> None:
    made: Any = desk
    job = made.send("asha").id
    conn, place = desk.conn, desk.journal.place
    for n in range(ghosts.DEATHS):
        hands = desk.keys.hands(f"w{n}")
        conn.lmove(place.waiting, hands, "RIGHT", "LEFT")
        (message,) = conn.lrange(hands, 0, -1)
        desk.journal.pen.call("start", job, f"w{n}", message)
        ghosts.restore(
            conn, ROOT, f"w{n}", QUEUE, message, "worker died", source_base.utc_now, deaths=3
        )
    async with opened(redis_url) as source:
        (run,), _ = await captured(source)
    assert (run.id, run.state, run.outcome, run.attempts) == (job, "failed", "worker died", 3)
    assert run.error == "Its worker w2 died."


async def test_who_is_too_slow_says_how_many_runs_it_has_not_seen(
    desk: journals.Desk, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capturing, "PORTIONS", {"failed": 2, "completed": 3})
    async with opened(redis_url) as source:
        send(desk, 4)
        found, lost = await captured(source)
        assert (len(found), lost) == (3, 0)
        assert "behind with keeping runs that completed" in source.describe().capabilities
        send(desk, 9)
        desk.conn.xtrim(ROOT.ended("completed"), maxlen=2, approximate=False)
        found, lost = await captured(source)
        assert (len(found), lost) == (2, 8)
        assert await captured(source) == ([], 0)
        assert not any("behind" in said for said in source.describe().capabilities)
        desk.conn.delete(desk.keys.stats, ROOT.ended("completed"))  # it begins anew
        send(desk, 2)
        assert [len(found) for found in [(await captured(source))[0]]] == [2]


async def test_what_went_while_the_core_was_away_is_counted(
    desk: journals.Desk, redis_url: str, state: Path
) -> None:
    table = {"huey": {"url": redis_url, "interval_s": 0.05}}

    async def said(*ids: str) -> str:
        """What a core says of runs that were not seen, once it has kept these."""
        async with harness.running(state, sources=table) as here, here.client() as asked:
            for job_id in ids:

                async def kept(job_id: str = job_id) -> bool:
                    query = plans.Query(text=job_id)
                    return bool((await asked.page("core/core/self", "ran", query)).rows)

                await waiting.until(kept)
            await here.core.runs.flush()
            return here.core.runs.verdict().why

    assert await said(*send(desk, 2), *send(desk, 1, fail=True)) == ""
    assert await said(*send(desk, 3), *send(desk, 1, fail=True)) == "", "all were still there"
    ids = send(desk, 9)
    desk.conn.xtrim(ROOT.ended("completed"), maxlen=2, approximate=False)
    assert (await said(*ids[-2:])).startswith("7 runs that ended were not seen")
    assert await said(*send(desk, 1)) == "", "once"
    desk.conn.delete(desk.keys.stats, ROOT.ended("completed"))
    assert await said(*send(desk, 1)) == "", "it is counted anew"


async def test_what_is_no_entry_of_ours_is_passed_over(desk: journals.Desk, redis_url: str) -> None:
    stream = ROOT.ended("failed")
    for garbage in (
        b"\xff\xfe", b"{}", b"[]", b"[1,2]", json.dumps([QUEUE, "x", "n", 1, *[None] * 7]).encode(),
        json.dumps([QUEUE, "x", 1, 1, "never", *[None] * 6]).encode(), b"[" * 5000,
    ):  # fmt: skip
        desk.conn.xadd(stream, {"run": garbage})
    desk.conn.xadd(stream, {"other": b"x"})
    ids = send(desk, 1, fail=True)
    async with opened(redis_url) as source:
        assert [one.id for one in (await captured(source))[0]] == ids
        desk.conn.delete(stream)
        desk.conn.set(stream, "a string")
        assert await captured(source) == ([], 0)


async def test_a_login_that_only_reads_captures_and_one_that_may_not_says_so(
    desk: journals.Desk, redis_url: str
) -> None:
    name = f"u{uuid.uuid4().hex[:8]}"
    send(desk, 1)
    place = redis_url.partition("://")[2].rpartition("@")[2]
    acl = ("ACL", "SETUSER", name, "on", ">pw", "+@read", "+select", "~*")
    desk.conn.execute_command(*acl)
    url = f"redis://{name}:pw@{place}"
    try:
        async with opened(url) as source:
            assert len((await captured(source))[0]) == 1
        desk.conn.execute_command("ACL", "SETUSER", name, "-xrange")
        async with opened(url) as source:
            assert await captured(source) == ([], 0)
            (said,) = [s for s in source.describe().capabilities if "runs are not kept" in s]
            assert "+xrange" in said
    finally:
        desk.conn.execute_command("ACL", "DELUSER", name)


async def test_the_core_still_answers_when_and_how_a_job_ended(
    desk: journals.Desk, redis_url: str, state: Path
) -> None:
    table = {"huey": {"url": redis_url, "interval_s": 0.05}}
    failed, well = send(desk, 2, fail=True)[0], send(desk, 1)[0]
    async with harness.running(state, sources=table) as here, here.client() as asked:
        await waiting.until(lambda: here.core.monitor.tried)

        async def of(job: str) -> wire.Detail | None:
            with contextlib.suppress(errors.NotFound):
                return await asked.detail(f"huey/job/{QUEUE}/{job}")
            return None

        await waiting.until(lambda: bool(here.core.hub.entity(f"huey/queue/{QUEUE}", "huey")))
        found = await of(failed)
        assert found is not None
        assert isinstance(found.entity, queue.Job)
        assert found.entity.captured_at is not None
        assert any("raise OSError" in section.text for section in found.sections)
        kept = await of(well)
        assert kept is not None
        assert kept.entity.verdict.why.startswith("It has completed; huey has forgotten it")
        assert await of("never there") is None
        page = await asked.page("core/core/self", "ran", plans.Query(prefix=f"huey/{QUEUE}"))
        assert len(page.rows) == 3
        first = json.loads(page.model_dump_json())
    async with harness.running(state) as here, here.client() as asked:  # later, without huey
        page = await asked.page("core/core/self", "ran", plans.Query(text=well))
        assert [row.ref for row in page.rows] == [f"huey/job/{QUEUE}/{well}"]
        assert page.rows[0].ref in {row["ref"] for row in first["rows"]}


# -- schedules


class Room:
    """One Redis and one clock; workers that run what schedulers enqueue."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.pool = redis.ConnectionPool.from_url(url)
        self.at = datetime(2026, 3, 1, 12, 7, tzinfo=UTC)
        self.takes = timedelta(seconds=2)
        self.names = itertools.count()

    def now(self) -> datetime:
        return self.at

    def boot(self, *declared: scheduler.Declared) -> scheduler.Scheduler:
        made: Any = huey.RedisHuey("cleanupQueue", connection_pool=self.pool)
        journal.watch(made, now=self.now)

        @made.task(name="work")
        def work(*args: object) -> None:
            self.at += self.takes

        owner = f"s{next(self.names)}"
        return scheduler.Scheduler(
            {"cleanupQueue": made}, declared, owner=owner, now=self.now, lease_s=3600
        )

    def work(self, of: scheduler.Scheduler) -> int:
        """Run what waits; how many jobs that were."""
        book, done = of._books["cleanupQueue"], 0
        while (claim := book.claim()) is not None:
            book.run(claim)
            done += 1
        return done

    async def schedule(self, name: str) -> queue.Schedule:
        source = built.build("huey", {"url": self.url}, now=self.now)[0]
        async with source:
            sample = await source.sample()
        (found,) = [e for e in sample.entities if isinstance(e, queue.Schedule) and e.name == name]
        return found


@pytest.fixture
def room(redis_url: str) -> Iterator[Room]:
    made = Room(redis_url)
    with contextlib.closing(made.pool):
        yield made


QUARTER = timedelta(minutes=15)
CLEANUP = scheduler.Declared(
    "slot-cleanup", "cleanupQueue", "work", every=QUARTER, says=timedelta(hours=24)
)
PLAIN = scheduler.Declared("plain", "cleanupQueue", "work", every=QUARTER)


async def test_the_24_hours_that_are_15_minutes_are_found(room: Room) -> None:
    one = room.boot(CLEANUP, PLAIN)
    one.tick()
    found = await room.schedule("slot-cleanup")
    assert (found.declared, found.interval_s) == ("every 24 h", 86_400)
    assert found.verdict.code == "interval_off"
    assert found.verdict.why == "declared every 24 h, registered every 15 min"
    for _ in range(4):
        room.work(one)
        room.at = one._due["plain"]
        assert one.tick() == 2
    found = await room.schedule("slot-cleanup")
    assert (found.verdict.code, found.observed_s, found.missed) == ("interval_off", 900, 0)
    assert found.verdict.why == "declared every 24 h, runs every 15 min"
    plain = await room.schedule("plain")
    assert (plain.verdict.code, plain.observed_s, plain.interval_s) == ("", 900, 900)
    assert plain.last_succeeded_at is not None
    assert found.next_at == plain.next_at, "what is said changes nothing of what is done"
    one._books["cleanupQueue"].heart.stop()


async def test_runs_that_take_too_long_are_counted_and_missed_ticks_too(room: Room) -> None:
    one = room.boot(PLAIN)
    room.takes = timedelta(minutes=16)
    one.tick()
    room.work(one)
    found = await room.schedule("plain")
    assert (found.overrun, found.verdict.code) == (1, "overdue"), "nobody ticks meanwhile"
    room.at += timedelta(minutes=50)
    one.tick()
    found = await room.schedule("plain")
    assert (found.overrun, found.missed, found.verdict.code) == (1, 3, "missed")
    room.at += timedelta(minutes=61)
    one.tick()
    room.takes = timedelta(minutes=61)
    room.work(one)
    one.tick()
    found = await room.schedule("plain")
    assert found.overrun == 3
    one._books["cleanupQueue"].heart.stop()


async def test_ten_boots_two_colours_and_three_workers_leave_each_schedule_once(
    room: Room,
) -> None:
    """Each boot declares all again; at every time five processes would enqueue."""
    declared = (
        CLEANUP,
        PLAIN,
        scheduler.Declared("line", "cleanupQueue", "work", cron="*/30 * * * *"),
    )
    conn: Any = redis.Redis(connection_pool=room.pool)
    room.takes = timedelta(0)
    ran = 0
    for boot in range(10):
        several = [room.boot(*declared) for _ in range(2 + 3)]
        for _ in range(2):
            for each in several:
                each.tick()
        assert conn.zcard(ROOT.queue("cleanupQueue").state("waiting")) <= 3
        ran += sum(room.work(each) for each in several)
        for each in several:
            each._books["cleanupQueue"].heart.stop()
            if boot % 2:
                each.release()  # every other time they are killed
        room.at += QUARTER
        if not boot % 2:
            conn.delete(keys.LEASE)
    names = [name.decode() for name in conn.smembers(keys.SCHEDULES)]
    assert sorted(names) == ["line", "plain", "slot-cleanup"]
    assert len(conn.keys("mr:schedule:*")) == 3
    assert ran == 10 + 10 + 4, "a run a tick: ten quarters of an hour, four half hours"
    found = await room.schedule("plain")
    assert (found.registered, found.missed, found.observed_s) == (1, 0, 900)
