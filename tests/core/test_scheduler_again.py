"""What is declared while a scheduler runs: read when the revision says that it has changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mrcore import errors, scheduler
from mrcore.journal import keys
from tests.core import test_scheduler
from tests.core.test_scheduler import FIVE_MINUTES, QUARTER


@pytest.fixture
def room(redis_url: str) -> Iterator[test_scheduler.Room]:
    made = test_scheduler.Room(redis_url)
    yield made
    made.pool.disconnect()


def test_what_is_declared_anew_is_read_when_the_revision_counts_up(
    room: test_scheduler.Room, caplog: pytest.LogCaptureFixture
) -> None:
    now: list[scheduler.Declared] = [FIVE_MINUTES]
    asked: list[int] = []

    def again() -> list[scheduler.Declared]:
        asked.append(len(now))
        if not now:
            raise errors.StackError("Postgres is away.")
        return now

    clock = room.scheduler("one", FIVE_MINUTES, again=again)
    assert clock.tick() == 1
    assert asked == [], "nobody has changed anything"
    now.append(QUARTER)
    assert (clock.tick(), asked) == (0, [])
    room.conn.incr(keys.REVISION)
    assert (clock.tick(), clock.tick(), asked) == (1, 0, [2])
    assert room.conn.smembers(keys.SCHEDULES) == {b"five", b"quarter"}
    now.clear()
    room.conn.incr(keys.REVISION)
    assert (clock.tick(), clock.tick(), len(asked)) == (0, 0, 2)
    assert "stay as they were: Postgres is away." in caplog.text
    assert room.conn.smembers(keys.SCHEDULES) == {b"five", b"quarter"}
    now.append(QUARTER)
    room.clock.at += scheduler.AGAIN
    clock.tick()
    assert room.conn.smembers(keys.SCHEDULES) == {b"quarter"}


def test_whoever_takes_the_lease_reads_what_changed_before(room: test_scheduler.Room) -> None:
    room.conn.incr(keys.REVISION)
    clock = room.scheduler("one", FIVE_MINUTES, again=lambda: [QUARTER])
    assert clock.tick() == 1
    assert room.conn.smembers(keys.SCHEDULES) == {b"quarter"}
