"""What the journal's tests share: a watched huey over the test's own Redis, and how to read it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import huey
import redis

from mrcore import journal
from mrcore.journal import record


class Desk:
    """A watched huey, its journal, and a client that reads what is written."""

    def __init__(self, url: str, queue: str, **options: Any) -> None:
        self.pool = redis.ConnectionPool.from_url(url)
        self.conn: Any = redis.Redis(connection_pool=self.pool)
        self.huey: Any = huey.RedisHuey(queue, connection_pool=self.pool)
        self.journal = journal.watch(self.huey, **options)
        self.keys = self.journal.place.queue

    def job(self, job_id: str) -> record.Record:
        found = record.whole(job_id, self.conn.hgetall(self.keys.job(job_id)))
        assert found is not None, f"the journal has no job {job_id}"
        return found

    def ids(self, state: str) -> list[str]:
        return [i.decode() for i in self.conn.zrange(self.keys.state(state), 0, -1)]

    def workers(self) -> dict[str, Any]:
        found = self.conn.hgetall(self.keys.root.workers)
        return {name.decode(): json.loads(value) for name, value in found.items()}

    def queued(self) -> int:
        return int(self.conn.llen(self.journal.place.waiting))

    def run_all(self) -> list[journal.Ended]:
        """Run what waits, and what that brings, until nothing waits."""
        ended = []
        while (claim := self.journal.claim()) is not None:
            ended.append(self.journal.run(claim))
        return ended


@contextlib.contextmanager
def desk(url: str, queue: str = "emailQueue", **options: Any) -> Iterator[Desk]:
    """A desk whose worker leaves and whose connections close at the end."""
    made = Desk(url, queue, **options)
    try:
        yield made
    finally:
        made.journal.heart.stop()
        made.pool.disconnect()
