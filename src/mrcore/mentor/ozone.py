"""Miss Ozone calls leads. Her webhooks append events; the reconciler makes the records agree."""

from __future__ import annotations

import logging
from datetime import timedelta

from mrcore.mentor import tools

LOG = logging.getLogger("missOzone.worker")

_SILENT = timedelta(hours=1)
_KEPT = timedelta(days=90)

_RECONCILE = """
UPDATE ai_calls c
   SET state = e.state,
       ended_at = CASE WHEN e.state IN ('completed', 'failed') THEN e.at END,
       reconciled_at = $1
  FROM (SELECT DISTINCT ON (call_id) call_id, state, at
          FROM ai_call_events ORDER BY call_id, at DESC, id DESC) e
 WHERE e.call_id = c.id AND c.caller = 'miss_ozone' AND c.state <> e.state
   AND c.state IN ('queued', 'ringing', 'in_progress')
"""

_GIVE_UP = """
UPDATE ai_calls c SET state = 'failed', ended_at = $1, reconciled_at = $1
 WHERE caller = 'miss_ozone' AND state IN ('queued', 'ringing', 'in_progress')
   AND started_at < $2
   AND NOT EXISTS (SELECT FROM ai_call_events e WHERE e.call_id = c.id AND e.at >= $2)
"""


async def reconcile(at_hand: tools.Tools) -> dict[str, int]:
    """Give open calls the state of their newest event; fail those silent for an hour."""
    now = at_hand.now()
    async with at_hand.database() as connection, connection.transaction():
        fixed = _count(await connection.execute(_RECONCILE, now))
        failed = _count(await connection.execute(_GIVE_UP, now, now - _SILENT))
    if fixed or failed:
        LOG.info("reconciled %d calls, gave up on %d", fixed, failed)
    return {"fixed": fixed, "failed": failed}


async def prune(at_hand: tools.Tools) -> int:
    """Delete the events of calls that ended more than 90 days ago; how many."""
    async with at_hand.database() as connection:
        done = await connection.execute(
            "DELETE FROM ai_call_events e USING ai_calls c"
            " WHERE c.id = e.call_id AND c.ended_at < $1",
            at_hand.now() - _KEPT,
        )
    LOG.info("pruned %d call events", _count(done))
    return _count(done)


def _count(status: str) -> int:
    """The number of rows in Postgres's command tag."""
    return int(status.split()[-1])
