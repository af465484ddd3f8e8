"""A job's life in the journal, on a real Valkey."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import huey
import pytest
import redis
from huey import exceptions

from mrcore import journal
from mrcore.journal import ghosts, scripts, writer
from tests import servers
from tests.core import journals


def test_a_job_that_succeeds(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:

        @desk.huey.task(name="sendOtp")
        def send(to: str, *, code: int) -> dict[str, object]:
            return {"sent": to}

        job = send("a@b", code=7)
        waiting = desk.job(job.id)
        assert (waiting.state, waiting.attempts, waiting.name) == ("waiting", 0, "sendOtp")
        assert waiting.payload == {"args": ["a@b"], "kwargs": {"code": 7}}
        assert desk.ids("waiting") == [job.id]
        claim = desk.journal.claim()
        assert claim is not None
        assert desk.job(job.id).state == "active"
        assert desk.job(job.id).worker == desk.journal.heart.name
        assert desk.conn.lrange(desk.keys.hands(claim.worker), 0, -1) == [claim.message]
        assert desk.journal.run(claim) == journal.Ended("completed", "succeeded")
        done = desk.job(job.id)
        assert (done.state, done.outcome, done.attempts) == ("completed", "succeeded", 1)
        assert None not in (done.enqueued_at, done.started_at, done.finished_at)
        assert done.enqueued_at <= done.started_at <= done.finished_at  # type: ignore[operator]
        assert done.result == {"sent": "a@b"}
        assert not done.kept
        assert desk.conn.llen(desk.keys.hands(claim.worker)) == 0
        assert (desk.ids("waiting"), desk.ids("active")) == ([], [])
        assert job.get() == {"sent": "a@b"}, "huey's own results stay"


def test_every_attempt_of_a_failing_job_keeps_its_trace(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:

        @desk.huey.task(retries=2)
        def send() -> None:
            raise OSError(f"535 BadCredentials #{desk.job(job.id).attempts}")

        job = send()
        ended = [(e.state, e.outcome) for e in desk.run_all()]
        assert ended == [("waiting", "failed")] * 2 + [("failed", "failed")]
        failed = desk.job(job.id)
        assert (failed.state, failed.attempts, failed.max_attempts) == ("failed", 3, 3)
        assert failed.error == "OSError: 535 BadCredentials #3"
        assert failed.kept
        assert [a.n for a in failed.attempt] == [1, 2, 3]
        for attempt in failed.attempt:
            assert f"BadCredentials #{attempt.n}" in attempt.trace
            assert "in send" in attempt.trace
            assert attempt.started_at is not None
            assert attempt.started_at <= attempt.ended_at
        assert desk.ids("failed") == [job.id]


def test_a_retry_with_delay_waits_in_the_schedule(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:

        @desk.huey.task(retries=1, retry_delay=60)
        def send() -> None:
            raise OSError("no")

        job = send()
        assert [e.state for e in desk.run_all()] == ["delayed"]
        delayed = desk.job(job.id)
        assert (delayed.state, delayed.error) == ("delayed", "OSError: no")
        assert delayed.due_at is not None
        assert delayed.due_at > datetime.now(UTC).timestamp() + 50
        assert desk.journal.move_due() == 0
        later = desk.huey._get_timestamp() + timedelta(seconds=61)
        assert desk.journal.move_due(later) == 1
        assert desk.job(job.id).state == "waiting"
        assert desk.conn.zcard(desk.journal.place.schedule) == 0


def test_a_delayed_job_is_not_an_attempt_until_it_is_due(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:

        @desk.huey.task()
        def send() -> int:
            return 1

        job = send.schedule(delay=3600)
        assert desk.job(job.id).state == "waiting", "huey queues it; its consumer schedules it"
        assert desk.run_all() == []
        delayed = desk.job(job.id)
        assert (delayed.state, delayed.attempts) == ("delayed", 0)
        assert desk.ids("delayed") == [job.id]
        due = desk.huey._get_timestamp() + timedelta(hours=2)
        assert desk.huey.read_schedule(due) == [], "moved already: huey has nothing left to enqueue"
        desk.huey.ready_to_run = lambda task, timestamp=None: True
        assert [e.state for e in desk.run_all()] == ["completed"]


def test_jobs_that_do_not_run_say_why(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:
        ran: list[int] = []

        @desk.huey.task()
        def send(n: int) -> None:
            ran.append(n)
            raise exceptions.CancelExecution("not today")

        revoked = send(1)
        revoked.revoke()
        expired = send.schedule((2,), expires=datetime(2001, 1, 1), eta=datetime(2001, 1, 1))  # noqa: DTZ001
        canceled = send(3)
        desk.run_all()
        jobs = [desk.job(j.id) for j in (revoked, expired, canceled)]
        assert [j.state for j in jobs] == ["completed"] * 3
        assert [j.outcome for j in jobs] == ["revoked", "expired", "canceled"]
        assert jobs[0].error == "The job was revoked before it ran."
        assert jobs[2].error == "CancelExecution: not today"
        assert ran == [3]


def test_retention_trims_the_oldest_with_their_hashes(redis_url: str) -> None:
    with journals.desk(redis_url, keep_completed=3, keep_failed=2) as desk:

        @desk.huey.task()
        def work(fail: bool) -> None:
            if fail:
                raise OSError("no")

        jobs = [work(n % 2 == 1) for n in range(12)]
        desk.run_all()
        assert desk.ids("completed") == [j.id for j in jobs[0::2][-3:]]
        assert desk.ids("failed") == [j.id for j in jobs[1::2][-2:]]
        assert not desk.conn.exists(desk.keys.job(jobs[0].id))
        assert desk.conn.hgetall(desk.keys.stats) == {
            b"enqueued": b"12",
            b"completed": b"6",
            b"failed": b"6",
        }


def retry(desk: journals.Desk, job_id: str, attempts: int) -> list[bytes]:
    now_s = datetime.now(UTC).timestamp()
    ask = "return redis.call('ZSCORE', KEYS[1], ARGV[1]) or ''"
    since = desk.conn.eval(ask, 1, desk.keys.state("failed"), job_id)
    found: list[bytes] = scripts.call(
        desk.conn, "retry", desk.journal.place, job_id, now_s, attempts, since
    )
    return found


def test_a_retry_runs_again_with_retries_as_at_first(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:
        good = threading.Event()

        @desk.huey.task(retries=1)
        def send(word: str) -> str:
            if not good.is_set():
                raise OSError("no")
            return word

        job = send("hello")
        desk.run_all()
        assert retry(desk, job.id, 1) == [b"moved", b"failed", b"2"], "it was seen otherwise"
        assert retry(desk, job.id, 2) == [b"done", b"failed", b"2"]
        assert retry(desk, job.id, 2) == [b"moved", b"waiting", b"2"]
        assert [e.state for e in desk.run_all()] == ["waiting", "failed"], "one retry of its own"
        assert (desk.job(job.id).attempts, desk.job(job.id).max_attempts) == (4, 4)
        good.set()
        assert retry(desk, job.id, 4) == [b"done", b"failed", b"4"]
        desk.run_all()
        done = desk.job(job.id)
        assert (done.state, done.attempts, done.result) == ("completed", 5, "hello")
        assert [a.outcome for a in done.attempt] == ["failed"] * 4 + ["succeeded"]
        assert done.error == ""
        assert retry(desk, "no-such-job", 1) == [b"gone", b"", b"0"]


def test_of_two_retries_at_once_exactly_one_wins(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:

        @desk.huey.task()
        def send() -> None:
            raise OSError("no")

        for _ in range(20):
            job = send()
            desk.run_all()
            answers: list[bytes] = []
            line = threading.Barrier(2)

            def race(job_id: str, line: threading.Barrier, answers: list[bytes]) -> None:
                line.wait(10)
                answers.append(retry(desk, job_id, 1)[0])

            arguments = (job.id, line, answers)
            racers = [threading.Thread(target=race, args=arguments) for _ in range(2)]
            for racer in racers:
                racer.start()
            for racer in racers:
                racer.join(10)
            assert sorted(answers) == [b"done", b"moved"]
            assert desk.queued() == 1
            desk.run_all()


def test_a_paused_queue_is_not_claimed_from(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:

        @desk.huey.task()
        def send() -> None: ...

        first, second = send(), send()
        desk.conn.set(desk.keys.paused, "1")
        assert desk.journal.claim() is None
        assert desk.queued() == 2
        assert desk.job(first.id).attempts == 0
        desk.conn.delete(desk.keys.paused)
        claim = desk.journal.claim()
        assert claim is not None
        assert claim.id == first.id, "its place in the queue is kept"
        desk.journal.run(claim)
        assert desk.ids("waiting") == [second.id]


def test_a_job_of_a_producer_that_is_not_watched(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:

        @desk.huey.task(retries=3, name="send")
        def send(n: int) -> None:
            raise OSError("no")

        plain = huey.RedisHuey("emailQueue", connection_pool=desk.pool)

        @plain.task(retries=3, name="send")
        def send_plain(n: int) -> None: ...

        plain._registry._registry = dict(desk.huey._registry._registry)
        job = send_plain.task_class((4,))
        plain.storage.enqueue(desk.huey.serialize_task(send.task_class((4,), id=job.id)))
        assert len(desk.run_all()) == 4
        found = desk.job(job.id)
        assert (found.state, found.attempts, found.max_attempts) == ("failed", 4, 4)
        assert found.payload == {"args": [4], "kwargs": {}}


def test_a_task_that_the_consumer_lacks_fails_and_is_kept(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:
        other = huey.RedisHuey("emailQueue", connection_pool=desk.pool)

        @other.task(name="unheardOf")
        def work(n: int) -> None: ...

        job = work(3)
        other.storage.enqueue(b"\x00 not a pickle")
        assert desk.run_all() == []
        assert desk.journal.claim() is None
        found = desk.job(job.id)
        assert (found.state, found.name, found.kept) == ("failed", "unheardOf", True)
        assert "not found in TaskRegistry" in found.error
        assert found.payload == {"args": [3], "kwargs": {}}
        broken = [i for i in desk.ids("failed") if i.startswith("unreadable-")]
        assert len(broken) == 1
        assert desk.job(broken[0]).payload == {"unreadable": "The message is not a pickle."}
        assert desk.queued() == 0


def test_pipelines_and_context_tasks_work_as_before(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:

        @desk.huey.task()
        def double(n: int) -> int:
            return n * 2

        @desk.huey.task(context=True)
        def third(n: int, task: huey.api.Task | None = None) -> int:
            assert task is not None
            if desk.job(task.id).attempts == 1:
                raise exceptions.RetryTask()
            return n * 3

        results = desk.huey.enqueue(double.s(1).then(third))
        assert [(e.state, e.outcome) for e in desk.run_all()] == [
            ("completed", "succeeded"),
            ("waiting", "retry"),
            ("completed", "succeeded"),
        ]
        assert results.get() == [2, 6]
        assert len(desk.ids("completed")) == 2


ODD_NAMES = ["a:b", "a/b %q?\x00é", "waiting", "a:b:waiting", "job:1"]


def test_queues_with_odd_names_do_not_meet(redis_url: str) -> None:
    pool = redis.ConnectionPool.from_url(redis_url)
    seen: dict[str, list[str]] = {name: [] for name in ODD_NAMES}
    hueys = {
        name: huey.RedisHuey(name, connection_pool=pool, clean_name=False) for name in ODD_NAMES
    }
    for name, each in hueys.items():
        journal.watch(each)

        @each.task(name="work")
        def work(name: str = name) -> None:
            seen[name].append(name)

        work()
    for each in hueys.values():
        book = journal.of(each)
        claim = book.claim()
        assert claim is not None
        book.run(claim)
        assert book.claim() is None
        book.heart.stop()
    assert seen == {name: [name] for name in ODD_NAMES}
    with redis.Redis(connection_pool=pool) as conn:
        assert {n.decode() for n in conn.smembers("mr:journal:queues")} == set(ODD_NAMES)
    pool.disconnect()


def test_what_cannot_be_watched_is_refused_with_a_sentence(redis_url: str) -> None:
    for made, word in (
        (huey.MemoryHuey("m"), "MemoryStorage"),
        (huey.PriorityRedisHuey("p", url=redis_url), "priorities"),
        (huey.RedisHuey("i", url=redis_url, immediate=True), "immediate"),
    ):
        with pytest.raises(journal.NotSupported, match=word):
            journal.watch(made)


def test_watching_twice_is_watching_once(redis_url: str) -> None:
    with journals.desk(redis_url) as desk:
        assert journal.watch(desk.huey, keep_failed=1) is desk.journal
        assert journal.of(desk.huey) is desk.journal


# -- what a job tells of itself


def test_a_job_knows_who_enqueued_it_and_whom_it_has_enqueued(redis_url: str) -> None:
    with journals.desk(redis_url) as desk, journals.desk(redis_url, "other") as other:
        work = other.huey.task(name="work")(lambda n: None)

        @desk.huey.task(name="split")
        def split() -> int:
            work(1)
            work.schedule((2,), delay=100)
            return 3

        then = desk.huey.task(name="sum_up")(lambda total: None)
        task = split.s().then(then)
        desk.huey.enqueue(task)
        desk.run_all()
        found = desk.job(task.id)
        last = ("emailQueue", task.on_complete.id)
        ids = other.ids("waiting")
        assert len(ids) == 2
        assert set(found.children) == {("other", job_id) for job_id in ids} | {last}
        assert {other.job(job_id).parent for job_id in ids} == {("emailQueue", task.id)}
        assert desk.job(last[1]).parent == ("emailQueue", task.id)
        assert found.parent is None


def test_what_a_job_tells_after_it_was_taken_is_not_written(redis_url: str) -> None:
    told: list[bool] = []
    with journals.desk(redis_url) as desk, journals.desk(redis_url) as other:

        @desk.huey.task(name="send")
        def send() -> None:
            told.append(journal.progress(0.1))
            ghosts.recover(
                other.conn, desk.keys.root, desk.journal.heart.name, now=lambda: datetime.now(UTC)
            )
            told.append(journal.log("still here"))

        job = send()
        desk.journal.run(desk.journal.claim())
        assert told == [True, False]
        assert desk.job(job.id).logs == ()
        assert not journal.log("nothing runs here")


async def test_a_job_does_not_fail_because_its_line_cannot_be_written(tmp_path: Path) -> None:
    told: list[bool] = []
    with servers.valkey(tmp_path) as server, journals.desk(server.url()) as desk:

        @desk.huey.task(name="send")
        def send() -> str:
            desk.conn.config_set("maxmemory", 1)
            told.append(journal.log("nothing fits"))
            desk.conn.config_set("maxmemory", 0)
            return "sent"

        job = send()
        desk.run_all()
        assert told == [False]
        assert desk.job(job.id).result == "sent"


def test_a_machine_whose_clock_is_wrong_changes_no_order(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) - timedelta(days=1)

    began_s = datetime.now(UTC).timestamp()
    with journals.desk(redis_url, keep_completed=2) as desk:
        send = desk.huey.task(name="send")(lambda: None)
        first = send()
        monkeypatch.setattr(writer, "datetime", Late)
        second = send()
        assert desk.ids("waiting") == [first.id, second.id]
        monkeypatch.undo()
        third = send()
        desk.journal.run(desk.journal.claim())
        monkeypatch.setattr(writer, "datetime", Late)
        claim = desk.journal.claim()
        monkeypatch.undo()
        desk.journal.run(claim)
        monkeypatch.setattr(writer, "datetime", Late)
        desk.run_all()
        assert desk.ids("completed") == [second.id, third.id], "the oldest is trimmed"
        found = desk.job(second.id)
        (attempt,) = found.attempt
        instants = (found.enqueued_at, attempt.started_at, attempt.ended_at, found.finished_at)
        assert all(at is not None and began_s - 5 < at < began_s + 60 for at in instants), instants
        assert attempt.started_at is not None
        assert attempt.started_at <= attempt.ended_at
