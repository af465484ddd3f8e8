"""The numbers of the dashboards: computed from Postgres, cached in Redis with their instant."""

from __future__ import annotations

import json
import logging
import time
from datetime import datetime, timedelta
from typing import Any

from mrcore.mentor import tools

LOG = logging.getLogger("kpi.worker")

DASHBOARD_KEY = "mentor:kpi:dashboard"
SALES_KEY = "mentor:kpi:sales-overview"

_DASHBOARD = """
SELECT (SELECT count(*) FROM users WHERE role = 'student') AS students,
       (SELECT count(*) FROM mentors) AS mentors,
       (SELECT count(*) FROM slots WHERE booked_by IS NULL AND starts_at > $1) AS "freeSlots",
       (SELECT count(*) FROM meetings WHERE starts_at >= $2 AND starts_at < $3)
           AS "meetingsToday",
       (SELECT count(*) FROM meetings WHERE status = 'completed' AND starts_at > $4)
           AS "meetingsCompleted",
       (SELECT count(*) FROM meetings WHERE status = 'no_show' AND starts_at > $4) AS "noShows",
       (SELECT count(DISTINCT "userId") FROM login_logs WHERE timestamp > $4)
           AS "activeUsers",
       (SELECT count(*) FROM assignments WHERE submitted_at IS NULL AND due_at < $1)
           AS "assignmentsOverdue"
"""

_SALES = """
SELECT (SELECT count(*) FROM leads WHERE created_at > $1) AS "newLeads",
       (SELECT count(*) FROM leads WHERE owner_id IS NULL) AS "unassignedLeads",
       (SELECT round(100.0 * count(*) FILTER (WHERE status = 'enrolled')
                     / greatest(count(*), 1), 1)::float FROM leads) AS "conversionPercent",
       (SELECT coalesce(sum(amount_paise), 0)::bigint FROM payments
         WHERE status = 'captured' AND captured_at > $1) AS "revenuePaise",
       (SELECT count(*) FROM payments WHERE status = 'failed' AND created_at > $1)
           AS "failedPayments"
"""


async def dashboard(connection: tools.Connection, now: datetime) -> dict[str, Any]:
    """The admin dashboard's figures of this instant; a week back, the day is India's."""
    day = now.astimezone(tools.IST).replace(hour=0, minute=0, second=0, microsecond=0)
    row = await connection.fetchrow(
        _DASHBOARD, now, day, day + timedelta(days=1), now - timedelta(days=7)
    )
    assert row is not None
    return {**row, "computedAt": now.isoformat()}


async def sales(connection: tools.Connection, now: datetime) -> dict[str, Any]:
    """The sales overview's figures of this instant, thirty days back."""
    row = await connection.fetchrow(_SALES, now - timedelta(days=30))
    assert row is not None
    return {**row, "computedAt": now.isoformat()}


async def calculate(at_hand: tools.Tools) -> dict[str, Any]:
    """Recompute the dashboard and cache it."""
    started = time.monotonic()
    async with at_hand.database() as connection:
        figures = await dashboard(connection, at_hand.now())
    return await _keep(at_hand, DASHBOARD_KEY, figures, started)


async def overview(at_hand: tools.Tools) -> dict[str, Any]:
    """Recompute the sales overview and cache it."""
    started = time.monotonic()
    async with at_hand.database() as connection:
        figures = await sales(connection, at_hand.now())
    return await _keep(at_hand, SALES_KEY, figures, started)


async def _keep(
    at_hand: tools.Tools, key: str, figures: dict[str, Any], started: float
) -> dict[str, Any]:
    await at_hand.redis.set(key, json.dumps(figures))
    took_ms = 1000 * (time.monotonic() - started)
    LOG.info("recomputed %d figures of %s in %.0f ms", len(figures) - 1, key, took_ms)
    return figures
