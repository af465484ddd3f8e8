"""`/api/admin/trails` and what became of a payment: forensics, for admins."""

from __future__ import annotations

from typing import Annotated, Any

import fastapi
import pydantic

from mrcore.mentor import desk, gate, trail_search

_PAYMENT = """
SELECT p.order_id AS "orderId", p.status::text, p.amount_paise AS "amountPaise",
       (SELECT count(*) FROM token_grants WHERE payment_id = p.id) AS grants,
       (SELECT count(*) FROM invoices WHERE payment_id = p.id) AS invoices,
       p.invoice_number AS "invoiceNumber"
  FROM payments p WHERE p.razorpay_payment_id = $1
"""
_WEBHOOKS = (
    "SELECT event, received_at FROM razorpay_events WHERE payment_id = $1 ORDER BY received_at"
)
_AUDITED = "SELECT count(*) FROM superadmin.gst_audit_log WHERE payment_id = $1"


def build(at: desk.Desk, door: gate.Gate) -> fastapi.APIRouter:
    """The router of one backend."""
    router = fastapi.APIRouter(prefix="/api", dependencies=[fastapi.Depends(door.admin)])
    _trails(router, at)
    _payment(router, at)
    return router


def _trails(router: fastapi.APIRouter, at: desk.Desk) -> None:
    @router.get("/admin/trails")
    async def trails(
        q: Annotated[str, fastapi.Query(max_length=200)] = "",
        trail: str = "",
        since: pydantic.AwareDatetime | None = None,
        until: pydantic.AwareDatetime | None = None,
        limit: Annotated[int, fastapi.Query(ge=1, le=1_000)] = 100,
    ) -> dict[str, Any]:
        """Rows of all trails, or of those named (comma-separated), the newest first."""
        names = tuple(name for name in trail.split(",") if name)
        if strange := set(names) - set(trail_search.NAMES):
            known = ", ".join(trail_search.NAMES)
            raise fastapi.HTTPException(400, f"{min(strange)!r} is no trail; there are {known}")
        asked = trail_search.Question(q.strip(), since, until, names, limit)
        async with at.links.database() as connection:
            return {"success": True, "data": await trail_search.search(connection, asked)}


def _payment(router: fastapi.APIRouter, at: desk.Desk) -> None:
    @router.get("/finance/payments/{payment_id}")
    async def payment(payment_id: str) -> dict[str, Any]:
        """Whether its webhook came, and what it led to: one grant and one invoice, or not."""
        async with at.links.database() as connection:
            row = await connection.fetchrow(_PAYMENT, payment_id)
            told = await connection.fetch(_WEBHOOKS, payment_id)
            audited = await connection.fetchval(_AUDITED, payment_id)
        if row is None and not told:
            raise fastapi.HTTPException(404, "No webhook and no order knows this payment")
        webhooks = [
            {"event": one["event"], "receivedAt": one["received_at"].isoformat()} for one in told
        ]
        found = {"payment": dict(row) if row else None, "webhooks": webhooks}
        return {"success": True, "data": {**found, "auditRows": audited}}
