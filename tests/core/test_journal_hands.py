"""What a worker holds: it is found again whatever it is, and only what has begun has run."""

from __future__ import annotations

import base64
import os
import signal
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import huey.serializer
import pytest
import redis

from mrcore.journal import claims, ghosts, graves
from tests import waiting
from tests.core import journals
from tests.core.test_journal_crash import consumer, line, producer

LARGE = 70_000
"""Bytes: more than the reader looks into."""


class Odd(huey.serializer.Serializer):  # type: ignore[misc]  # huey has no types
    """A serializer that only this application knows."""

    def _serialize(self, data: Any) -> bytes:
        return base64.b64encode(super()._serialize(data))

    def _deserialize(self, data: bytes) -> Any:
        return super()._deserialize(base64.b64decode(data))


def now() -> datetime:
    return datetime.now(UTC)


def work(desk: journals.Desk, how: str) -> tuple[str, list[str]]:
    """An enqueued job whose message the reader cannot read; its id, and what has run."""
    ran: list[str] = []
    if how == "odd":
        desk.huey.serializer = Odd()
    elif how == "compressed":
        desk.huey.serializer = huey.serializer.Serializer(compression=True)

    @desk.huey.task(name="work")
    def body(text: str) -> None:
        ran.append(desk.journal.heart.name)

    text = (
        base64.b64encode(os.urandom(LARGE)).decode() if how in ("large", "compressed") else "short"
    )
    return body(text).id, ran


def claimed(desk: journals.Desk) -> claims.Claim:
    claim = desk.journal.claim()
    assert claim is not None
    return claim


def dies(desk: journals.Desk, worker: str = "") -> list[str]:
    """The desk's worker, or another, is dead; what became of what it held."""
    name = worker or desk.journal.heart.name
    found = ghosts.recover(desk.conn, desk.keys.root, name, now=now)
    return [each.became for each in found]


def taken(desk: journals.Desk, worker: str) -> None:
    """A worker takes the next message and comes no further."""
    hands = desk.keys.hands(worker)
    assert desk.conn.lmove(desk.journal.place.waiting, hands, "RIGHT", "LEFT")


def begun(desk: journals.Desk) -> int:
    return sum(len(desk.conn.hgetall(key)) for key in desk.conn.keys(f"{desk.keys.base}begun:*"))


# -- the buried


def test_a_job_that_redis_left_before_it_began_is_not_held_for_ever(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise redis.ConnectionError("Redis is away.")

    with journals.desk(redis_url) as desk:
        job, ran = work(desk, "short")
        claim = claimed(desk)
        with monkeypatch.context() as patch:
            patch.setattr(desk.huey, "is_revoked", away)
            patch.setattr(desk.journal.endings, "give_back", away)
            with pytest.raises(redis.ConnectionError):
                desk.journal.run(claim)
        assert desk.journal.in_hand() == [], "else no sweep would ever take it for a stray"
        held = [
            message for _, message in ghosts.hands(desk.conn, desk.journal.heart.root, claim.worker)
        ]
        assert held == [claim.message]
        assert (desk.job(job).state, ran) == ("active", [])


async def test_who_was_buried_asleep_and_wakes_to_die_with_a_job(redis_url: str) -> None:
    with producer(redis_url) as (desk, tasks), consumer(redis_url, "asleep") as sleeper:
        (asleep,) = desk.workers()
        with consumer(redis_url):
            await waiting.until(lambda: asleep not in desk.workers(), what="it is buried")
        job = tasks["note"]("ran")  # which it had asked for before it fell asleep
        line(sleeper, "hanging")
        assert desk.queued() == 0
        sleeper.send_signal(signal.SIGKILL)
        sleeper.wait(10)
        assert asleep not in desk.workers()
        with consumer(redis_url) as other:
            assert line(other, "ran").split()[1] == job.id
            await waiting.until(lambda: asleep not in desk.workers(), what="buried again")
        assert desk.conn.get("ran") == b"1"


def test_graves_are_looked_at_some_at_a_time_and_known_for_a_week(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graves, "AT_ONCE", 3)
    with journals.desk(redis_url) as desk:
        root, conn = desk.keys.root, desk.conn
        work(desk, "large")
        for n in range(7):
            ghosts.bury(conn, root, f"w{n}", now=now)
        taken(desk, "w5")
        looks = graves.Graves(conn, root)
        assert [looks.look() for _ in range(4)] == [[], ["w5"], [], []]
        assert list(desk.workers()) == ["w5"]
        assert ghosts.dead(conn, root) == ["w5"]
        ghosts.bury(conn, root, "w5", now=now)
        assert list(desk.workers()) == ["w5"], "it holds something"
        conn.zadd(root.buried, {"w1": now().timestamp() - graves.KEPT_S - 1})
        ghosts.bury(conn, root, "w9", now=now)
        assert {name.decode() for name in conn.zrange(root.buried, 0, -1)} == {
            f"w{n}" for n in (0, 2, 3, 4, 5, 6, 9)
        }


def test_who_was_buried_and_lives_is_let_be(redis_url: str) -> None:
    clock = [100.0]
    with journals.desk(redis_url) as desk, journals.desk(redis_url) as other:
        work(desk, "large")
        heart = desk.journal.heart
        ghosts.bury(desk.conn, desk.keys.root, heart.name, now=now)
        claim = claimed(desk)
        sweeper = ghosts.Sweeper(other.conn, desk.keys.root, now=now, monotonic=lambda: clock[0])
        for _ in range(3):
            heart.beat()
            assert sweeper.sweep("me", Counter, grace_s=4) == []
            clock[0] += 5
        assert desk.journal.run(claim).state == "completed"


# -- messages that the reader cannot read

UNREADABLE = ["large", "compressed", "odd"]


@pytest.mark.parametrize("how", UNREADABLE)
def test_a_job_that_kills_its_workers_fails_whatever_its_message(redis_url: str, how: str) -> None:
    with journals.desk(redis_url) as desk:
        job_id, ran = work(desk, how)
        became = []
        for _ in range(ghosts.DEATHS):
            claimed(desk)
            became += dies(desk)
        assert became == ["done"] * (ghosts.DEATHS - 1) + ["failed"]
        failed = desk.job(job_id)
        assert (failed.state, failed.kept, failed.attempts) == ("failed", True, ghosts.DEATHS)
        assert [(a.n, a.outcome, a.started_at is None) for a in failed.attempt] == [
            (n, "worker died", False) for n in (1, 2, 3)
        ]
        assert (desk.queued(), ran, begun(desk)) == (0, [], 0)
        assert [desk.ids(s) for s in ("waiting", "active")] == [[], []]


@pytest.mark.parametrize("how", UNREADABLE)
def test_a_job_that_is_put_back_waits_whatever_its_message(redis_url: str, how: str) -> None:
    with journals.desk(redis_url) as desk:
        job_id, ran = work(desk, how)
        desk.journal.put_back(claimed(desk))
        found = desk.job(job_id)
        assert (found.state, desk.queued(), desk.ids("active")) == ("waiting", 1, [])
        assert [a.outcome for a in found.attempt] == ["interrupted"]
        assert [e.state for e in desk.run_all()] == ["completed"]
        assert (len(ran), begun(desk)) == (1, 0)


@pytest.mark.parametrize("how", ["", *UNREADABLE])
def test_what_has_not_begun_is_no_attempt_and_no_death(redis_url: str, how: str) -> None:
    """A paused queue is claimed from once a second: three kills then say nothing of the job."""
    with journals.desk(redis_url) as desk:
        job_id, ran = work(desk, how)
        for n in range(2 * ghosts.DEATHS):
            taken(desk, f"w{n}")
            assert dies(desk, f"w{n}") == ["done"]
        found = desk.job(job_id)
        assert (found.state, found.attempts, found.attempt) == ("waiting", 0, ())
        assert desk.conn.hget(desk.keys.job(job_id), "deaths") is None
        assert [e.state for e in desk.run_all()] == ["completed"]
        assert len(ran) == 1


def test_a_run_that_ends_forgets_the_deaths_before_it(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:
        body = desk.huey.task(name="work")(lambda: None)
        task = body.s()
        for _ in range(2):
            desk.huey.enqueue(task)
            for _ in range(ghosts.DEATHS - 1):
                claimed(desk)
                assert dies(desk) == ["done"]
            assert [e.state for e in desk.run_all()] == ["completed"]
        assert desk.job(task.id).attempts == 2 * ghosts.DEATHS


# -- equal messages


def test_one_job_enqueued_twice_runs_twice(redis_url: str) -> None:
    clock = [100.0]
    with journals.desk(redis_url) as desk:
        ran: list[int] = []
        body = desk.huey.task(name="work")(lambda: ran.append(1))
        task = body.s()
        desk.huey.enqueue(task)
        desk.huey.enqueue(task)
        first, second = claimed(desk), claimed(desk)
        assert first.message == second.message
        desk.journal.run(first)
        heart = desk.journal.heart
        sweeper = ghosts.Sweeper(desk.conn, desk.keys.root, now=now, monotonic=lambda: clock[0])
        for _ in range(3):
            heart.beat()
            assert sweeper.sweep(heart.name, heart._messages, grace_s=4) == [], "it still runs"
            clock[0] += 5
        assert desk.journal.in_hand() == [second]
        assert desk.journal.run(second).state == "completed"
        assert desk.run_all() == []
        assert (len(ran), desk.queued(), begun(desk)) == (2, 0, 0)
        assert not desk.conn.keys(desk.keys.hands("*"))


def test_of_equal_messages_only_the_one_that_nobody_knows_goes_back(redis_url: str) -> None:
    clock = [100.0]
    with journals.desk(redis_url) as desk:
        body = desk.huey.task(name="work")(lambda: None)
        task = body.s()
        desk.huey.enqueue(task)
        desk.huey.enqueue(task)
        claim, heart = claimed(desk), desk.journal.heart
        taken(desk, heart.name)
        sweeper = ghosts.Sweeper(desk.conn, desk.keys.root, now=now, monotonic=lambda: clock[0])
        assert sweeper.sweep(heart.name, heart._messages, grace_s=4) == []
        clock[0] += 5
        (back,) = sweeper.sweep(heart.name, heart._messages, grace_s=4)
        assert (back.job_id, back.became, desk.queued()) == (task.id, "done", 1)
        assert desk.job(task.id).attempt == (), "what goes back has not begun"
        assert desk.journal.run(claim).state == "completed"
        assert [e.state for e in desk.run_all()] == ["completed"]
        assert begun(desk) == 0


def test_of_equal_messages_in_dead_hands_each_run_is_an_attempt(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:
        body = desk.huey.task(name="work")(lambda: None)
        task = body.s()
        for _ in range(3):
            desk.huey.enqueue(task)
        claimed(desk)
        claimed(desk)
        taken(desk, desk.journal.heart.name)
        assert dies(desk) == ["done"] * 3
        found = desk.job(task.id)
        assert [(a.n, a.outcome) for a in found.attempt] == [(1, "worker died"), (2, "worker died")]
        assert (desk.queued(), begun(desk)) == (3, 0)


def test_a_run_whose_mark_went_with_an_equal_message_leaves_none(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:
        body = desk.huey.task(name="work")(lambda: None)
        task = body.s()
        desk.huey.enqueue(task)
        desk.huey.enqueue(task)
        first, second = claimed(desk), claimed(desk)
        name, queue = desk.journal.heart.name, desk.keys.name
        ghosts.restore(desk.conn, desk.keys.root, name, queue, first.message, "lost", now)
        assert [a.n for a in desk.job(task.id).attempt] == [second.n], "the newest is not known"
        assert desk.journal.run(second).state == "completed"
        assert begun(desk) == 0
        assert desk.journal.run(first).state == "lost"


# -- quarantine


def since(desk: journals.Desk, state: str, job_id: str) -> bytes:
    """When a job came into its state, in the very digits of Redis."""
    script = "return redis.call('ZSCORE', KEYS[1], ARGV[1])"
    found: bytes = desk.conn.eval(script, 1, desk.keys.state(state), job_id)
    return found


def quarantine(desk: journals.Desk, job_id: str) -> None:
    (message,) = desk.conn.lrange(desk.journal.place.waiting, 0, -1)
    attempts = desk.job(job_id).attempts
    rest = ("waiting", attempts, since(desk, "waiting", job_id), message, 1, "asha", "why", "mark")
    reply = desk.journal.pen.call("quarantine", job_id, *rest)
    assert reply[0] == b"done", reply


def release(desk: journals.Desk, job_id: str) -> None:
    attempts = desk.job(job_id).attempts
    reply = desk.journal.pen.call("release", job_id, attempts, since(desk, "quarantined", job_id))
    assert reply[0] == b"done", reply


@pytest.mark.parametrize("how", ["enqueue", "schedule", "met"])
def test_what_is_enqueued_of_a_quarantined_job_stays_beside_it(redis_url: str, how: str) -> None:
    with journals.desk(redis_url) as desk:
        ran: list[int] = []
        body = desk.huey.task(name="work")(lambda: ran.append(1))
        task = body.s()
        desk.huey.enqueue(task)
        quarantine(desk, task.id)
        if how == "enqueue":
            desk.huey.enqueue(task)
        elif how == "schedule":
            desk.huey.add_schedule(task)
        else:  # of a producer that is not watched
            desk.conn.lpush(desk.journal.place.waiting, desk.huey.serialize_task(task))
        assert desk.run_all() == []
        assert (desk.job(task.id).state, ran, desk.queued()) == ("quarantined", [], 0)
        assert desk.ids("quarantined") == [task.id]
        assert desk.conn.zcard(desk.journal.place.schedule) == 0
        assert desk.conn.hget(desk.keys.quarantine(task.id), "asides") == b"1"
        release(desk, task.id)
        assert len(desk.run_all()) == len(ran) == 2


@pytest.mark.parametrize("end", ["run", "die"])
def test_a_run_that_ends_leaves_its_quarantined_namesake(redis_url: str, end: str) -> None:
    with journals.desk(redis_url) as desk:
        body = desk.huey.task(name="work")(lambda: 7)
        task = body.s()
        desk.huey.enqueue(task)
        claim = claimed(desk)
        desk.huey.enqueue(task)
        quarantine(desk, task.id)
        if end == "run":
            assert desk.journal.run(claim).state == "completed"
        else:
            assert dies(desk) == ["aside"]
        found = desk.job(task.id)
        assert (found.state, desk.ids("quarantined")) == ("quarantined", [task.id])
        assert [a.outcome for a in found.attempt] == [
            "succeeded" if end == "run" else "worker died"
        ]
        release(desk, task.id)
        assert len(desk.run_all()) == (1 if end == "run" else 2)
        assert desk.job(task.id).state == "completed"
