"""Messages to phones. There is no carrier here: what was sent is a row, as a carrier's log is."""

from __future__ import annotations

import logging

from mrcore.mentor import tools, trails

LOG = logging.getLogger("notification.worker")

_LEAD = "SELECT id FROM leads WHERE phone = $1 ORDER BY created_at DESC LIMIT 1"


async def send(at_hand: tools.Tools, *, phone: str, template: str) -> str:
    """Send one WhatsApp message."""
    async with at_hand.database() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO notifications (phone, channel, body, sent_at)"
            " VALUES ($1, 'whatsapp', $2, $3)",
            phone,
            template,
            at_hand.now(),
        )
        lead = await connection.fetchval(_LEAD, phone)
        await trails.whatsapp(connection, template, phone, at_hand.now(), lead)
    LOG.info("whatsapp %r to %s…%s", template, phone[:5], phone[-2:])
    return "sent"
