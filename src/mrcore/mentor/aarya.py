"""Aarya's calls are read from ElevenLabs and kept with their lead."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime

from mrcore.mentor import integrations, tools

LOG = logging.getLogger("aaryaSync.worker")

_KEEP = """
INSERT INTO ai_calls (id, lead_id, caller, state, started_at, ended_at, summary, reconciled_at)
SELECT $1, l.id, 'aarya', $3::call_state, $4, $5, $6, $7 FROM leads l WHERE l.phone = $2 LIMIT 1
ON CONFLICT (id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at,
    summary = excluded.summary, reconciled_at = excluded.reconciled_at
"""


_CONFIGS = "SELECT id FROM sync_configs WHERE kind = 'aarya' AND enabled AND base_url <> ''"


async def sync(at_hand: tools.Tools, *, config_id: str = "") -> int:
    """Keep the newest conversations of a config, or of all; how many belong to a lead of ours."""
    if config_id:
        return await _sync(at_hand, config_id)
    async with at_hand.database() as connection:
        ids = [row["id"] for row in await connection.fetch(_CONFIGS)]
    return sum([await _sync(at_hand, one) for one in ids])


async def _sync(at_hand: tools.Tools, config_id: str) -> int:
    found = await integrations.ask(at_hand, config_id, "/v1/convai/conversations")
    kept = 0
    async with at_hand.database() as connection, connection.transaction():
        for call in found["conversations"]:
            ended = call.get("ended_at")
            status = await connection.execute(
                _KEEP,
                uuid.UUID(call["conversation_id"]),
                call["phone"],
                call["status"],
                datetime.fromisoformat(call["started_at"]),
                datetime.fromisoformat(ended) if ended else None,
                call.get("summary"),
                at_hand.now(),
            )
            kept += int(status.split()[-1])
        await integrations.mark(connection, config_id, at_hand.now())
    LOG.info("%s: kept %d of %d calls", config_id, kept, len(found["conversations"]))
    return kept
