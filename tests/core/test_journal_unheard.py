"""A journal whose client does not hear an answer and asks again, as redis-py does if told to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import huey
import pytest
import redis
from redis import backoff, retry

from mrcore import journal
from mrcore.journal import scripts
from tests.core import journals


class HardOfHearing(redis.Connection):
    """A connection that breaks after Redis has run a script and before it was heard, once each."""

    unheard: ClassVar[set[str]] = set()
    lost: ClassVar[list[str]] = []
    _asked = ""

    def send_command(self, *args: Any, **options: Any) -> None:
        self._asked = str(args[1]) if args[0] == "EVALSHA" else ""
        super().send_command(*args, **options)

    def read_response(self, *args: Any, **options: Any) -> Any:
        reply = super().read_response(*args, **options)
        if self._asked in self.unheard:
            self.unheard.discard(self._asked)
            self.lost.append(self._asked)
            self.disconnect()
            raise redis.ConnectionError("the connection broke")
        return reply


@pytest.fixture
def desk(redis_url: str) -> Iterator[journals.Desk]:
    with journals.desk(redis_url) as made:
        HardOfHearing.unheard.clear()
        HardOfHearing.lost.clear()
        made.pool.disconnect()
        made.pool = redis.ConnectionPool.from_url(
            redis_url, connection_class=HardOfHearing, retry=retry.Retry(backoff.NoBackoff(), 1)
        )
        made.conn = redis.Redis(connection_pool=made.pool)
        made.huey = huey.RedisHuey("emailQueue", connection_pool=made.pool)
        made.journal = journal.watch(made.huey)
        for name in ("enqueue", "start", "finish", "requeue"):
            made.conn.script_load(scripts.text(name))
        yield made


def test_a_job_whose_enqueueing_was_not_heard_runs_once(desk: journals.Desk) -> None:
    ran: list[int] = []
    send = desk.huey.task(name="send")(ran.append)
    HardOfHearing.unheard.add(scripts.sha("enqueue"))
    send(7)
    assert HardOfHearing.lost, "nothing was repeated"
    assert desk.queued() == 1
    assert desk.conn.hget(desk.keys.stats, "enqueued") == b"1"
    desk.run_all()
    assert ran == [7]


def test_a_claim_whose_start_was_not_heard_is_one_attempt(desk: journals.Desk) -> None:
    send = desk.huey.task(name="send")(lambda: None)
    job_id = send().id
    HardOfHearing.unheard.add(scripts.sha("start"))
    (ended,) = desk.run_all()
    assert HardOfHearing.lost, "nothing was repeated"
    assert ended.state == "completed"
    found = desk.job(job_id)
    assert (found.attempts, [one.n for one in found.attempt]) == (1, [1])
    assert not desk.conn.keys(f"{desk.keys.base}begun:*"), "a mark of a run that never was stayed"


def test_what_was_enqueued_twice_still_runs_twice(desk: journals.Desk) -> None:
    ran: list[int] = []
    task = desk.huey.task(name="send")(ran.append).s(7)
    desk.huey.enqueue(task)
    HardOfHearing.unheard.add(scripts.sha("enqueue"))
    desk.huey.enqueue(task)
    desk.run_all()
    assert ran == [7, 7]
