"""Leads without an owner are given to whoever of sales has the fewest open ones."""

from __future__ import annotations

import heapq
import logging

from mrcore.mentor import tools

LOG = logging.getLogger("leadAssignment.worker")

_AT_ONCE = 200

# A lead that someone holds in a transaction is left for the next round.
_UNASSIGNED = (
    "SELECT id FROM leads WHERE owner_id IS NULL ORDER BY created_at, id LIMIT $1"
    " FOR UPDATE SKIP LOCKED"
)
_SELLERS = (
    "SELECT u.id, count(l.id) AS open FROM users u LEFT JOIN leads l ON l.owner_id = u.id"
    " AND l.status IN ('new', 'contacted', 'qualified') WHERE u.role = 'sales' GROUP BY u.id"
)
_TRAIL = (
    "INSERT INTO mas_crm.lead_activity_log (lead_id, activity_type, new_value, created_at)"
    " VALUES ($1, 'owner_changed', $2, $3)"
)


async def assign(at_hand: tools.Tools) -> int:
    """Assign up to 200 leads, each with its row in the trail; how many."""
    now = at_hand.now()
    async with at_hand.database() as connection, connection.transaction():
        leads = [row["id"] for row in await connection.fetch(_UNASSIGNED, _AT_ONCE)]
        load = [(row["open"], row["id"]) for row in await connection.fetch(_SELLERS)]
        if not load:
            LOG.warning("%d leads wait, but nobody works in sales", len(leads))
            return 0
        heapq.heapify(load)
        given = []
        for lead in leads:
            count, seller = load[0]
            heapq.heapreplace(load, (count + 1, seller))
            given.append((lead, seller))
        await connection.executemany(
            "UPDATE leads SET owner_id = $2, updated_at = $3 WHERE id = $1",
            [(lead, seller, now) for lead, seller in given],
        )
        await connection.executemany(_TRAIL, [(lead, str(seller), now) for lead, seller in given])
    LOG.info("assigned %d leads among %d sellers", len(given), len(load))
    return len(given)
