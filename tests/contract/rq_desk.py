"""RQ as an application has it: queues, real workers in this process, a cron scheduler."""

from __future__ import annotations

import logging
from typing import Any

import redis
import rq
from rq import cron, registry, timeouts, utils

from tests.contract import rq_jobs

TRACE = """Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/rq/worker/base.py", line 1588, in perform_job
    return_value = job.perform()
  File "/app/mentor/mail.py", line 41, in send
    smtp.login(user, password)
ConnectionError: 535-5.7.8 refused """

logging.getLogger("rq").setLevel(logging.ERROR)


class Worker(rq.SimpleWorker):
    """Runs jobs in whatever thread it is called, and leaves the process as it was."""

    death_penalty_class = timeouts.TimerDeathPenalty

    def _install_signal_handlers(self) -> None:
        """Signals are of the main thread."""

    def subscribe(self) -> None:
        """Nobody sends it commands."""

    def unsubscribe(self) -> None:
        """Nobody does."""


class Desk:
    """One Redis with RQ in it; all that rq's own library says of it."""

    def __init__(self, url: str) -> None:
        self.conn: Any = redis.Redis.from_url(url)
        self._standing: list[Worker] = []
        self._crons: list[cron.CronScheduler] = []

    def close(self) -> None:
        self.conn.close()

    def queue(self, name: str) -> rq.Queue:
        return rq.Queue(name, connection=self.conn)

    def send(self, name: str, to: object = "asha@example.org", **options: Any) -> str:
        """Enqueue one that will succeed; its id."""
        return str(self.queue(name).enqueue(rq_jobs.send_otp, to, **options).id)

    def fail(self, name: str, number: int = 0, **options: Any) -> str:
        """Enqueue one that will fail; its id."""
        return str(self.queue(name).enqueue(rq_jobs.refuse, number, **options).id)

    def run_all(self, *names: str, **options: Any) -> None:
        """Until nothing waits; `options` are the worker's."""
        queues = [self.queue(name) for name in names]
        Worker(queues, connection=self.conn, **options).work(burst=True, logging_level="CRITICAL")

    def stand(self, *names: str) -> str:
        """A worker that is there and does nothing; its name."""
        worker = Worker([self.queue(name) for name in names], connection=self.conn)
        worker.register_birth()  # type: ignore[no-untyped-call]
        worker.set_state("idle")
        self._standing.append(worker)
        return str(worker.name)

    def cron(self, queue: str, *names: str, to: str = "all") -> cron.CronScheduler:
        """A scheduler that has declared these, every hour, and is not forgotten in a slow test."""
        made = cron.CronScheduler(self.conn, logging_level="CRITICAL")
        for name in names:
            made.register(rq_jobs.send_otp, queue, args=(to,), interval=3600, name=name)
        made.register_birth()
        self.conn.persist(made.key)
        self._crons.append(made)
        return made

    def tick(self, name: str) -> None:
        """The cron job of that name is due."""
        for made in self._crons:
            for job in made.get_jobs():
                if job.name == name:
                    job.enqueue(self.conn)

    def ids(self, name: str, state: str) -> list[str]:
        """Which jobs are so, as rq says."""
        queue = self.queue(name)
        if state == "queued":
            return list(queue.get_job_ids())
        found: registry.BaseRegistry = getattr(queue, f"{state}_job_registry")
        return list(found.get_job_ids(cleanup=False))

    def heap(self, name: str, count: int, *, size: int = 2_000) -> list[str]:
        """So many failed jobs, as rq writes them when they fail; their ids."""
        queue, ids = self.queue(name), []
        for start in range(0, count, size):
            with self.conn.pipeline(transaction=False) as pipe:
                pipe.sadd(rq.Queue.redis_queues_keys, queue.key)
                for number in range(start, min(count, start + size)):
                    job = queue.create_job(rq_jobs.refuse, (number,))
                    job.set_status(rq.job.JobStatus.FAILED, pipeline=pipe)
                    job.enqueued_at = job.started_at = job.ended_at = utils.now()
                    job.save(pipeline=pipe)
                    job._handle_failure(f"{TRACE}{number}", pipe)
                    ids.append(job.id)
                pipe.execute()
        return ids

    def due(self, name: str, job_id: str) -> None:
        """As rq's scheduler does when a delayed job is due."""
        queue = self.queue(name)
        if job_id in self.ids(name, "scheduled"):
            [job] = rq.job.Job.fetch_many([job_id], connection=self.conn)
            with self.conn.pipeline() as pipe:
                if job is not None:
                    queue._enqueue_job(job, pipeline=pipe)
                queue.scheduled_job_registry.remove(job_id, pipeline=pipe)
                pipe.execute()
