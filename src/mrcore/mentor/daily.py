"""What happens once a day, on India's clock: warnings, reminders of assignments, cards."""

from __future__ import annotations

import logging
from datetime import date

from mrcore.mentor import tools

LOG = logging.getLogger("daily.worker")

_WARN = """
INSERT INTO warnings (student_id, reason, day)
SELECT student_id, count(*) || ' assignments overdue', $2 FROM assignments
 WHERE submitted_at IS NULL AND due_at < $1 GROUP BY student_id HAVING count(*) >= 2
ON CONFLICT DO NOTHING
"""

_DUE_SOON = """
UPDATE assignments a SET reminded_at = $1 FROM users u
 WHERE u.id = a.student_id AND a.submitted_at IS NULL AND a.reminded_at IS NULL
   AND a.due_at > $1 AND a.due_at <= $1 + interval '1 day'
RETURNING u.email, u.name, a.title
"""

_CARDS = """
INSERT INTO daily_cards (student_id, day, body)
SELECT u.id, $1, jsonb_build_object('meetings', m.n, 'dueThisWeek', a.n)
  FROM users u
  CROSS JOIN LATERAL (SELECT count(*) AS n FROM meetings WHERE student_id = u.id
      AND status = 'scheduled' AND (starts_at AT TIME ZONE 'Asia/Kolkata')::date = $1) m
  CROSS JOIN LATERAL (SELECT count(*) AS n FROM assignments WHERE student_id = u.id
      AND submitted_at IS NULL AND due_at BETWEEN $2 AND $2 + interval '7 days') a
 WHERE u.role = 'student' AND m.n + a.n > 0
ON CONFLICT (student_id, day) DO UPDATE SET body = excluded.body
"""


def _today(at_hand: tools.Tools) -> date:
    return at_hand.now().astimezone(tools.IST).date()


async def warn(at_hand: tools.Tools) -> int:
    """Warn who has two or more overdue assignments, once a day; how many."""
    async with at_hand.database() as connection:
        status = await connection.execute(_WARN, at_hand.now(), _today(at_hand))
    warned = int(status.split()[-1])
    LOG.info("warned %d students", warned)
    return warned


async def remind(at_hand: tools.Tools) -> int:
    """Remind of assignments due within a day, once each; how many."""
    async with at_hand.database() as connection:
        rows = await connection.fetch(_DUE_SOON, at_hand.now())
    for row in rows:
        await at_hand.add(
            "emailQueue", "sendReminder", to=row["email"], name=row["name"], title=row["title"]
        )
    LOG.info("reminded of %d assignments", len(rows))
    return len(rows)


async def make_cards(at_hand: tools.Tools) -> int:
    """Make today's card of every student who has something today or this week; how many."""
    async with at_hand.database() as connection:
        status = await connection.execute(_CARDS, _today(at_hand), at_hand.now())
    made = int(status.split()[-1])
    LOG.info("made %d daily cards", made)
    return made
