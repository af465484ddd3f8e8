"""Workflows: what is due for one is found by a scan, and leads to a message, once."""

from __future__ import annotations

import logging

from mrcore.mentor import tools

LOG = logging.getLogger("workflow.worker")

_AT_ONCE = 40

_DUE = """
WITH due AS (
    SELECT w.id AS workflow_id, l.id AS subject_id
      FROM workflows w JOIN leads l
        ON l.updated_at < $1::timestamptz - make_interval(hours => w.after_hours)
       AND (w.trigger = 'lead_untouched' AND l.status IN ('new', 'contacted')
            OR w.trigger = 'lead_lost' AND l.status = 'lost')
     WHERE w.enabled
    UNION ALL
    SELECT w.id, m.student_id
      FROM workflows w JOIN meetings m
        ON w.trigger = 'meeting_no_show' AND m.status = 'no_show'
       AND m.ends_at < $1::timestamptz - make_interval(hours => w.after_hours)
     WHERE w.enabled
), started AS (
    INSERT INTO workflow_runs (workflow_id, subject_id, started_at)
    SELECT DISTINCT workflow_id, subject_id, $1 FROM due d
     WHERE NOT EXISTS (SELECT FROM workflow_runs r
            WHERE r.workflow_id = d.workflow_id AND r.subject_id = d.subject_id)
     LIMIT $2
    ON CONFLICT DO NOTHING
    RETURNING workflow_id, subject_id
)
SELECT w.name AS workflow, coalesce(l.phone, u.phone) AS phone
  FROM started s JOIN workflows w ON w.id = s.workflow_id
  LEFT JOIN leads l ON l.id = s.subject_id LEFT JOIN users u ON u.id = s.subject_id
"""


async def scan(at_hand: tools.Tools) -> int:
    """Start what is due, at most 40 runs a scan, each with a message; how many.

    The runs are committed before the messages are enqueued: after a crash in between somebody
    misses a nudge, the other way round they would get it twice.
    """
    async with at_hand.database() as connection:
        rows = await connection.fetch(_DUE, at_hand.now(), _AT_ONCE)
    for row in rows:
        await at_hand.add(
            "notificationQueue", "sendWhatsApp", phone=row["phone"], template=row["workflow"]
        )
    LOG.info("trigger scan started %d runs", len(rows))
    return len(rows)
