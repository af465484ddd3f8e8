"""The schedules are the playbook's, and the one scheduler accepts them all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import redis

from mrcore import errors, scheduler
from mrcore.mentor import config, queues, schedules
from tests.core.mentor import conftest

WORDS = {
    "kpi-dashboard": "every 15 min",
    "sales-overview": "every 15 min",
    "slot-cleanup": "every 24 h",
    "lead-auto-assignment": "every 15 min",
    "aarya-call-sync": "every 15 min",
    "workflow-trigger-scan": "every 5 min",
    "miss-ozone-reconciler": "every 1 min",
    "miss-ozone-prune": "30 3 * * * Asia/Kolkata",
    "daily-warnings": "59 23 * * * Asia/Kolkata",
    "assignment-reminders": "0 19 * * * Asia/Kolkata",
    "daily-cards": "0 0 * * * Asia/Kolkata",
    "application-backfill": "0 2 * * * Asia/Kolkata",
    "salary-benchmark": "every 15 days",
}


def test_the_fixed_schedules_are_the_playbooks() -> None:
    assert {one.name: one.words for one in schedules.fixed()} == WORDS


def test_the_slot_cleanups_comment_contradicts_its_interval() -> None:
    [cleanup] = [one for one in schedules.FIXED if one.comment]
    assert cleanup.declared.name == "slot-cleanup"
    assert (cleanup.comment, cleanup.declared.every) == ("every 24 hours", timedelta(minutes=15))
    assert cleanup.declared.says == timedelta(hours=24)


def test_cards_are_made_at_midnight_in_india() -> None:
    [cards] = [one for one in schedules.fixed() if one.name == "daily-cards"]
    assert cards.following(conftest.NOW) == datetime(2026, 11, 20, 18, 30, tzinfo=UTC)


def test_fifteen_days_are_an_interval_and_no_day_of_the_month() -> None:
    [benchmark] = [one for one in schedules.fixed() if one.name == "salary-benchmark"]
    first = benchmark.following(conftest.NOW)
    assert benchmark.following(first) - first == timedelta(days=15)


def test_configs_have_stable_names_and_their_own_interval(env: dict[str, str]) -> None:
    found = {one.name: one for one in schedules.declared(config.Config.read(env))}
    assert set(found) - set(WORDS) == {
        "mrlearn-sync-graphy-main",
        "mrlearn-sync-graphy-partner",
        "mrtest-sync-mrtest-main",
        "mrlearn-reminders-graphy-main",
        "mrlearn-reminders-graphy-partner",
        "mrtest-reminders-mrtest-main",
    }
    sync = found["mrlearn-sync-graphy-main"]
    assert (sync.queue, sync.job, sync.words) == ("mrlearnSyncQueue", "syncProgress", "every 1 h")
    assert dict(sync.kwargs) == {"config_id": "graphy-main"}


async def test_a_disabled_config_has_no_schedule(seeded: str) -> None:
    connection = await asyncpg.connect(seeded)
    try:
        await connection.execute("UPDATE sync_configs SET enabled = id = 'mrtest-main'")
        found = await schedules.of_configs(connection)
    finally:
        await connection.close()
    assert [one.name for one in found] == [
        "mrtest-sync-mrtest-main",
        "mrtest-reminders-mrtest-main",
    ]


def test_postgres_away_is_a_sentence() -> None:
    with pytest.raises(errors.StackError, match="sync configs cannot be read"):
        schedules.declared(config.Config.read({"DB_PORT": "1"}))


def test_the_scheduler_knows_every_queue_and_job(env: dict[str, str], redis_url: str) -> None:
    pool = redis.ConnectionPool.from_url(redis_url)
    built = queues.hueys(pool)
    declared = schedules.declared(config.Config.read(env))
    clock = scheduler.Scheduler(built, declared, owner="test", now=lambda: conftest.NOW)
    # Intervals that have never run are due at once, cron lines at their next tick.
    assert clock.tick() == sum(one.every is not None for one in declared)
    assert clock.tick() == 0
    waiting = built["mrlearnSyncQueue"].pending()
    assert sorted(task.kwargs["config_id"] for task in waiting) == ["graphy-main", "graphy-partner"]
    pool.disconnect()
