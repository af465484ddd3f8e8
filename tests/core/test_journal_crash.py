"""Workers that are killed: no job is lost, and none runs twice in silence."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from mrcore.journal import ghosts, heart
from tests import frozen, servers, waiting
from tests.core import journal_consumer, journals

SCRIPT = Path(journal_consumer.__file__)


@contextlib.contextmanager
def consumer(url: str, fault: str = "", queue: str = "emailQueue") -> Iterator[Any]:
    """A consumer process; `line(word)` waits until it has said so."""
    argv = [sys.executable, str(SCRIPT), url, queue, fault]
    root = str(SCRIPT.parents[2])
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=root, text=True) as child:
        try:
            line(child, "ready")
            yield child
        finally:
            child.kill()


def line(child: Any, word: str) -> str:
    for said in child.stdout:
        if said.startswith(word):
            return str(said)
    raise AssertionError(f"the consumer ended before it said {word!r}")


@contextlib.contextmanager
def producer(url: str) -> Iterator[tuple[journals.Desk, Any]]:
    """A desk that knows the consumer's tasks but consumes nothing; its heart beats fast."""
    with journals.desk(url) as desk:
        tasks = {}
        for name in ("hold", "note", "die"):
            body = _body()
            tasks[name] = desk.huey.task(name=name)(body)
        yield desk, tasks


def _body() -> Any:
    def work(key: str) -> None: ...

    work.__module__ = "__main__"  # the name under which the script registers its tasks
    return work


async def test_a_worker_killed_in_the_middle_of_a_job(redis_url: str) -> None:
    with producer(redis_url) as (desk, tasks):
        job = tasks["hold"]("ran")
        with consumer(redis_url) as child:
            line(child, "hanging")
            first = desk.job(job.id).worker
            assert desk.job(job.id).state == "active"
            assert desk.workers()[first]["pid"] == child.pid
            assert desk.workers()[first]["queues"] == ["emailQueue"]
            child.send_signal(signal.SIGKILL)
            child.wait(10)
        assert desk.job(job.id).state == "active", "a ghost: still active, in dead hands"
        with consumer(redis_url) as second:
            assert line(second, "ran").split()[1] == job.id
            # Its jobs go back before it is forgotten: the second may have run it already.
            await waiting.until(lambda: first not in desk.workers(), what="the dead one forgotten")
        done = desk.job(job.id)
        assert (done.state, done.attempts) == ("completed", 2)
        assert [(a.outcome, a.worker == first) for a in done.attempt] == [
            ("worker died", True),
            ("succeeded", False),
        ]
        assert done.attempt[0].error == f"Its worker {first} died."
        assert desk.conn.get("ran") == b"2"


async def test_a_worker_killed_between_claim_and_start(redis_url: str) -> None:
    with producer(redis_url) as (desk, tasks):
        job = tasks["note"]("ran")
        with consumer(redis_url, "claimed") as child:
            line(child, "hanging")
            assert desk.queued() == 0
            assert desk.job(job.id).state == "waiting", "nothing was written down yet"
            child.send_signal(signal.SIGKILL)
            child.wait(10)
        with consumer(redis_url) as second:
            assert line(second, "ran").split()[1] == job.id
        done = desk.job(job.id)
        assert desk.conn.get("ran") == b"1", "it ran once"
        assert [(a.n, a.outcome) for a in done.attempt] == [(1, "succeeded")], "and began once"


async def test_hueys_own_consumer_is_watched_too(redis_url: str) -> None:
    with producer(redis_url) as (desk, tasks):
        with consumer(redis_url, "consumer"):
            jobs = [tasks["note"]("ran") for _ in range(5)]
            await waiting.until(lambda: len(desk.ids("completed")) == 5)
            held = tasks["hold"]("held")
            await waiting.until(lambda: desk.job(held.id).state == "active")
            worker = desk.job(held.id).worker
            await waiting.until(lambda: desk.workers()[worker]["busy"] == [["emailQueue", held.id]])
        assert {desk.job(j.id).state for j in jobs} == {"completed"}
        assert desk.conn.get("ran") == b"5"


async def test_a_consumer_told_to_stop_gives_its_job_back(redis_url: str) -> None:
    with producer(redis_url) as (desk, tasks), consumer(redis_url, "consumer") as child:
        held = tasks["hold"]("held")
        line(child, "hanging")
        child.send_signal(signal.SIGTERM)  # huey's signal for: interrupt what runs
        child.wait(10)
        found = desk.job(held.id)
        assert (found.state, desk.queued()) == ("waiting", 1)
        assert [a.outcome for a in found.attempt] == ["interrupted"]
        assert desk.workers() == {}


async def test_a_job_that_kills_its_workers_fails_in_the_end(redis_url: str) -> None:
    with producer(redis_url) as (desk, tasks):
        job = tasks["die"]("ran")
        for _ in range(ghosts.DEATHS):
            with consumer(redis_url) as child:
                assert child.wait(20) == -signal.SIGKILL
        with consumer(redis_url):
            await waiting.until(lambda: desk.job(job.id).state == "failed")
        failed = desk.job(job.id)
        assert failed.kept
        assert failed.error.endswith("died.")
        assert [a.outcome for a in failed.attempt] == ["worker died"] * ghosts.DEATHS
        assert desk.conn.get("ran") == str(ghosts.DEATHS).encode()
        assert desk.queued() == 0


async def test_a_worker_that_was_only_asleep_cannot_end_what_was_taken(redis_url: str) -> None:
    with journals.desk(redis_url) as desk, journals.desk(redis_url) as other:
        ran: list[str] = []
        for each in (desk, other):

            @each.huey.task(name="send")
            def send(each: journals.Desk = each) -> None:
                ran.append(each.journal.heart.name)

        job = desk.huey.enqueue(desk.huey._registry.string_to_task(f"{__name__}.send")())
        claim = desk.journal.claim()
        assert claim is not None
        asleep = desk.journal.heart.name
        ghosts.recover(other.conn, desk.keys.root, asleep, now=lambda: datetime.now(UTC))
        assert [e.state for e in other.run_all()] == ["completed"]
        assert desk.journal.run(claim).state == "lost"
        done = desk.job(job.id)
        assert (done.state, done.worker) == ("completed", other.journal.heart.name)
        assert desk.ids("completed") == [job.id]
        assert desk.conn.hget(desk.keys.stats, "completed") == b"1"


def test_death_must_be_seen_twice(redis_url: str) -> None:
    clock = [100.0]
    with journals.desk(redis_url) as desk:

        @desk.huey.task()
        def send() -> None: ...

        job = send()
        assert desk.journal.claim() is not None
        sweeper = ghosts.Sweeper(
            desk.conn,
            desk.keys.root,
            now=lambda: datetime.now(UTC),
            monotonic=lambda: clock[0],
        )
        desk.journal.heart.stopping.set()
        desk.conn.delete(desk.keys.root.alive(desk.journal.heart.name))
        assert sweeper.sweep("me", Counter, grace_s=4) == []
        clock[0] += 3
        desk.journal.heart.beat()
        assert sweeper.sweep("me", Counter, grace_s=4) == [], "it was Redis that had been away"
        desk.conn.delete(desk.keys.root.alive(desk.journal.heart.name))
        clock[0] += 3
        assert sweeper.sweep("me", Counter, grace_s=4) == [], "and is suspected anew"
        clock[0] += 5
        (restored,) = sweeper.sweep("me", Counter, grace_s=4)
        assert (restored.job_id, restored.became) == (job.id, "done")
        assert sweeper.sweep("me", Counter, grace_s=4) == []


def test_a_message_that_nobody_here_knows_of_goes_back(redis_url: str) -> None:
    """The answer of a BLMOVE can be lost with its connection: the message is in our hands then."""
    clock = [100.0]
    with journals.desk(redis_url) as desk:

        @desk.huey.task()
        def send() -> None: ...

        job = send()
        me = desk.journal.heart.name
        desk.conn.lmove(desk.journal.place.waiting, desk.keys.hands(me), "RIGHT", "LEFT")
        desk.conn.sadd(desk.keys.root.queues, desk.keys.name)
        desk.journal.heart.beat()
        sweeper = ghosts.Sweeper(
            desk.conn,
            desk.keys.root,
            now=lambda: datetime.now(UTC),
            monotonic=lambda: clock[0],
        )
        assert sweeper.sweep(me, Counter, grace_s=4) == []
        clock[0] += 5
        (restored,) = sweeper.sweep(me, Counter, grace_s=4)
        assert (restored.job_id, restored.became) == (job.id, "done")
        assert desk.job(job.id).attempts == 0
        assert [e.state for e in desk.run_all()] == ["completed"]


def test_a_fork_is_a_worker_of_its_own(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with journals.desk(redis_url) as desk:
        name = desk.journal.heart.name
        with monkeypatch.context() as patch:
            patch.setattr(heart.os, "getpid", lambda: 1)
            child = desk.journal.heart.name
        assert child != name
        assert "-1-" in child


async def test_a_redis_that_was_stopped_makes_no_ghosts(tmp_path: Path) -> None:
    """All heartbeats have run out when it goes on; the living beat again before they are missed."""
    with (
        servers.valkey(tmp_path) as server,
        producer(server.url()) as (desk, tasks),
        consumer(server.url()),
        consumer(server.url()),
    ):
        held = tasks["hold"]("held")
        await waiting.until(lambda: desk.job(held.id).state == "active")
        worker = desk.job(held.id).worker
        with frozen.frozen(server.pid):
            await asyncio.sleep(2)  # the fault itself: longer than a worker's life of 0.6 s
        seen_at = desk.workers()[worker]["last_seen_at"]
        await waiting.until(lambda: desk.workers()[worker]["last_seen_at"] > seen_at + 2)
        assert (desk.job(held.id).state, desk.job(held.id).attempts) == ("active", 1)
        assert desk.conn.get("held") == b"1"


MOST = 40
"""More commands than two jobs take, or their retries: in the last of a sweep nobody dies."""

FEW = [("before", 2), ("sent", 2), ("sent", 3)]
REST = [(when, n) for n in range(1, MOST + 1) for when in ("before", "sent")]


@pytest.mark.parametrize(
    ("when", "number"),
    [*FEW, *(pytest.param(*one, marks=pytest.mark.proof) for one in REST if one not in FEW)],
)
async def test_a_worker_killed_at_any_command(redis_url: str, when: str, number: int) -> None:
    """No job is lost, and each run of one is in its attempts."""
    with journals.desk(redis_url) as desk:
        pool = desk.pool

        @desk.huey.task(name="note")
        def note(key: str) -> int:
            return int(redis.Redis(connection_pool=pool).incr(key))

        note_class = desk.huey._registry.string_to_task(f"{__name__}.note")
        note_class.__module__ = "__main__"  # the name under which the script registers it
        desk.huey._registry._registry["__main__.note"] = note_class
        jobs = [note(f"ran {n}") for n in range(2)]
        died = await _killed_and_recovered(desk, redis_url, f"{when} {number}")
        assert died or number >= 10
        assert not died or number < MOST
        for n, job in enumerate(jobs):
            found = desk.job(job.id)
            runs = int(desk.conn.get(f"ran {n}"))
            began = [a for a in found.attempt if a.started_at is not None]
            assert found.state == "completed"
            assert 1 <= runs <= len(began) == len({a.worker for a in began}), (runs, found.attempt)
        assert desk.queued() == 0
        assert not desk.conn.keys(desk.keys.hands("*"))
        assert set(desk.ids("completed")) == {job.id for job in jobs}


FEW_OF_RETRIES = [("sent", 5), ("sent", 7)]
"""While the first runs, and as huey's retry of it is written down."""

ALWAYS = 99


@pytest.mark.parametrize(
    ("when", "number"),
    [
        *FEW_OF_RETRIES,
        *(pytest.param(*one, marks=pytest.mark.proof) for one in REST if one not in FEW_OF_RETRIES),
    ],
)
async def test_a_worker_killed_at_any_command_of_a_retry(
    redis_url: str, when: str, number: int
) -> None:
    """A death neither takes a retry nor gives one, and no job is lost or runs in silence."""
    with journals.desk(redis_url) as desk:
        flaky = desk.huey.task(name="flaky", retries=1)(journal_consumer.flaky(desk.pool))
        once, ever = jobs = [flaky("ran 0", 1), flaky("ran 1", ALWAYS)]
        died = await _killed_and_recovered(desk, redis_url, f"{when} {number}")
        assert died or number > 20
        assert not died or number < MOST
        for n, job in enumerate(jobs):
            runs = int(desk.conn.get(f"ran {n}"))
            began = [a for a in desk.job(job.id).attempt if a.started_at is not None]
            assert 2 <= runs <= len(began), (runs, began)
            assert Counter(a.outcome for a in began)["worker died"] <= 1
        assert (desk.ids("completed"), desk.ids("failed")) == ([once.id], [ever.id])
        told = Counter(a.outcome for a in desk.job(ever.id).attempt)
        assert told["failed"] == 2, told
        told = Counter(a.outcome for a in desk.job(once.id).attempt)
        assert told["succeeded"] == 1, told
        assert told["failed"] in (1, 1 - told["worker died"]), told
        assert desk.queued() == 0
        assert not desk.conn.keys(desk.keys.hands("*"))


async def _killed_and_recovered(desk: journals.Desk, url: str, fault: str) -> bool:
    """Whether a consumer died of the fault and did not run all; then its jobs are run here."""
    with consumer(url, fault) as child:
        await waiting.until(lambda: child.poll() is not None or not _left(desk))
        died = child.poll() is not None
        assert not died or child.returncode == -signal.SIGKILL
    for worker in desk.workers():
        if worker != desk.journal.heart.name:
            ghosts.recover(desk.conn, desk.keys.root, worker, now=lambda: datetime.now(UTC))
    desk.run_all()
    return died


def _left(desk: journals.Desk) -> int:
    return 2 - len(desk.ids("completed")) - len(desk.ids("failed"))
