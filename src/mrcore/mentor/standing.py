"""How a student stands: the risk of dropping out, and badges."""

from __future__ import annotations

import logging
import uuid

from mrcore.mentor import tools

RISK = logging.getLogger("studentRisk.worker")
BADGE = logging.getLogger("badge.worker")

_RISK = """
INSERT INTO student_risks (student_id, score, computed_at)
SELECT u.id, least(100,
    20 * (SELECT count(*) FROM assignments WHERE student_id = u.id AND submitted_at IS NULL
           AND due_at < $2)
    + 15 * (SELECT count(*) FROM meetings WHERE student_id = u.id AND status = 'no_show')
    + CASE WHEN coalesce(u.last_login_at, u.created_at) < $2 - interval '14 days'
           THEN 30 ELSE 0 END), $2
  FROM users u WHERE u.id = $1
ON CONFLICT (student_id) DO UPDATE SET score = excluded.score, computed_at = excluded.computed_at
RETURNING score
"""

_BADGES = """
INSERT INTO badges (student_id, badge, awarded_at)
SELECT $1, b.badge, $2
  FROM (VALUES ('first-meeting', 1), ('regular', 3), ('dedicated', 10)) AS b (badge, needs)
 WHERE (SELECT count(*) FROM meetings WHERE student_id = $1 AND status = 'completed') >= b.needs
ON CONFLICT DO NOTHING
"""


async def compute_risk(at_hand: tools.Tools, *, student_id: str) -> int:
    """Recompute a student's risk, 0 to 100."""
    async with at_hand.database() as connection:
        score = await connection.fetchval(_RISK, uuid.UUID(student_id), at_hand.now())
    RISK.info("student %s has risk %s", student_id, score)
    return int(score)


async def evaluate_badges(at_hand: tools.Tools, *, student_id: str) -> int:
    """Award the badges that a student's completed meetings have earned; how many are new."""
    async with at_hand.database() as connection:
        status = await connection.execute(_BADGES, uuid.UUID(student_id), at_hand.now())
    awarded = int(status.split()[-1])
    BADGE.info("student %s earned %d new badges", student_id, awarded)
    return awarded
