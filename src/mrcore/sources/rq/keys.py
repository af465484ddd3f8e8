"""RQ's keys, and ours beside them. Pure. RQ 2.12: `rq.queue`, `rq.registry`, `rq.worker`."""

from __future__ import annotations

QUEUE = "rq:queue:"
QUEUES, WORKERS, SUSPENDED = "rq:queues", "rq:workers", "rq:suspended"
CRONS, CRON_NAMES = "rq:cron_schedulers", "rq:cron_jobs"
THIRD_PARTY = "rq:scheduler:scheduled_jobs"
"""Of the package rq-scheduler."""

REGISTRIES = {
    "started": "rq:wip:",
    "failed": "rq:failed:",
    "scheduled": "rq:scheduled:",
    "deferred": "rq:deferred:",
    "quarantined": "mr:rq:quarantine:",
    "finished": "rq:finished:",
    "canceled": "rq:canceled:",
}
"""Sorted sets by what a job is; the queued ones are a list."""


def where(state: str, queue: str) -> str:
    """The key that holds the jobs of a queue that are so."""
    return f"{REGISTRIES.get(state, QUEUE)}{queue}"


def job(job_id: str) -> str:
    return f"rq:job:{job_id}"


def results(job_id: str) -> str:
    return f"rq:results:{job_id}"


def held(queue: str, job_id: str) -> str:
    """Since when, by whom and why one is quarantined."""
    return f"mr:rq:quarantined:{queue}:{job_id}"


def copied(queue: str, job_id: str) -> str:
    """The newest copy that was made of a job."""
    return f"mr:rq:copied:{queue}:{job_id}"


def trash(queue: str, mark: str) -> str:
    return f"mr:rq:trash:{queue}:{mark}:"


def cron(name: str) -> str:
    return f"rq:cron_scheduler:{name}"


def history(name: str) -> str:
    """The jobs that a cron job has enqueued, by when."""
    return f"rq:cron_job:{name}:jobs"
