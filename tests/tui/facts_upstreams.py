"""Services outside, their webhooks, money and secrets, as a screen gets them."""

from __future__ import annotations

from mrcore.model import base, upstream
from tests.tui import facts


def every() -> list[base.Entity]:
    """One of each kind."""
    return [
        upstream.Upstream(
            ref="upstreams/upstream/exotel",
            name="exotel",
            target="https://api.exotel.com/v1/Accounts/mrmentor1",
            status_code=401,
            auth_ok=False,
            probed_at=facts.ago(12),
            last_call_at=facts.ago(40),
            calls=4,
            refused=3,
            actions=("check.run",),
        ),
        upstream.Webhook(
            ref="upstreams/webhook/razorpay", name="razorpay", last_at=facts.ago(900), unanswered=1
        ),
        upstream.Payments(ref="upstreams/payment/all", name="payments", without_invoice=1),
        upstream.Order(
            ref="slots/order/order_9f2cc0ffee1234",
            name="order_9f2cc0ffee1234",
            amount_paise=250_000,
            created_at=facts.ago(900),
            state="created",
            actions=("payment.reconcile",),
        ),
        upstream.Secret(
            ref="upstreams/secret/worker",
            name="worker",
            secret="mr-mentor-backend/production",
            version="0f0e0d0c-0b0a-4909-8807-060504030201",
            stale=True,
            read_at=facts.ago(7200),
        ),
    ]
