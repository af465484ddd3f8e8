"""The table of queues, and that producers and consumers agree through it."""

from __future__ import annotations

import asyncio
import inspect
from datetime import UTC, datetime

import pytest
import redis

from mrcore import journal
from mrcore.mentor import config, queues, tools

JOBS = {
    "kpiQueue": {"calculateKpi", "calculateSalesOverview"},
    "cleanupQueue": {"cleanupExpiredSlots"},
    "emailQueue": {"sendOtp", "sendWelcome", "sendMeetingConfirmation", "sendReminder"},
    "notificationQueue": {"sendWhatsApp"},
    "leadAssignmentQueue": {"assignLeads"},
    "workflowQueue": {"scanTriggers"},
    "aaryaSyncQueue": {"syncCalls"},
    "missOzoneQueue": {"reconcileCalls", "pruneCalls"},
    "mrlearnSyncQueue": {"syncProgress"},
    "mrlearnNewStudentSyncQueue": {"importStudents"},
    "mrlearnReminderQueue": {"remindLearners"},
    "mrtestSyncQueue": {"syncResults"},
    "mrtestReminderQueue": {"remindTestTakers"},
    "warningQueue": {"processWarnings"},
    "assignmentReminderQueue": {"remindAssignments"},
    "dailyCardsQueue": {"makeCards"},
    "applicationBackfillQueue": {"backfill"},
    "salaryBenchmarkQueue": {"computeBenchmark"},
    "financeExportQueue": {"prepareExport"},
    "studentRiskComputationQueue": {"computeRisk"},
    "badgeEvaluationQueue": {"evaluateBadges"},
}


@pytest.mark.parametrize("name", JOBS)
def test_a_queue_has_its_jobs(name: str) -> None:
    [queue] = [each for each in queues.TABLE if each.name == name]
    assert {job.name for job in queue.jobs} == JOBS[name]


def test_there_are_21_queues_of_which_the_board_lists_19() -> None:
    names = [queue.name for queue in queues.TABLE]
    assert len(names) == len(set(names)) == 21
    assert set(names) == set(JOBS)
    unlisted = {queue.name for queue in queues.TABLE if not queue.listed}
    assert unlisted == {"studentRiskComputationQueue", "badgeEvaluationQueue"}


def test_names_survive_on_huey_unchanged() -> None:
    assert all(queue.name.isalnum() for queue in queues.TABLE)


def test_retention_is_the_playbooks_10_to_200() -> None:
    for queue in queues.TABLE:
        assert 10 <= queue.keep_completed <= 200, queue.name
        assert 10 <= queue.keep_failed <= 200, queue.name


def test_every_job_of_the_table_is_a_coroutine_that_takes_tools() -> None:
    for queue in queues.TABLE:
        assert queue.jobs, queue.name
        for job in queue.jobs:
            work = job.load()
            assert inspect.iscoroutinefunction(work), job
            first = next(iter(inspect.signature(work).parameters.values()))
            assert first.annotation == "tools.Tools", job


def test_the_syncs_are_in_the_table() -> None:
    known = {(queue.name, job.name) for queue in queues.TABLE for job in queue.jobs}
    assert set(queues.SYNC_JOBS.values()) <= known


def test_a_job_goes_through_its_queue_with_its_name_and_retries(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = redis.ConnectionPool.from_url(redis_url)
    at_hand = tools.Tools(config.Config.read({}), now=lambda: datetime.now(UTC))
    built = queues.hueys(pool, lambda: at_hand)
    assert {name: queue.name for name, queue in built.items()} == {n: n for n in built}
    assert len(built) == 21
    job_id = built["emailQueue"].add("sendOtp", to="a@learners.example")
    waiting = built["emailQueue"].pending()
    assert [(task.id, task.name, task.retries) for task in waiting] == [(job_id, "sendOtp", 2)]
    with pytest.raises(KeyError):
        built["emailQueue"].add("noSuchJob")
    pool.disconnect()
    asyncio.run(at_hand.aclose())


def test_the_journal_keeps_what_the_table_says(redis_url: str) -> None:
    pool = redis.ConnectionPool.from_url(redis_url)
    built = queues.hueys(pool)
    for queue in queues.TABLE:
        meta = journal.of(built[queue.name]).meta()
        assert meta["keep_completed"] == queue.keep_completed
        assert meta["keep_failed"] == queue.keep_failed
        assert meta["listed"] == int(queue.listed)
    pool.disconnect()
