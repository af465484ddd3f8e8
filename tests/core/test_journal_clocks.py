"""Clocks that are set while jobs run, forwards and back: of a worker, and of Redis itself."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from mrcore import sources
from mrcore.journal import ghosts, scripts
from mrcore.model import ref
from tests.core import journals

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
JUMPS = [timedelta(days=1), timedelta(days=-1)]


class Clock:
    """A clock that can be set."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def redis_clock(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key whose value Redis takes for its time: its real clock is the machine's."""
    real, key = scripts.text, "the clock"
    monkeypatch.setattr(
        scripts,
        "text",
        lambda name: real(name).replace(
            "redis.pcall('TIME')", f"{{redis.call('GET', '{key}'), 0}}"
        ),
    )
    monkeypatch.setattr(scripts, "sha", scripts.sha.__wrapped__)
    assert key in scripts.text("start")
    return key


def whole(desk: journals.Desk, job_id: str, runs: int) -> None:
    """The job is in one place, and each of its runs has a beginning and then an end."""
    found = desk.job(job_id)
    assert (found.state, found.attempts, len(found.attempt)) == ("completed", runs, runs)
    for one in found.attempt:
        assert one.started_at is not None
        assert one.ended_at >= one.started_at, one
    assert found.finished_at is not None
    assert found.started_at is not None
    assert found.finished_at >= found.started_at
    assert (desk.queued(), desk.conn.keys(desk.keys.hands("*"))) == (0, [])
    assert desk.ids("completed") == [job_id]
    assert not any(desk.ids(state) for state in ("waiting", "active", "delayed", "failed"))


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("end", ["well", "retry", "delayed", "killed", "put back", "swept"])
def test_the_clock_of_a_worker_is_set_while_a_job_runs(
    redis_url: str, jump: timedelta, end: str
) -> None:
    clock, ran = Clock(), list[datetime]()
    with journals.desk(redis_url, now=clock.now) as desk:
        delay = 10 if end == "delayed" else 0

        @desk.huey.task(name="work", retries=1, retry_delay=delay)
        def work() -> None:
            ran.append(clock.at)
            if len(ran) == 1:
                clock.at += jump
                if end in ("retry", "delayed"):
                    raise OSError("no")

        job = work()
        heart, root = desk.journal.heart, desk.keys.root
        claim = desk.journal.claim()
        assert claim is not None
        if end in ("killed", "put back"):  # it ran, and its end was never said
            work.call_local()
        if end == "killed":
            (back,) = ghosts.recover(desk.conn, root, heart.name, now=clock.now)
            assert back.became == "done"
        elif end == "put back":
            desk.journal.put_back(claim)
        elif end == "swept":
            sweeper = ghosts.Sweeper(desk.conn, root, now=clock.now, monotonic=lambda: 0.0)
            clock.at += jump
            heart.beat()
            assert sweeper.sweep(heart.name, heart._messages, grace_s=0) == []
            assert sweeper.sweep("other", Counter, grace_s=0) == [], "its heart beats"
            clock.at -= jump
            desk.journal.run(claim)
        else:
            desk.journal.run(claim)
        if end == "delayed":
            later = desk.huey._get_timestamp() + timedelta(seconds=11)
            assert (desk.journal.move_due(later), desk.journal.move_due(later)) == (1, 0)
            desk.huey.ready_to_run = lambda task, timestamp=None: True
        desk.run_all()
        runs = 1 if end in ("well", "swept") else 2
        assert len(ran) == runs
        whole(desk, job.id, runs)
        assert desk.run_all() == []


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("end", ["well", "retry", "killed", "put back"])
async def test_the_clock_of_redis_is_set_while_a_job_runs(
    redis_url: str, redis_clock: str, jump: timedelta, end: str
) -> None:
    ran: list[int] = []
    with journals.desk(redis_url) as desk:
        at_s = int(datetime.now(UTC).timestamp())

        def set_to(when_s: float) -> None:
            desk.conn.set(redis_clock, int(when_s))

        @desk.huey.task(name="work", retries=1)
        def work() -> None:
            ran.append(1)
            if len(ran) == 1:
                set_to(at_s + jump.total_seconds())
                if end == "retry":
                    raise OSError("no")

        set_to(at_s)
        job = work()
        claim = desk.journal.claim()
        assert claim is not None
        assert desk.job(job.id).started_at == at_s, "it is the clock that counts"
        if end in ("killed", "put back"):
            work.call_local()
        if end == "killed":
            name, real = desk.journal.heart.name, desk.journal.pen.now
            (back,) = ghosts.recover(desk.conn, desk.keys.root, name, now=real)
            assert back.became == "done"
        elif end == "put back":
            desk.journal.put_back(claim)
        else:
            desk.journal.run(claim)
        desk.run_all()
        runs = 1 if end == "well" else 2
        assert len(ran) == runs
        whole(desk, job.id, runs)
        assert desk.run_all() == []
        async with sources.build("huey", {"url": redis_url})[0] as source:
            sample = await source.sample()
            told = await source.detail(ref.make("huey", "job", desk.keys.name, job.id))
        (captured,) = sample.captured
        assert captured.started_at is not None
        assert captured.finished_at >= captured.started_at
        (timings,) = [section for section in told.sections if section.id == "timings"]
        spans = {f.name: float(f.value) for f in timings.fields if f.name.endswith("_s")}
        assert spans.keys() >= {"waited_s", "ran_s"}
        assert min(spans.values()) >= 0, spans


@pytest.mark.parametrize("jump", JUMPS)
def test_the_clock_of_redis_is_set_while_a_job_waits(
    redis_url: str, redis_clock: str, jump: timedelta
) -> None:
    with journals.desk(redis_url) as desk:
        desk.conn.set(redis_clock, int(NOON.timestamp()))
        job = desk.huey.task(name="work")(lambda: None)()
        desk.conn.set(redis_clock, int((NOON + jump).timestamp()))
        desk.run_all()
        whole(desk, job.id, 1)
