"""The one table of Mr. Mentor's queues: exact names, what is kept, which jobs, how often again.

Every producer and every consumer builds its hueys here, so that all agree on names and retries.
A job's function is named, not imported: the backend enqueues without loading what the jobs need.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis
from huey import api

from mrcore import journal
from mrcore.mentor import trace

if TYPE_CHECKING:
    from mrcore.mentor import tools

Work = Callable[..., Coroutine[Any, Any, Any]]
"""A job's function: `async def f(tools, **payload)`."""


@dataclass(frozen=True)
class Job:
    """A kind of job: `function` is `module:name` below this package."""

    name: str
    function: str
    retries: int = 1
    retry_delay_s: int = 30

    def load(self) -> Work:
        """Import the function."""
        work: Work = pkgutil.resolve_name(f"mrcore.mentor.{self.function}")
        return work


@dataclass(frozen=True)
class Queue:
    """A queue: how many ended jobs it keeps, and whether the playbook's board lists it."""

    name: str
    keep_completed: int
    keep_failed: int
    jobs: tuple[Job, ...]
    listed: bool = True


TABLE: tuple[Queue, ...] = (
    Queue(
        "kpiQueue",
        10,
        50,
        (Job("calculateKpi", "kpi:calculate"), Job("calculateSalesOverview", "kpi:overview")),
    ),
    Queue("cleanupQueue", 10, 20, (Job("cleanupExpiredSlots", "slots:clean_up"),)),
    Queue(
        "emailQueue",
        200,
        200,
        (
            Job("sendOtp", "mail:send_otp", 2, 1),
            Job("sendWelcome", "mail:send_welcome", 2, 1),
            Job("sendMeetingConfirmation", "mail:send_confirmation", 2, 1),
            Job("sendReminder", "mail:send_reminder", 2, 1),
        ),
    ),
    Queue("notificationQueue", 100, 100, (Job("sendWhatsApp", "notifications:send"),)),
    Queue("leadAssignmentQueue", 20, 50, (Job("assignLeads", "leads:assign"),)),
    Queue("workflowQueue", 50, 50, (Job("scanTriggers", "workflow:scan"),)),
    Queue("aaryaSyncQueue", 20, 100, (Job("syncCalls", "aarya:sync", 3, 2),)),
    Queue(
        "missOzoneQueue",
        50,
        100,
        (Job("reconcileCalls", "ozone:reconcile", 0), Job("pruneCalls", "ozone:prune")),
    ),
    Queue("mrlearnSyncQueue", 20, 100, (Job("syncProgress", "lms:sync_progress", 3, 2),)),
    Queue(
        "mrlearnNewStudentSyncQueue",
        20,
        100,
        (Job("importStudents", "lms:import_students", 2, 2),),
    ),
    Queue("mrlearnReminderQueue", 20, 50, (Job("remindLearners", "reminders:learners"),)),
    Queue("mrtestSyncQueue", 20, 100, (Job("syncResults", "lms:sync_results", 3, 2),)),
    Queue("mrtestReminderQueue", 20, 50, (Job("remindTestTakers", "reminders:test_takers"),)),
    Queue("warningQueue", 10, 30, (Job("processWarnings", "daily:warn"),)),
    Queue("assignmentReminderQueue", 10, 30, (Job("remindAssignments", "daily:remind"),)),
    Queue("dailyCardsQueue", 10, 30, (Job("makeCards", "daily:make_cards"),)),
    Queue("applicationBackfillQueue", 10, 30, (Job("backfill", "applications:backfill"),)),
    Queue("salaryBenchmarkQueue", 10, 10, (Job("computeBenchmark", "applications:benchmark"),)),
    Queue("financeExportQueue", 20, 50, (Job("prepareExport", "finance:prepare"),)),
    Queue(
        "studentRiskComputationQueue",
        20,
        50,
        (Job("computeRisk", "standing:compute_risk"),),
        listed=False,
    ),
    Queue(
        "badgeEvaluationQueue",
        20,
        50,
        (Job("evaluateBadges", "standing:evaluate_badges"),),
        listed=False,
    ),
)


SYNC_JOBS = {
    "mrlearn": ("mrlearnSyncQueue", "syncProgress"),
    "mrtest": ("mrtestSyncQueue", "syncResults"),
    "aarya": ("aaryaSyncQueue", "syncCalls"),
}
"""Queue and job of a sync config by its kind."""


class JobQueue(api.RedisHuey):
    """A huey that knows its jobs by name."""

    def __init__(self, queue: Queue, pool: redis.ConnectionPool, **options: Any) -> None:
        # No results in huey's own hash: it never expires, and the journal keeps them bounded.
        super().__init__(  # type: ignore[no-untyped-call]
            queue.name, connection_pool=pool, results=False, **options
        )
        self.tasks: dict[str, Any] = {}

    def add(self, job: str, **payload: Any) -> str:
        """Enqueue a job by name; its id.

        Raises KeyError when the queue has no such job, redis.RedisError when Redis is away.
        """
        if found := trace.current():
            payload[trace.PAYLOAD] = found.payload()
        task = self.tasks[job].s(**payload)
        self.enqueue(task)  # type: ignore[no-untyped-call]
        return str(task.id)


def hueys(
    pool: redis.ConnectionPool, tools: Callable[[], tools.Tools] | None = None
) -> dict[str, JobQueue]:
    """Every queue of the table by name, watched by the journal, with its jobs registered.

    `tools` gives a consumer's jobs what they work with; by default that of this process's
    environment, made at the first job.
    """
    return {queue.name: _build(queue, pool, tools or _shared) for queue in TABLE}


def _build(queue: Queue, pool: redis.ConnectionPool, tools: Callable[[], tools.Tools]) -> JobQueue:
    built = JobQueue(queue, pool)
    for job in queue.jobs:
        decorate = built.task(  # type: ignore[no-untyped-call]
            name=job.name, retries=job.retries, retry_delay=job.retry_delay_s, context=True
        )
        built.tasks[job.name] = decorate(_call(queue, job, tools))
    journal.watch(
        built,
        keep_completed=queue.keep_completed,
        keep_failed=queue.keep_failed,
        listed=queue.listed,
    )
    return built


def _call(queue: Queue, job: Job, tools: Callable[[], tools.Tools]) -> Callable[..., Any]:
    def call(*, task: api.Task, **payload: Any) -> Any:
        carried = payload.pop(trace.PAYLOAD, {})
        again = bool(task.retries)
        with trace.job(queue.name, job.name, str(task.id), carried, again=again):
            at_hand = tools()
            return at_hand.run(job.load()(at_hand, **payload))

    call.__module__ = "mentor"  # huey names a message by module and name: mentor.sendOtp
    return call


def _shared() -> tools.Tools:
    # Imported at the first job: a producer never needs it.
    from mrcore.mentor import tools

    return tools.shared()
