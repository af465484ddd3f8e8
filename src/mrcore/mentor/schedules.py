"""Mr. Mentor's schedules as data: the playbook's fixed ones, and one for each sync config."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import redis.asyncio

from mrcore import errors, scheduler
from mrcore.journal import keys
from mrcore.mentor import config, queues

_IST = "Asia/Kolkata"
_QUARTER = timedelta(minutes=15)
_CONNECT_S = 5


@dataclass(frozen=True)
class Fixed:
    """A schedule of the code; `comment` is what the code says beside it, which may be wrong."""

    declared: scheduler.Declared
    comment: str = ""


def _every(
    name: str,
    queue: str,
    job: str,
    interval: timedelta,
    *,
    comment: str = "",
    says: timedelta | None = None,
) -> Fixed:
    return Fixed(scheduler.Declared(name, queue, job, every=interval, says=says), comment)


def _cron(name: str, queue: str, job: str, line: str) -> Fixed:
    return Fixed(scheduler.Declared(name, queue, job, cron=line, tz=_IST))


FIXED: tuple[Fixed, ...] = (
    _every("kpi-dashboard", "kpiQueue", "calculateKpi", _QUARTER),
    _every("sales-overview", "kpiQueue", "calculateSalesOverview", _QUARTER),
    # The playbook's own contradiction, kept: the comment says a day, the code a quarter of an hour.
    _every(
        "slot-cleanup",
        "cleanupQueue",
        "cleanupExpiredSlots",
        _QUARTER,
        comment="every 24 hours",
        says=timedelta(hours=24),
    ),
    _every("lead-auto-assignment", "leadAssignmentQueue", "assignLeads", _QUARTER),
    _every("aarya-call-sync", "aaryaSyncQueue", "syncCalls", _QUARTER),
    _every("workflow-trigger-scan", "workflowQueue", "scanTriggers", timedelta(minutes=5)),
    _every("miss-ozone-reconciler", "missOzoneQueue", "reconcileCalls", timedelta(seconds=60)),
    _cron("miss-ozone-prune", "missOzoneQueue", "pruneCalls", "30 3 * * *"),
    _cron("daily-warnings", "warningQueue", "processWarnings", "59 23 * * *"),
    _cron("assignment-reminders", "assignmentReminderQueue", "remindAssignments", "0 19 * * *"),
    _cron("daily-cards", "dailyCardsQueue", "makeCards", "0 0 * * *"),
    _cron("application-backfill", "applicationBackfillQueue", "backfill", "0 2 * * *"),
    _every("salary-benchmark", "salaryBenchmarkQueue", "computeBenchmark", timedelta(days=15)),
)

_REMINDERS = {
    "mrlearn": ("mrlearnReminderQueue", "remindLearners"),
    "mrtest": ("mrtestReminderQueue", "remindTestTakers"),
}
_REMOVED = ("removed_at", "removed_by", "removed_why", "removed_mark")
_CONFIGS = (
    "SELECT id, kind, every_hours::float AS hours FROM sync_configs"
    " WHERE enabled AND kind IN ('mrlearn', 'mrtest') ORDER BY id"
)


def fixed() -> tuple[scheduler.Declared, ...]:
    """The schedules that need no database."""
    return tuple(one.declared for one in FIXED)


async def of_configs(connection: asyncpg.Connection) -> tuple[scheduler.Declared, ...]:
    """A sync and a reminder for each enabled config, named `mrlearn-sync-<configId>`."""
    found: list[scheduler.Declared] = []
    for row in await connection.fetch(_CONFIGS):
        kind, name, every = row["kind"], row["id"], timedelta(hours=row["hours"])
        queue, job = queues.SYNC_JOBS[kind]
        sync, reminders = names(kind, name)
        of = {"config_id": name}
        found.append(scheduler.Declared(sync, queue, job, every=every, kwargs=of))
        queue, job = _REMINDERS[kind]
        found.append(scheduler.Declared(reminders, queue, job, every=every, kwargs=of))
    return tuple(found)


def names(kind: str, config_id: str) -> tuple[str, ...]:
    """What the schedules of a config are called; none of a kind whose schedule is fixed."""
    if kind not in _REMINDERS:
        return ()
    return f"{kind}-sync-{config_id}", f"{kind}-reminders-{config_id}"


async def register(client: redis.asyncio.Redis, names: Iterable[str]) -> None:
    """Have the schedulers read the configs anew, and take these in again where they were removed.

    Raises redis.RedisError.
    """
    async with client.pipeline(transaction=True) as pipe:
        for name in names:
            pipe.hdel(keys.schedule(name), *_REMOVED)
        pipe.incr(keys.REVISION)
        await pipe.execute()


def declared(settings: config.Config) -> tuple[scheduler.Declared, ...]:
    """Every schedule as of now; read at a worker's boot, and when a config is saved.

    Raises StackError when Postgres does not answer.
    """
    return (*fixed(), *asyncio.run(_read(settings.database)))


async def _read(database: config.Database) -> tuple[scheduler.Declared, ...]:
    try:
        connection = await asyncpg.connect(
            **database.options("mentor-worker"), timeout=_CONNECT_S, command_timeout=_CONNECT_S
        )
        try:
            return await of_configs(connection)
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise errors.StackError(
            f"The sync configs cannot be read: {type(error).__name__}.",
            fix="Postgres must answer, with the schema of mrcore seed.",
        ) from error
