"""What a captured payment leads to: one grant and one invoice, however often it is told of."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from mrcore.mentor import razorpay, tools, trails

PAISE_A_TOKEN = 50_000
GST_PERCENT = 18

_ROW = "SELECT *, status::text AS state FROM payments WHERE order_id = $1 FOR UPDATE"
_CAPTURED = """
UPDATE payments SET status = 'captured', captured_at = coalesce(captured_at, $2),
       razorpay_payment_id = $3, invoice_number = coalesce(invoice_number, $4)
 WHERE id = $1
"""
_GRANT = (
    "INSERT INTO token_grants (payment_id, user_id, tokens, granted_at) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT DO NOTHING"
)
_INVOICE = (
    "INSERT INTO invoices (payment_id, number, amount_paise, gst_paise, issued_at)"
    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"
)
_FAILED = """
UPDATE payments
   SET status = 'failed', razorpay_payment_id = $2, asked_at = coalesce(asked_at, $3),
       unpaid_at = CASE WHEN asked_at IS NULL OR unpaid_at IS NOT NULL THEN $3::timestamptz END
 WHERE order_id = $1 AND status IN ('created', 'failed')
"""
_HAS = """
SELECT EXISTS (SELECT FROM token_grants WHERE payment_id = $1) AS granted,
       (SELECT number FROM invoices WHERE payment_id = $1) AS number
"""


class Strange(Exception):
    """A payment that does not fit its order, or has none; the sentence says which."""


@dataclass(frozen=True)
class Settled:
    """What there is now, and whether this made it."""

    payment: uuid.UUID
    tokens: int
    invoice: str
    granted: bool
    invoiced: bool


def gst_of(amount_paise: int) -> int:
    """The tax that an amount contains."""
    return amount_paise * GST_PERCENT // (100 + GST_PERCENT)


def tokens_of(amount_paise: int) -> int:
    """What an amount buys."""
    return max(1, amount_paise // PAISE_A_TOKEN)


async def settle(
    connection: tools.Connection, paid: razorpay.Payment, by: trails.By, at: datetime
) -> Settled:
    """Grant and invoice a captured payment, where that has not been done, in a transaction.

    The order's row is locked, so of two who are told at once the second finds it done.
    Raises Strange.
    """
    row = await connection.fetchrow(_ROW, paid.order_id)
    _check(row, paid)
    assert row is not None
    has = await connection.fetchrow(_HAS, row["id"])
    assert has is not None
    number = has["number"] or row["invoice_number"] or await _number(connection, at)
    tokens = tokens_of(row["amount_paise"])
    await connection.execute(_CAPTURED, row["id"], at, paid.id, number)
    if not has["granted"]:
        await connection.execute(_GRANT, row["id"], row["user_id"], tokens, at)
    if not has["number"]:
        money = {"amount_paise": row["amount_paise"], "gst_paise": row["gst_paise"]}
        await connection.execute(_INVOICE, row["id"], number, *money.values(), at)
        of = trails.Invoice(paid.id, number)
        await trails.gst(connection, of, "create", {}, money, by, at)
        await trails.gst(connection, of, "issue", {}, {"invoice_number": number}, by, at)
    return Settled(row["id"], tokens, number, not has["granted"], not has["number"])


async def preview(connection: tools.Connection, paid: razorpay.Payment) -> Settled:
    """What `settle` would do; nothing is changed. Raises Strange."""
    row = await connection.fetchrow(_ROW, paid.order_id)
    _check(row, paid)
    assert row is not None
    has = await connection.fetchrow(_HAS, row["id"])
    assert has is not None
    tokens = tokens_of(row["amount_paise"])
    return Settled(row["id"], tokens, has["number"] or "", not has["granted"], not has["number"])


async def failed(connection: tools.Connection, paid: razorpay.Payment, at: datetime) -> None:
    """Note that a payment failed; one that was captured since stays so.

    Its order is unpaid now, and may be paid in a second attempt, of which Razorpay is asked; what
    Razorpay has said of that already is newer than this.
    """
    await connection.execute(_FAILED, paid.order_id, paid.id, at)


async def _number(connection: tools.Connection, at: datetime) -> str:
    number = await connection.fetchval("SELECT nextval('invoice_numbers')")
    return f"INV-{at:%Y}-{number:06d}"


def _check(row: asyncpg.Record | None, paid: razorpay.Payment) -> None:
    if row is None:
        raise Strange(f"There is no order {paid.order_id} for payment {paid.id}.")
    facts: dict[str, Any] = {"amount_paise": row["amount_paise"], "state": row["state"]}
    if facts["amount_paise"] != paid.amount_paise:
        raise Strange(
            f"Payment {paid.id} is of {paid.amount_paise} paise, its order of"
            f" {facts['amount_paise']}."
        )
    if facts["state"] == "refunded":
        raise Strange(f"Payment {paid.id} was refunded.")
    other = row["razorpay_payment_id"]
    if facts["state"] == "captured" and other not in (None, paid.id):
        raise Strange(f"Order {paid.order_id} was paid by {other} already; refund {paid.id}.")
