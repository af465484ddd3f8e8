"""Slots that nobody booked are deleted when they are over."""

from __future__ import annotations

import logging

from mrcore.mentor import tools

LOG = logging.getLogger("cleanup.worker")


async def clean_up(at_hand: tools.Tools) -> int:
    """Delete expired unbooked slots; how many."""
    async with at_hand.database() as connection:
        done = await connection.execute(
            "DELETE FROM slots WHERE booked_by IS NULL AND ends_at < $1", at_hand.now()
        )
    deleted = int(done.split()[-1])
    LOG.info("deleted %d expired unbooked slots", deleted)
    return deleted
