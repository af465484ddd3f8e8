"""Orders that no webhook told of: whether somebody paid them, which only Razorpay knows.

A checkout that was left unpaid and a webhook that was lost look the same here. So Razorpay is asked
of each, a minute before its order counts as not told of, and the answer is kept in its row. What it
says is paid is not settled here: it stands, however old, until its webhook comes or runbook D.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from mrcore.mentor import calls, links, razorpay

LOG = logging.getLogger("checkouts")

Paid = Callable[[str], Awaitable[razorpay.Payment | None]]
"""Asks for the payment of an order; raises razorpay.Failed."""

_EVERY_S = 15.0
_ROUND_MOST = 50
_UNPAID = ("created", "failed", "refunded")
"""States in which a payment's money is with its payer: https://razorpay.com/docs/payments/payments/."""

# Who has left may come back and pay: of an order that is unpaid it is asked again, less often, and
# not for ever. What it never answered of is asked until it does: somebody may have paid.
_NEXT = """
UPDATE payments SET asked_at = $1 WHERE id = (
    SELECT id FROM payments
     WHERE status IN ('created', 'failed') AND created_at < $1::timestamptz - interval '9 minutes'
       AND ((unpaid_at IS NULL
             AND (asked_at IS NULL OR asked_at <= $1::timestamptz - interval '1 minute'))
         OR (created_at > $1::timestamptz - interval '2 hours'
             AND asked_at <= $1::timestamptz - interval '5 minutes'))
     ORDER BY asked_at NULLS FIRST, created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING order_id
"""
_SINCE = """
UPDATE payments SET unpaid_at = CASE WHEN $2 THEN coalesce(unpaid_at, $3::timestamptz) END
 WHERE order_id = $1 AND status IN ('created', 'failed')
"""


class Checkouts:
    """Asks in the background; of the backends each takes orders that no other has in hand."""

    def __init__(self, database: calls.Open, paid: Paid, now: Callable[[], datetime]) -> None:
        self._database = database
        self._paid = paid
        self._now = now

    async def run(self) -> None:
        """Ask every 15 s until cancelled, also while Postgres or Razorpay is away."""
        while True:
            await asyncio.sleep(_EVERY_S)  # a backend that begins has no pool
            try:
                await self.ask()
            except links.LOST as error:
                LOG.warning("nobody was asked of orders: %s", type(error).__name__)

    async def ask(self) -> None:
        """Ask of each order that is due, at the most 50, until Razorpay does not answer.

        Where it does not, what it said before stands. Raises links.LOST without Postgres.
        """
        for _ in range(_ROUND_MOST):
            async with self._database() as connection:
                order = await connection.fetchval(_NEXT, self._now())
            if order is None:
                return
            try:
                paid = await self._paid(order)
            except razorpay.Failed as error:
                LOG.warning("whether order %s was paid is not known: %s", order, error)
                return
            unpaid = paid is None or paid.status in _UNPAID
            async with self._database() as connection:
                await connection.execute(_SINCE, order, unpaid, self._now())
            LOG.info("order %s is %s at Razorpay", order, paid.status if paid else "not paid")
