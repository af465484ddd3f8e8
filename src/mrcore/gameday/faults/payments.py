"""Payments whose webhook does not come, comes late, or comes again and again."""

from __future__ import annotations

import contextlib

import httpx

from mrcore.gameday.faults import accounts, base, people, services

ORDER, PAYMENT = "order", "payment"
_LONG_AGO = "UPDATE payments SET created_at = now() - interval '11 min' WHERE order_id = $1"
_HALF = """UPDATE payments SET status = 'captured', razorpay_payment_id = $2,
                   captured_at = now() - interval '2 min' WHERE order_id = $1"""
_UNTOLD = """SELECT order_id FROM payments p WHERE created_at > now() - interval '3 h'
              AND (status = 'created' OR (status = 'captured'
                   AND NOT EXISTS (SELECT FROM invoices i WHERE i.payment_id = p.id)))"""


class Untold(base.Fault):
    """Somebody has paid 11 min ago, and no webhook told of it; just now, where it is not `aged`.

    With `late_s` Razorpay sends it so many seconds from now, `times` times: its timer is its own,
    and does not hear of what is done meanwhile.
    """

    amount_paise: int = 250_000
    late_s: float = 0.0
    times: int = 1
    aged: bool = True

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        who = await people.one(stage, "student")
        connection = await stage.arena.app("mrcore-gameday")
        try:
            order = await _order(stage, {"email": who["email"], "amountPaise": self.amount_paise})
            paid = {"orderId": order, "amount": self.amount_paise, "deliver": "never"}
            said = await services.console(stage, "/control/razorpay/pay", paid)
            stage.parts[ORDER], stage.parts[PAYMENT] = order, said["payment"]["id"]
            if self.aged:
                await connection.execute(_LONG_AGO, order)
        finally:
            await connection.close()
        if self.late_s:
            again = {"times": self.times, "afterS": self.late_s}
            await _resend(stage, stage.parts[PAYMENT], **again)

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        connection = await stage.arena.app("mrcore-gameday")
        try:
            rows = await connection.fetch(_UNTOLD)
        finally:
            await connection.close()
        for row in rows:
            with contextlib.suppress(httpx.HTTPStatusError):  # one that nobody has paid
                await _resend(stage, f"pay_{row['order_id'].removeprefix('order_')}")


class Aged(base.Fault):
    """11 min have passed since that order was made."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await accounts.sql(stage, _LONG_AGO, stage.parts[ORDER])


class Half(base.Fault):
    """Its webhook came, and who processed it died in between: captured, and nothing made of it."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await accounts.sql(stage, _HALF, stage.parts[ORDER], stage.parts[PAYMENT])


class Resent(base.Fault):
    """For an operator: the webhook is sent again from Razorpay's dashboard, so many times."""

    times: int = 1

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await _resend(stage, stage.parts[PAYMENT], times=self.times)


async def _resend(stage: base.Stage, payment: str, **how: float) -> None:
    said = {"paymentId": payment, **how}
    await services.console(stage, "/control/razorpay/resend", said)


async def _order(stage: base.Stage, wanted: dict[str, object]) -> str:
    url = stage.arena.line["switch"]
    async with httpx.AsyncClient(base_url=url, timeout=10.0, trust_env=False) as client:
        answer = await client.post("/api/payments/orders", json=wanted)
        answer.raise_for_status()
        return str(answer.json()["orderId"])
