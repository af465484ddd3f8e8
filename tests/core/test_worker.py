"""`mrcore worker`: many queues in one process, its log, its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from mrcore import errors, sources, worker
from mrcore.journal import keys, record
from mrcore.model import plans, ref
from mrcore.sources import base
from mrcore.stack import ready
from tests import frozen, servers, waiting
from tests.core import worker_app

ROOT = Path(__file__).parents[2]
STARTED = "consumes"


class Process:
    """A running `mrcore worker` and what it prints."""

    def __init__(self, url: str, *options: str) -> None:
        parts = urlsplit(url)
        reading, writing = os.pipe()
        env = {
            **os.environ,
            "REDIS_HOST": str(parts.hostname),
            "REDIS_PORT": str(parts.port),
            "REDIS_DB": parts.path.removeprefix("/"),
            ready.VARIABLE: str(writing),
        }
        app = ("--app", "tests.core.worker_app:hueys")
        times = ("--schedules", "tests.core.worker_app:schedules")
        self.child = subprocess.Popen(
            (sys.executable, "-m", "mrcore", "worker", *app, *times, *options),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=ROOT,
            text=True,
            pass_fds=(writing,),
        )
        os.close(writing)
        self.ready = os.read(reading, 1)
        os.close(reading)

    def end(self, number: signal.Signals = signal.SIGTERM) -> str:
        """Send a signal; what it printed."""
        self.child.send_signal(number)
        return self.child.communicate(timeout=30)[0]


@contextlib.contextmanager
def running(url: str, *options: str) -> Iterator[Process]:
    process = Process(url, *options)
    try:
        yield process
    finally:
        process.child.kill()
        process.child.communicate(timeout=30)


@pytest.fixture
def pool(redis_url: str) -> Iterator[redis.ConnectionPool]:
    with contextlib.closing(redis.ConnectionPool.from_url(redis_url)) as made:
        yield made


@pytest.fixture
def conn(pool: redis.ConnectionPool) -> Any:
    return redis.Redis(connection_pool=pool)


def job(conn: Any, queue: str, job_id: str) -> record.Record:
    found = record.whole(job_id, conn.hgetall(keys.Root().queue(queue).job(job_id)))
    assert found is not None
    return found


def add(hueys: dict[str, Any], queue: str, task: str, *args: object) -> str:
    tasks = hueys[queue]._registry._registry
    made = next(t for name, t in tasks.items() if name.endswith(f".{task}"))(args)
    hueys[queue].enqueue(made)
    return str(made.id)


async def test_it_works_on_every_queue_and_says_so(
    redis_url: str, pool: redis.ConnectionPool, conn: Any
) -> None:
    hueys = worker_app.hueys(pool)
    before = add(hueys, "emailQueue", "note", "before")
    with running(redis_url) as process:
        assert process.ready == b"1"
        ids = {name: add(hueys, name, "note", f"n {name}") for name in hueys}
        failed = add(hueys, "emailQueue", "fail", "535 BadCredentials")
        await waiting.until(lambda: job(conn, "emailQueue", failed).state == "failed")
        for name, job_id in ids.items():
            await waiting.until(lambda n=name, i=job_id: job(conn, n, i).state == "completed")
        await waiting.until(lambda: job(conn, "emailQueue", before).state == "completed")
        await waiting.until(lambda: conn.get("ticked") == b"1")
        assert conn.get("n odd/name %") == b"1"
        said = process.end()
        assert process.child.returncode == 0
    lines = said.splitlines()
    assert any(f"INFO [email.worker] job {before} note succeeded in" in line for line in lines)
    assert f"WARNING [email.worker] job {failed} fail failed (1/2), will be retried" in said
    assert f"ERROR [email.worker] job {failed} fail failed (2/2)\n" in said
    assert said.count("Traceback (most recent call last):") == 2
    assert said.count("OSError: 535 BadCredentials") == 2
    assert any("[odd/name %.worker]" in line for line in lines)
    assert all(line[:4].isdigit() and line[10] == "T" for line in lines if "worker]" in line)
    assert conn.hgetall("mr:journal:workers") == {}, "it has signed off"
    assert not conn.exists(keys.LEASE), "and let the lease go"


async def test_delayed_and_unannounced_jobs_are_found_too(
    redis_url: str, pool: redis.ConnectionPool, conn: Any
) -> None:
    hueys = worker_app.hueys(pool)
    email = hueys["emailQueue"]
    tasks = email._registry._registry
    note = next(t for name, t in tasks.items() if name.endswith(".note"))
    with running(redis_url):
        later = note(("later",), eta=email._get_timestamp())
        email.add_schedule(later)
        conn.lpush("huey.redis.emailQueue", email.serialize_task(note(("quiet",))))
        await waiting.until(lambda: conn.get("later") == b"1")
        await waiting.until(lambda: conn.get("quiet") == b"1")
        conn.set(keys.Root().queue("emailQueue").paused, "1")
        held = add(hueys, "emailQueue", "note", "held")
        add(hueys, "kpiQueue", "note", "other")
        await waiting.until(lambda: conn.get("other") == b"1")
        assert job(conn, "emailQueue", held).state == "waiting"
        conn.delete(keys.Root().queue("emailQueue").paused)
        await waiting.until(lambda: conn.get("held") == b"1")


async def test_a_running_job_may_end_when_it_is_told_to_stop(
    redis_url: str, pool: redis.ConnectionPool, conn: Any
) -> None:
    hueys = worker_app.hueys(pool)
    with running(redis_url) as process:
        held = add(hueys, "emailQueue", "hold", "h")
        assert conn.blpop(["h:begun"], 20)
        process.child.send_signal(signal.SIGTERM)
        for line in process.child.stdout:
            if "leaves" in line:
                break
        conn.lpush("h:go", 1)
        process.child.communicate(timeout=30)
    done = job(conn, "emailQueue", held)
    assert (done.state, done.attempts) == ("completed", 1)


async def test_a_job_that_does_not_end_is_given_back(
    redis_url: str, pool: redis.ConnectionPool, conn: Any
) -> None:
    hueys = worker_app.hueys(pool)
    with running(redis_url) as process:
        held = add(hueys, "emailQueue", "stuck", "s")
        assert conn.blpop(["s:begun"], 20)
        said = process.end()
        assert process.child.returncode == 0
    assert f"job {held} stuck given back" in said
    found = job(conn, "emailQueue", held)
    assert found.state == "waiting"
    assert [a.outcome for a in found.attempt] == ["interrupted"]
    with running(redis_url):
        await waiting.until(lambda: job(conn, "emailQueue", held).state == "completed")
    assert job(conn, "emailQueue", held).attempts == 2


async def test_it_leaves_although_redis_does_not_answer(tmp_path: Path) -> None:
    with (
        servers.valkey(tmp_path) as server,
        running(server.url()) as process,
        frozen.frozen(server.pid),
    ):
        process.end()
        assert process.child.returncode == 0


async def test_one_job_of_a_queue_at_a_time_and_others_beside_it(
    redis_url: str, pool: redis.ConnectionPool, conn: Any
) -> None:
    hueys = worker_app.hueys(pool)
    with running(redis_url):
        first = add(hueys, "emailQueue", "hold", "h")
        assert conn.blpop(["h:begun"], 20)
        second = add(hueys, "emailQueue", "note", "second")
        beside = add(hueys, "kpiQueue", "note", "beside")
        await waiting.until(lambda: job(conn, "kpiQueue", beside).state == "completed")
        assert job(conn, "emailQueue", second).state == "waiting"
        assert job(conn, "emailQueue", first).state == "active"
        conn.lpush("h:go", 1)
        await waiting.until(lambda: job(conn, "emailQueue", second).state == "completed")


@pytest.mark.parametrize("supervised", ["1", "0"])
async def test_a_supervised_worker_ends_when_a_restart_is_wished(
    redis_url: str,
    pool: redis.ConnectionPool,
    conn: Any,
    monkeypatch: pytest.MonkeyPatch,
    supervised: str,
) -> None:
    """It lets what runs end first; one that nobody would start again does not end."""
    monkeypatch.setenv("MR_SUPERVISED", supervised)
    hueys = worker_app.hueys(pool)
    with running(redis_url) as process:
        held = add(hueys, "emailQueue", "hold", "h")
        assert conn.blpop(["h:begun"], 20)
        (name,) = conn.hkeys("mr:journal:workers")
        of = ref.make("huey", "worker", name)
        async with sources.build("huey", {"url": redis_url})[0] as source:
            said = await waiting.until(lambda: planned(source, of))
            if supervised == "0":
                assert said[0].startswith("Nobody would start it again")
                conn.set(keys.Root().restart(name.decode()), "1")
                beat = conn.hget("mr:journal:workers", name)
                await waiting.until(lambda: conn.hget("mr:journal:workers", name) != beat)
                assert process.child.poll() is None
                return
        assert said == ["1 job is running: they end first, or go back after 20 s"]
        conn.set(keys.Root().restart(name.decode()), "1")
        await waiting.until(lambda: not conn.exists(keys.Root().restart(name.decode())))
        assert process.child.poll() is None
        assert job(conn, "emailQueue", held).state == "active"
        conn.lpush("h:go", 1)
        assert process.child.wait(30) == 0
        assert job(conn, "emailQueue", held).state == "completed"
        assert "ends, to be started again" in process.child.communicate()[0]


async def planned(source: base.Source, of: str) -> list[str]:
    """What a plan to restart says, once its worker is busy or is left out."""
    selection = plans.Selection(refs=(of,))
    said = []
    async for part in source.plan("worker.restart", selection, {}, lambda looked, total: None):
        if isinstance(part, plans.Remark):
            said.append(part.text)
        elif isinstance(part, plans.LeftOut):
            said.append(part.why)
    return said


async def test_only_the_named_queues_are_consumed(
    redis_url: str, pool: redis.ConnectionPool, conn: Any
) -> None:
    hueys = worker_app.hueys(pool)
    with running(redis_url, "--queues", "emailQueue, kpiQueue") as process:
        (facts,) = conn.hgetall("mr:journal:workers").values()
        assert b'"queues": ["emailQueue", "kpiQueue"]' in facts
        odd = add(hueys, "odd/name %", "note", "odd")
        email = add(hueys, "emailQueue", "note", "email")
        await waiting.until(lambda: job(conn, "emailQueue", email).state == "completed")
        assert job(conn, "odd/name %", odd).state == "waiting"
        process.end()


def test_a_queue_that_there_is_not_is_a_sentence(redis_url: str) -> None:
    with running(redis_url, "--queues", "mailQueue") as process:
        assert process.child.communicate(timeout=30)[0].endswith(
            "There is no queue 'mailQueue'. The queues are emailQueue, kpiQueue, odd/name %.\n"
        )
        assert process.child.returncode == 2


async def test_it_waits_for_a_redis_that_is_away(pool: redis.ConnectionPool) -> None:
    away = redis.ConnectionPool(host="127.0.0.1", port=1)
    made = worker.Worker(worker_app.hueys(away), now=base.utc_now)
    ended: list[bool] = []
    thread = threading.Thread(target=lambda: ended.append(made.run()))
    thread.start()
    made.stop()
    thread.join(20)
    assert ended == [True]
    away.close()


async def test_an_idle_worker_is_light(redis_url: str, conn: Any) -> None:
    with running(redis_url) as process:
        pid = process.child.pid
        connections = [c for c in conn.client_list() if c["db"] == redis_url.rsplit("/", 1)[1]]
        assert len(connections) <= worker.THREADS + 5
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        assert threads <= worker.THREADS + 4


def test_turns_are_fair_and_limited() -> None:
    board = worker.Board(("a", "b", "c"), limit=1)
    for queue in ("a", "a", "b", "c", "unknown"):
        board.hint(queue)
    turns = [board.take() for _ in range(3)]
    assert [turn[0] for turn in turns if turn] == ["a", "b", "c"]
    board.done("a", turns[0][1], empty=False)
    again = board.take()
    assert again is not None
    assert again[0] == "a", "it had a job, so it may have another"
    board.hint("a")
    board.done("a", again[1], empty=True)
    third = board.take()
    assert third is not None
    assert third[0] == "a", "a hint that came meanwhile is not lost"
    board.done("a", third[1], empty=True)
    assert not board.quiet(0)
    board.done("b", 1, empty=True)
    board.done("c", 1, empty=True)
    assert board.quiet(0)
    board.close()
    assert board.take() is None


def test_a_worker_needs_a_queue() -> None:
    with pytest.raises(errors.SettingsError, match="needs a queue"):
        worker.Worker({}, now=base.utc_now)
