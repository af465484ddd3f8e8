"""The life on RQ: its classes say everything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import rq
from rq.job import Job
from rq.results import Result

from tests.contract import rq_desk
from tests.lives import engine, script, telling

_STATES = {
    "queued": "waiting", "scheduled": "delayed", "started": "active", "failed": "failed",
    "finished": "completed",
}  # fmt: skip


def work(n: int, fails: int, error: str) -> int:
    """What runs; the job's own meta remembers how often."""
    job = rq.get_current_job()
    assert job is not None
    job.meta["ran"] = ran = job.meta.get("ran", 0) + 1
    job.save_meta()  # type: ignore[no-untyped-call]
    if fails < 0 or ran <= fails:
        raise ConnectionError(error)
    return n


class Rq(engine.Engine):
    """RQ with a worker in this process."""

    kind = "rq"
    untold = frozenset({script.Fate.AGAIN})

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self._desk = rq_desk.Desk(url)
        self._queue = self._desk.queue(self.queue)

    def table(self) -> dict[str, Any]:
        return {"kind": "rq", "url": self.url}

    def send(self, jobs: Sequence[script.Job]) -> None:
        for job in jobs:
            args = (job.n, job.fails, job.error)
            if job.fate is script.Fate.DELAYED:
                made = self._queue.enqueue_in(timedelta(hours=1), work, *args)
            else:
                retry = rq.Retry(max=1) if job.fate is script.Fate.AGAIN else None
                made = self._queue.enqueue(work, args=args, retry=retry, result_ttl=-1)
            self.ids[job.n] = made.id

    def run(self) -> None:
        self._desk.run_all(self.queue)

    def take(self) -> None:
        worker = rq_desk.Worker([self._queue], connection=self._desk.conn)
        worker.register_birth()  # type: ignore[no-untyped-call]
        found = worker.dequeue_job_and_maintain_ttl(timeout=None)
        assert found is not None
        worker.prepare_execution(found[0])
        worker.prepare_job_execution(found[0])

    def counts(self) -> dict[str, int]:
        return {ours: len(self._desk.ids(self.queue, theirs)) for theirs, ours in _STATES.items()}

    def told(self) -> dict[str, telling.Told]:
        ids = [job_id for state in _STATES for job_id in self._desk.ids(self.queue, state)]
        found = Job.fetch_many(ids, connection=self._desk.conn)
        return {job.id: self._one(job) for job in found if job is not None}

    def _one(self, job: Job) -> telling.Told:
        state = _STATES[str(job.get_status().value)]
        results = job.results()
        traces = [one.exc_string for one in results if one.type == Result.Type.FAILED]
        error = (traces[0] or "").rstrip().splitlines()[-1] if state == "failed" else ""
        attempts = len(results) + len(job.get_executions())
        return telling.Told(state, attempts, error, tuple(one or "" for one in traces))

    def close(self) -> None:
        self._desk.close()
