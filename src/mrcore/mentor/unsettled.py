"""Orders that somebody may have paid and that were not settled, and what Razorpay says of one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mrcore.mentor import razorpay, settling, tools

MOST = 100

_ROWS = """
SELECT order_id, amount_paise, created_at, razorpay_payment_id, status::text AS state,
       EXISTS (SELECT FROM token_grants g WHERE g.payment_id = p.id) AS granted,
       EXISTS (SELECT FROM invoices i WHERE i.payment_id = p.id) AS invoiced
  FROM payments p
 WHERE (status = 'created' AND created_at < $1::timestamptz - interval '10 minutes'
        AND (unpaid_at IS NULL OR created_at > $1::timestamptz - interval '2 hours'))
    OR (status = 'failed' AND created_at < $1::timestamptz - interval '10 minutes'
        AND unpaid_at IS NULL)
    OR (status = 'captured' AND captured_at < $1::timestamptz - interval '1 minute'
        AND NOT (EXISTS (SELECT FROM token_grants g WHERE g.payment_id = p.id)
             AND EXISTS (SELECT FROM invoices i WHERE i.payment_id = p.id)))
 ORDER BY created_at, order_id LIMIT $2
"""
"""What no webhook told of for 10 minutes, and what was captured and has no grant or no invoice.

An order that Razorpay says is unpaid only for 2 hours: till then somebody may come back and pay.
One whose payment failed only where Razorpay says that a later one did not.
"""


async def listed(connection: tools.Connection, now: datetime) -> list[dict[str, Any]]:
    """The oldest 100 of them."""
    return [_shown(dict(row)) for row in await connection.fetch(_ROWS, now, MOST)]


async def told(connection: tools.Connection, paid: razorpay.Payment | None) -> dict[str, Any]:
    """What a payment of an order would lead to, or why nothing would be done."""
    if paid is None:
        return {"why": "Razorpay knows of no payment"}
    if paid.status != "captured":
        return {"why": f"Razorpay says that {paid.id} is {paid.status}, not captured"}
    try:
        would = await settling.preview(connection, paid)
    except settling.Strange as error:
        return {"why": str(error)}
    return {
        "paymentId": paid.id,
        "amountPaise": paid.amount_paise,
        "tokens": would.tokens,
        "granted": not would.granted,
        "invoiced": not would.invoiced,
    }


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "orderId": row["order_id"],
        "amountPaise": row["amount_paise"],
        "createdAt": row["created_at"].isoformat(),
        "paymentId": row["razorpay_payment_id"],
        "state": row["state"],
        "granted": row["granted"],
        "invoiced": row["invoiced"],
    }
