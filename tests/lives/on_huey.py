"""The life on huey: its storage says the states, its journal attempts and traces."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

from huey.utils import Error

from mrcore import journal
from tests.core import journals
from tests.lives import engine, script, telling

LATER_S = 3_600


class Huey(engine.Engine):
    """huey, watched by the journal, with a worker in this process."""

    kind = "huey"

    def __init__(self, url: str) -> None:
        super().__init__()
        logging.getLogger("huey").setLevel(logging.CRITICAL)
        self.url = url
        self._ran: Counter[int] = Counter()
        self._held: journal.Claim | None = None
        self._desk = journals.Desk(url, self.queue, keep_completed=None, keep_failed=None)
        self._huey = self._desk.huey
        self._live = self._huey.task(name="live")(self._work)

    def table(self) -> dict[str, Any]:
        return {"kind": "huey", "url": self.url}

    def _work(self, n: int, fails: int, error: str) -> int:
        self._ran[n] += 1
        if fails < 0 or self._ran[n] <= fails:
            raise ConnectionError(error)
        return n

    def send(self, jobs: Sequence[script.Job]) -> None:
        for job in jobs:
            more = {"retries": 1} if job.fate is script.Fate.AGAIN else {}
            task = self._live.s(job.n, job.fails, job.error, **more)
            if job.fate is script.Fate.DELAYED:
                task = self._live.schedule((job.n, 0, ""), delay=LATER_S)
            else:
                self._huey.enqueue(task)
            self.ids[job.n] = task.id

    def run(self) -> None:
        self._desk.run_all()

    def take(self) -> None:
        self._held = self._desk.journal.claim()

    def counts(self) -> dict[str, int]:
        book, states = self._desk.keys, ("active", "failed", "completed")
        return {
            "waiting": self._huey.pending_count(),
            "delayed": self._huey.scheduled_count(),
            **{state: self._desk.conn.zcard(book.state(state)) for state in states},
        }

    def told(self) -> dict[str, telling.Told]:
        waiting = {task.id: "waiting" for task in self._huey.pending()}
        delayed = {task.id: "delayed" for task in self._huey.scheduled()}
        known = {**waiting, **delayed}
        for state in ("active", "failed", "completed"):
            known |= dict.fromkeys(self._desk.ids(state), state)
        return {job_id: self._one(job_id, state) for job_id, state in known.items()}

    def _one(self, job_id: str, state: str) -> telling.Told:
        """As the journal has it; of what ended, huey's own result must say the same."""
        row = self._desk.job(job_id)
        result = self._huey.get(job_id, peek=True)
        if state == "failed":
            assert isinstance(result, Error)
            assert row.attempt[-1].trace == result.metadata["traceback"]
        else:  # one that was retried keeps why it had failed until it has run
            succeeded = result is not None and not isinstance(result, Error)
            assert succeeded == (state == "completed")
        failed = [one.trace for one in reversed(row.attempt) if one.trace]
        return telling.Told(state, row.attempts, row.error, tuple(failed))

    def close(self) -> None:
        if self._held is not None:
            self._desk.journal.put_back(self._held)
        self._desk.journal.heart.stop()
        self._desk.pool.disconnect()
