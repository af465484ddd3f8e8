"""The one scheduler: one run a tick, whatever number of schedulers, deaths and clocks there are."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import huey
import pytest
import redis

from mrcore import errors, journal, scheduler
from mrcore.journal import keys
from tests import waiting
from tests.core import journals

START = datetime(2025, 3, 10, 12, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIVE_MINUTES = scheduler.Declared("five", "kpiQueue", "work", every=timedelta(minutes=5))
QUARTER = scheduler.Declared("quarter", "kpiQueue", "work", every=timedelta(minutes=15))
LINE = scheduler.Declared("line", "kpiQueue", "work", cron="*/20 * * * *", tz="Asia/Kolkata")


class Clock:
    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


class Room:
    """One Redis, one clock, and as many schedulers as asked for."""

    def __init__(self, url: str) -> None:
        self.pool = redis.ConnectionPool.from_url(url)
        self.conn: Any = redis.Redis(connection_pool=self.pool)
        self.clock = Clock()

    def scheduler(
        self, owner: str, *declared: scheduler.Declared, lease_s: float = 30.0, again: Any = None
    ) -> scheduler.Scheduler:
        made: Any = huey.RedisHuey("kpiQueue", connection_pool=self.pool)
        journal.watch(made, now=self.clock)

        @made.task(name="work")
        def work(*args: object) -> None: ...

        return scheduler.Scheduler(
            {"kpiQueue": made}, declared, owner=owner, now=self.clock, lease_s=lease_s, again=again
        )

    def enqueued(self, name: str) -> list[datetime]:
        """When jobs of a schedule were enqueued, oldest first."""
        queue = keys.Root().queue("kpiQueue")
        found = []
        for job in self.conn.zrange(queue.state("waiting"), 0, -1):
            at, schedule = self.conn.hmget(queue.job(job.decode()), "enqueued_at", "schedule")
            if schedule.decode() == keys.schedule(name):
                found.append(datetime.fromtimestamp(float(at), UTC))
        return sorted(found)

    def facts(self, name: str) -> dict[str, str]:
        found = self.conn.hgetall(keys.schedule(name))
        assert keys.TEMPLATE_ID.encode() in found.pop(b"template")
        return {k.decode(): v.decode() for k, v in found.items()}


@pytest.fixture
def room(redis_url: str) -> Iterator[Room]:
    made = Room(redis_url)
    with contextlib.closing(made.pool):
        yield made


async def test_an_hour_of_five_schedulers_is_one_run_a_tick(room: Room) -> None:
    """Three workers and two backends; the holder of the lease dies in the middle."""
    several = [room.scheduler(f"s{n}", FIVE_MINUTES, QUARTER, LINE, lease_s=0.5) for n in range(5)]
    end = room.clock.at + HOUR
    killed = False
    while room.clock.at < end:
        room.clock.at += timedelta(seconds=5)
        for each in several:
            each.tick()
        if not killed and room.clock.at >= START + HOUR / 2:
            killed = True
            holder = room.conn.get(keys.LEASE).decode()
            several = [s for s in several if s._owner != holder]  # killed: it never releases
            assert len(several) == 4

            def taken(
                holder: str = holder, rest: tuple[scheduler.Scheduler, ...] = tuple(several)
            ) -> bool:
                for each in rest:
                    each.tick()
                owner = room.conn.get(keys.LEASE)
                return owner is not None and owner.decode() != holder

            await waiting.until(taken, what="another scheduler takes the lease")
    fives = [datetime(2025, 3, 10, 12, m, tzinfo=UTC) for m in range(5, 60, 5)]
    assert [at.replace(second=0) for at in room.enqueued("five")] == [
        START.replace(second=0),  # at first boot, at once
        *fives,
        datetime(2025, 3, 10, 13, 0, tzinfo=UTC),
    ]
    assert len(room.enqueued("quarter")) == 5
    ist = [at.astimezone(ZoneInfo("Asia/Kolkata")) for at in room.enqueued("line")]
    assert [(at.hour, at.minute) for at in ist] == [(17, 40), (18, 0), (18, 20)]
    assert {at.second for at in room.enqueued("line")} == {0}
    assert {room.facts(n).get("missed", "0") for n in ("five", "quarter", "line")} == {"0"}


def test_the_tick_is_once_even_when_all_believe_to_hold_the_lease(room: Room) -> None:
    several = [room.scheduler(f"s{n}", FIVE_MINUTES) for n in range(5)]
    for each in several:
        each._take_over(room.clock())
    for _ in range(10):
        room.clock.at += timedelta(minutes=5)
        line = threading.Barrier(len(several))

        def race(each: scheduler.Scheduler, line: threading.Barrier) -> None:
            line.wait(10)
            each._enqueue(FIVE_MINUTES, room.clock())

        racers = [threading.Thread(target=race, args=(each, line)) for each in several]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join(10)
    assert len(room.enqueued("five")) == 10


def test_only_the_holder_works_and_release_hands_over_at_once(room: Room) -> None:
    first, second = (room.scheduler(f"s{n}", FIVE_MINUTES) for n in range(2))
    assert first.tick() == 1
    room.clock.at += timedelta(minutes=5)
    assert second.tick() == 0
    second.release()
    assert second.tick() == 0, "one cannot release another's lease"
    first.release()
    assert second.tick() == 1
    assert first.tick() == 0


def test_a_restart_does_not_run_again(room: Room) -> None:
    assert room.scheduler("before", QUARTER).tick() == 1
    room.conn.delete(keys.LEASE)
    again = room.scheduler("after", QUARTER)
    assert again.tick() == 0
    room.clock.at += timedelta(minutes=14)
    assert again.tick() == 0
    room.clock.at += timedelta(minutes=1)
    assert again.tick() == 1


def test_missed_ticks_are_counted_and_made_up_for_by_one_run(room: Room) -> None:
    assert room.scheduler("before", FIVE_MINUTES, LINE).tick() == 1
    room.clock.at = datetime(2025, 3, 10, 12, 12, tzinfo=UTC)
    room.conn.delete(keys.LEASE)
    middle = room.scheduler("middle", FIVE_MINUTES, LINE)
    assert middle.tick() == 2
    assert room.facts("five")["missed"] == "1", "of 12:05 and 12:10 one run was made"
    room.clock.at += HOUR
    assert middle.tick() == 2
    assert room.facts("five")["missed"] == str(1 + 11)
    assert room.facts("line")["missed"] == "2"
    assert float(room.facts("five")["missed_at"]) == room.clock.at.timestamp()
    assert middle.tick() == 0


def test_what_is_published(room: Room) -> None:
    fortnight = scheduler.Declared("benchmark", "kpiQueue", "work", every=timedelta(days=15))
    daily = scheduler.Declared("daily", "kpiQueue", "work", cron="59 23 * * *", tz="Asia/Kolkata")
    room.conn.sadd(keys.SCHEDULES, "of an older version")
    room.scheduler("one", fortnight, daily).tick()
    assert {n.decode() for n in room.conn.smembers(keys.SCHEDULES)} == {"benchmark", "daily"}
    facts = room.facts("benchmark")
    assert (facts["declared"], facts["interval_s"]) == ("every 15 days", "1296000.0")
    assert float(facts["last_enqueued_at"]) == START.timestamp()
    assert float(facts["next_at"]) == fortnight.following(START).timestamp()
    assert room.facts("daily")["declared"] == "59 23 * * * Asia/Kolkata"
    assert (
        float(room.facts("daily")["next_at"])
        == datetime(2025, 3, 10, 18, 29, tzinfo=UTC).timestamp()
    )


def test_a_job_that_succeeds_says_so_on_its_schedule(room: Room) -> None:
    made = room.scheduler("one", FIVE_MINUTES)
    made.tick()
    book = made._books["kpiQueue"]
    claim = book.claim()
    assert claim is not None
    room.clock.at += timedelta(seconds=7)
    book.run(claim)
    book.heart.stop()
    assert float(room.facts("five")["last_succeeded_at"]) == room.clock.at.timestamp()


def test_fifteen_days_is_an_interval_and_not_a_day_of_the_month() -> None:
    every = scheduler.Declared("b", "q", "j", every=timedelta(days=15))
    ticks = [every.latest(START)]
    for _ in range(30):
        ticks.append(every.following(ticks[-1]))
    assert {b - a for a, b in itertools.pairwise(ticks)} == {timedelta(days=15)}


BERLIN = scheduler.Declared("berlin", "q", "j", cron="30 2 * * *", tz="Europe/Berlin")
IST = scheduler.Declared("ist", "q", "j", cron="30 2 * * *", tz="Asia/Kolkata")


@pytest.mark.parametrize(
    ("declared", "after", "expected"),
    [
        (BERLIN, "2025-03-29T12:00Z", ["2025-03-30T01:00Z", "2025-03-31T00:30Z"]),  # 02:30 is not
        (BERLIN, "2025-10-25T12:00Z", ["2025-10-26T00:30Z", "2025-10-27T01:30Z"]),  # twice 02:30
        (
            scheduler.Declared("ist", "q", "j", cron="59 23 * * *", tz="Asia/Kolkata"),
            "2024-12-31T18:28Z",
            ["2024-12-31T18:29Z", "2025-01-01T18:29Z"],
        ),
        (
            scheduler.Declared("ist", "q", "j", cron="0 0 * * *", tz="Asia/Kolkata"),
            "2025-02-28T18:30Z",
            ["2025-03-01T18:30Z", "2025-03-02T18:30Z"],
        ),
    ],
)
def test_a_cron_line_is_read_in_its_own_zone(
    declared: scheduler.Declared, after: str, expected: list[str]
) -> None:
    at = datetime.fromisoformat(after)
    wanted = [datetime.fromisoformat(e) for e in expected]
    found = []
    for _ in expected:
        at = declared.following(at)
        found.append(at)
    assert found == wanted
    for tick in wanted:
        assert declared.latest(tick) == tick
        assert declared.latest(tick + timedelta(seconds=1)) == tick
    assert declared.between(wanted[0] - timedelta(minutes=1), wanted[-1]) == len(wanted) - 1


@pytest.mark.parametrize("night", ["2026-03-29T00:00Z", "2026-10-25T00:00Z"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata"])
def test_a_line_of_every_hour_misses_no_tick_where_clocks_change(zone: str, night: str) -> None:
    """From any instant, also within the hour that comes twice, in which cronsim goes astray."""
    begin = datetime.fromisoformat(night) - timedelta(hours=3)
    minutes = [begin + timedelta(minutes=n) for n in range(6 * 60)]
    wall = ZoneInfo(zone)
    due = [at for at in minutes if at.astimezone(wall).minute in (0, 20, 40)]
    line = scheduler.Declared("line", "q", "j", cron="*/20 * * * *", tz=zone)
    for at in (m + timedelta(seconds=s) for m in minutes[30:-30:7] for s in (0, 1)):
        assert line.latest(at) == max(each for each in due if each <= at)
        assert line.following(at) == min(each for each in due if each > at)
    assert line.between(due[0], due[-1]) == len(due) - 2


@pytest.mark.parametrize(
    ("zone", "now", "latest", "following"),
    [
        (BERLIN, "2026-03-29T01:30Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"),
        (BERLIN, "2026-10-25T00:45Z", "2026-10-25T00:30Z", "2026-10-26T01:30Z"),
        (BERLIN, "2026-10-25T01:15Z", "2026-10-25T00:30Z", "2026-10-26T01:30Z"),
        (BERLIN, "2026-10-25T01:45Z", "2026-10-25T00:30Z", "2026-10-26T01:30Z"),
        (IST, "2026-10-25T01:15Z", "2026-10-24T21:00Z", "2026-10-25T21:00Z"),
    ],
)
def test_a_line_of_once_a_day_is_due_once_where_clocks_change(
    zone: scheduler.Declared, now: str, latest: str, following: str
) -> None:
    at, before, later = (datetime.fromisoformat(each) for each in (now, latest, following))
    assert zone.latest(at) == before
    assert zone.following(at) == later
    assert zone.between(before, later) == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, "either every or cron"),
        ({"every": HOUR, "cron": "* * * * *"}, "either every or cron"),
        ({"every": timedelta(0)}, "more than once a second"),
        ({"cron": "61 * * * *"}, "does not parse"),
        ({"cron": "* * * * *", "tz": "Mars/Olympus"}, "does not parse"),
    ],
)
def test_a_wrong_schedule_is_refused_by_name(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(errors.SettingsError, match=f"Schedule 'mine' .*{words}"):
        scheduler.Declared("mine", "q", "j", **wrong)


def test_a_schedule_of_no_queue_or_no_job_is_refused(room: Room) -> None:
    with pytest.raises(errors.SettingsError, match="'noQueue', which is not here"):
        room.scheduler("one", scheduler.Declared("a", "noQueue", "work", every=HOUR))
    with pytest.raises(errors.SettingsError, match="has no such job"):
        room.scheduler("one", scheduler.Declared("a", "kpiQueue", "play", every=HOUR))


def test_tasks_are_found_by_their_name_or_in_full(redis_url: str) -> None:
    with journals.desk(redis_url, "kpiQueue") as desk:

        @desk.huey.task()
        def work() -> None: ...

        full = f"{work.task_class.__module__}.work"
        made = scheduler.Scheduler(
            {"kpiQueue": desk.huey},
            [scheduler.Declared("a", "kpiQueue", full, every=HOUR)],
            owner="me",
            now=Clock(),
        )
        assert made.tick() == 1
