"""Reminders to who stopped in the middle of a course or a test; nobody twice in three days."""

from __future__ import annotations

import logging

from mrcore.mentor import tools

LOG = logging.getLogger("reminder.worker")

_AT_ONCE = 20
_QUIET_S = 3 * 24 * 3600

_ENABLED = "SELECT enabled FROM sync_configs WHERE id = $1"
_UNFINISHED = """
SELECT u.id, u.email, u.name, p.module FROM progress p JOIN users u ON u.id = p.student_id
 WHERE p.source = $1 AND p.percent < 50 ORDER BY p.synced_at, u.id LIMIT 200
"""


async def learners(at_hand: tools.Tools, *, config_id: str) -> int:
    """Remind of unfinished Mr. Learn modules, while its config is enabled; how many people."""
    return await _remind(at_hand, "mrlearn", config_id)


async def test_takers(at_hand: tools.Tools, *, config_id: str) -> int:
    """Remind of Mr. Test tests below half, while its config is enabled; how many people."""
    return await _remind(at_hand, "mrtest", config_id)


async def _remind(at_hand: tools.Tools, source: str, config_id: str) -> int:
    async with at_hand.database() as connection:
        if not await connection.fetchval(_ENABLED, config_id):
            LOG.info("%s: is off, nobody is reminded", config_id)
            return 0
        rows = await connection.fetch(_UNFINISHED, source)
    reminded = 0
    for row in rows:
        if reminded == _AT_ONCE:
            break
        key = f"mentor:reminded:{source}:{row['id']}"
        if not await at_hand.redis.set(key, "1", nx=True, ex=_QUIET_S):
            continue
        await at_hand.add(
            "emailQueue", "sendReminder", to=row["email"], name=row["name"], title=row["module"]
        )
        reminded += 1
    LOG.info("%s: reminded %d people", config_id, reminded)
    return reminded
