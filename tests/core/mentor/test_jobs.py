"""Each job's real effect on Postgres and Redis, as of a fixed instant."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from mrcore.mentor import (
    applications,
    daily,
    kpi,
    leads,
    notifications,
    ozone,
    reminders,
    slots,
    standing,
    tools,
    workflow,
)
from tests.core.mentor import conftest


async def _one(app: asyncpg.Connection, query: str, *args: Any) -> Any:
    return await app.fetchval(query, *args)


def _waiting(at_hand: tools.Tools, queue: str) -> list[dict[str, Any]]:
    return [task.kwargs for task in at_hand.queues[queue].pending()]


async def test_kpi_figures_are_in_redis_with_their_instant(
    at_hand: tools.Tools, app: asyncpg.Connection
) -> None:
    await kpi.calculate(at_hand)
    await kpi.overview(at_hand)
    board = json.loads(await at_hand.redis.get(kpi.DASHBOARD_KEY))
    sales = json.loads(await at_hand.redis.get(kpi.SALES_KEY))
    assert board["computedAt"] == sales["computedAt"] == conftest.NOW.isoformat()
    assert board["students"] == conftest.TINY.students
    assert board["freeSlots"] == await _one(
        app, "SELECT count(*) FROM slots WHERE booked_by IS NULL AND starts_at > $1", conftest.NOW
    )
    revenue = await _one(
        app,
        "SELECT sum(amount_paise)::bigint FROM payments WHERE status = 'captured'"
        " AND captured_at > $1",
        conftest.NOW - timedelta(days=30),
    )
    assert sales["revenuePaise"] == revenue > 0


async def test_cleanup_deletes_expired_unbooked_slots_only(
    at_hand: tools.Tools, app: asyncpg.Connection
) -> None:
    expired = "SELECT count(*) FROM slots WHERE booked_by IS NULL AND ends_at < $1"
    before = await _one(app, "SELECT count(*) FROM slots")
    doomed = await _one(app, expired, conftest.NOW)
    assert 0 < doomed < before
    assert await slots.clean_up(at_hand) == doomed
    assert await _one(app, expired, conftest.NOW) == 0
    assert await _one(app, "SELECT count(*) FROM slots") == before - doomed
    assert await slots.clean_up(at_hand) == 0


async def test_leads_get_owners_evenly_and_the_trail_says_so(
    at_hand: tools.Tools, app: asyncpg.Connection
) -> None:
    unassigned = await _one(app, "SELECT count(*) FROM leads WHERE owner_id IS NULL")
    trail = "SELECT count(*) FROM mas_crm.lead_activity_log WHERE activity_type = 'owner_changed'"
    before = await _one(app, trail)
    assert await leads.assign(at_hand) == unassigned > 0
    assert await _one(app, "SELECT count(*) FROM leads WHERE owner_id IS NULL") == 0
    assert await _one(app, trail) == before + unassigned
    agrees = await _one(
        app,
        "SELECT bool_and(l.owner_id::text = t.new_value) FROM mas_crm.lead_activity_log t"
        " JOIN leads l ON l.id = t.lead_id WHERE t.created_at = $1 AND t.changed_by IS NULL",
        conftest.NOW,
    )
    assert agrees is True


async def test_a_locked_lead_waits_for_the_next_round(
    at_hand: tools.Tools, app: asyncpg.Connection
) -> None:
    async with app.transaction():
        held = await _one(app, "SELECT id FROM leads WHERE owner_id IS NULL LIMIT 1 FOR UPDATE")
        await leads.assign(at_hand)
        assert await _one(app, "SELECT owner_id FROM leads WHERE id = $1", held) is None
    assert await leads.assign(at_hand) == 1


async def test_a_scan_starts_what_is_due_once(
    at_hand: tools.Tools, app: asyncpg.Connection
) -> None:
    started = 0
    while found := await workflow.scan(at_hand):
        started += found
    assert started == await _one(app, "SELECT count(*) FROM workflow_runs") > 0
    messages = _waiting(at_hand, "notificationQueue")
    assert len(messages) == started
    assert all(message["phone"].startswith("+91") for message in messages)


async def test_a_message_is_a_row(at_hand: tools.Tools, app: asyncpg.Connection) -> None:
    await notifications.send(at_hand, phone="+919999999999", template="Nudge")
    rows = await app.fetch("SELECT phone, channel, body, sent_at FROM notifications")
    assert [tuple(row) for row in rows] == [("+919999999999", "whatsapp", "Nudge", conftest.NOW)]


async def test_the_reconciler_folds_the_newest_event_in(
    at_hand: tools.Tools, app: asyncpg.Connection
) -> None:
    lead = await _one(app, "SELECT id FROM leads LIMIT 1")
    new = (
        "INSERT INTO ai_calls (lead_id, caller, state, started_at)"
        " VALUES ($1, 'miss_ozone', 'queued', $2) RETURNING id"
    )
    event = "INSERT INTO ai_call_events (call_id, state, at) VALUES ($1, $2, $3)"
    minute = timedelta(minutes=1)
    fresh = await _one(app, new, lead, conftest.NOW - 5 * minute)
    silent = await _one(app, new, lead, conftest.NOW - 90 * minute)
    lost = await _one(app, new, lead, conftest.NOW - 5 * minute)
    for state, at in (("ringing", 4), ("completed", 2), ("in_progress", 3)):
        await app.execute(event, lost, state, conftest.NOW - at * minute)
    found = await ozone.reconcile(at_hand)
    assert found["fixed"] >= 1
    assert found["failed"] >= 1

    async def state(call: Any) -> Any:
        row = await app.fetchrow("SELECT state, ended_at FROM ai_calls WHERE id = $1", call)
        assert row is not None
        return tuple(row)

    assert await state(lost) == ("completed", conftest.NOW - 2 * minute)
    assert await state(silent) == ("failed", conftest.NOW)
    assert await state(fresh) == ("queued", None)
    assert await ozone.reconcile(at_hand) == {"fixed": 0, "failed": 0}


async def test_old_call_events_are_pruned(at_hand: tools.Tools, app: asyncpg.Connection) -> None:
    await app.execute("UPDATE ai_calls SET ended_at = $1", conftest.NOW - timedelta(days=91))
    events = await _one(app, "SELECT count(*) FROM ai_call_events")
    assert await ozone.prune(at_hand) == events > 0


async def test_warnings_come_once_a_day(at_hand: tools.Tools, app: asyncpg.Connection) -> None:
    warned = await daily.warn(at_hand)
    assert warned == await _one(app, "SELECT count(*) FROM warnings") > 0
    assert await daily.warn(at_hand) == 0


async def test_the_day_is_indias(at_hand: tools.Tools, app: asyncpg.Connection) -> None:
    late = conftest.NOW.replace(hour=19)  # 00:30 of the next day in India
    at_hand.now = lambda: late
    await daily.warn(at_hand)
    assert await _one(app, "SELECT max(day)::text FROM warnings") == "2026-11-21"


async def test_assignments_due_within_a_day_are_mailed_once(
    at_hand: tools.Tools, app: asyncpg.Connection
) -> None:
    await app.execute(
        "UPDATE assignments SET due_at = $1 WHERE submitted_at IS NULL",
        conftest.NOW + timedelta(hours=20),
    )
    reminded = await daily.remind(at_hand)
    assert reminded > 0
    assert len(_waiting(at_hand, "emailQueue")) == reminded
    assert await daily.remind(at_hand) == 0


async def test_cards_say_what_is_due(at_hand: tools.Tools, app: asyncpg.Connection) -> None:
    made = await daily.make_cards(at_hand)
    assert made == await daily.make_cards(at_hand) > 0
    row = await app.fetchrow("SELECT student_id, body FROM daily_cards ORDER BY 1 LIMIT 1")
    assert row is not None
    due = await _one(
        app,
        "SELECT count(*) FROM assignments WHERE student_id = $1 AND submitted_at IS NULL"
        " AND due_at BETWEEN $2 AND $3",
        row["student_id"],
        conftest.NOW,
        conftest.NOW + timedelta(days=7),
    )
    assert json.loads(row["body"])["dueThisWeek"] == due


async def test_applications_get_their_students_platform(
    at_hand: tools.Tools, app: asyncpg.Connection
) -> None:
    without = await _one(app, "SELECT count(*) FROM applications WHERE platform IS NULL")
    assert await applications.backfill(at_hand) == without > 0
    assert await _one(app, "SELECT count(*) FROM applications WHERE platform IS NULL") == 0
    assert await applications.backfill(at_hand) == 0


async def test_the_benchmark_has_quartiles(at_hand: tools.Tools, app: asyncpg.Connection) -> None:
    titles = await applications.benchmark(at_hand)
    assert titles > 0
    rows = await app.fetch("SELECT p25_lpa, p50_lpa, p75_lpa FROM salary_benchmarks")
    assert len(rows) == titles
    assert all(row["p25_lpa"] <= row["p50_lpa"] <= row["p75_lpa"] for row in rows)


async def test_a_student_with_overdue_work_is_at_risk(
    at_hand: tools.Tools, app: asyncpg.Connection
) -> None:
    student = await _one(
        app,
        "SELECT student_id FROM assignments WHERE submitted_at IS NULL AND due_at < $1 LIMIT 1",
        conftest.NOW,
    )
    score = await standing.compute_risk(at_hand, student_id=str(student))
    assert 20 <= score <= 100
    assert score == await _one(
        app, "SELECT score FROM student_risks WHERE student_id = $1", student
    )


async def test_badges_come_from_completed_meetings_once(
    at_hand: tools.Tools, app: asyncpg.Connection
) -> None:
    student = await _one(app, "SELECT student_id FROM meetings WHERE status = 'completed' LIMIT 1")
    assert await standing.evaluate_badges(at_hand, student_id=str(student)) >= 1
    assert await standing.evaluate_badges(at_hand, student_id=str(student)) == 0
    assert "first-meeting" in [row[0] for row in await app.fetch("SELECT badge FROM badges")]


@pytest.mark.parametrize(
    ("source", "job"),
    [("mrlearn", reminders.learners), ("mrtest", reminders.test_takers)],
)
async def test_nobody_is_reminded_twice(
    at_hand: tools.Tools, app: asyncpg.Connection, source: str, job: Any
) -> None:
    await app.execute(
        "INSERT INTO progress SELECT id, $1, 'Joins', 20, $2 FROM users"
        " WHERE role = 'student' LIMIT 25",
        source,
        conftest.NOW,
    )
    config_id = {"mrlearn": "graphy-main", "mrtest": "mrtest-main"}[source]
    enabled = "UPDATE sync_configs SET enabled = $1"
    await app.execute(enabled, False)
    assert await job(at_hand, config_id=config_id) == 0
    await app.execute(enabled, True)
    assert [await job(at_hand, config_id=config_id) for _ in range(3)] == [20, 5, 0]
    assert {mail["title"] for mail in _waiting(at_hand, "emailQueue")} == {"Joins"}
