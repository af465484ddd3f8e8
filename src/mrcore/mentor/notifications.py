"""Messages to phones. There is no carrier here: what was sent is a row, as a carrier's log is."""

from __future__ import annotations

import logging

from mrcore.mentor import tools

LOG = logging.getLogger("notification.worker")


async def send(at_hand: tools.Tools, *, phone: str, template: str) -> str:
    """Send one WhatsApp message."""
    async with at_hand.database() as connection:
        await connection.execute(
            "INSERT INTO notifications (phone, channel, body, sent_at)"
            " VALUES ($1, 'whatsapp', $2, $3)",
            phone,
            template,
            at_hand.now(),
        )
    LOG.info("whatsapp %r to %s…%s", template, phone[:5], phone[-2:])
    return "sent"
