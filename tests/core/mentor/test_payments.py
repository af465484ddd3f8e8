"""A payment leads to exactly one grant and one invoice, however its webhook comes."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from starlette import applications

from mrcore import redact
from mrcore.mentor import app as mentor_app
from mrcore.mentor import links, people, razorpay, upstream_razorpay
from tests import waiting
from tests.core.mentor import conftest, serving

STUDENT = people.person(conftest.SEED, conftest.TINY.first_student, conftest.TINY)
RECONCILE = "/api/finance/reconcile"


def told(url: str) -> dict[str, str]:
    """The environment of a backend whose Razorpay is at `url`."""
    return {
        "RAZORPAY_KEY_ID": "rzp_test_mentor",
        "RAZORPAY_KEY_SECRET": "a key",
        "RAZORPAY_WEBHOOK_SECRET": "another",
        "RAZORPAY_URL": f"{url}/razorpay",
    }


@dataclasses.dataclass
class Shop:
    """A backend, Razorpay, its console, and an admin's header."""

    web: httpx.AsyncClient
    razorpay: upstream_razorpay.Razorpay
    console: httpx.AsyncClient
    admin: dict[str, str]
    app: asyncpg.Connection

    async def order(self, paise: int = 1_180_000) -> str:
        body = {"email": STUDENT.email, "amountPaise": paise}
        answer = await self.web.post("/api/payments/orders", json=body)
        return str(answer.raise_for_status().json()["orderId"])

    async def pay(self, order: str, **how: Any) -> tuple[str, list[int]]:
        """Pay; the payment's id, and what its webhooks were answered."""
        answer = await self.console.post("/control/razorpay/pay", json={"orderId": order, **how})
        said = answer.raise_for_status().json()
        return said["payment"]["id"], said["answers"]

    async def reconcile(self, payment: str, *, dry: bool = False) -> httpx.Response:
        body = {"paymentId": payment, "dryRun": dry}
        return await self.web.post(RECONCILE, json=body, headers=self.admin)

    async def made(self, order: str) -> tuple[str, int, int]:
        """State of an order, and how many grants and invoices it has."""
        row = await self.app.fetchrow(
            "SELECT status::text, (SELECT count(*) FROM token_grants WHERE payment_id = p.id),"
            " (SELECT count(*) FROM invoices WHERE payment_id = p.id) FROM payments p"
            " WHERE order_id = $1",
            order,
        )
        assert row is not None
        return tuple(row)

    async def trail(self, payment: str) -> list[tuple[Any, ...]]:
        rows = await self.app.fetch(
            "SELECT action, field, old_value, new_value, changed_by_email"
            " FROM superadmin.gst_audit_log WHERE payment_id = $1 ORDER BY action, field",
            payment,
        )
        return [tuple(row) for row in rows]


@pytest.fixture
async def shop(env: dict[str, str], app: asyncpg.Connection) -> AsyncIterator[Shop]:
    service = upstream_razorpay.Razorpay(razorpay.Settings.read(told("")))
    async with serving.serving(applications.Starlette(routes=service.routes())) as url:
        made = mentor_app.create("blue", {**env, **told(url)}, now=lambda: conftest.NOW)
        async with (
            serving.serving(made) as backend,
            httpx.AsyncClient(base_url=backend, timeout=waiting.LONG_S) as web,
            httpx.AsyncClient(base_url=url, timeout=waiting.LONG_S) as console,
        ):

            async def ready() -> bool:
                return (await web.get("/api/health")).status_code == 200

            await waiting.until(ready)
            service.hooks.append(f"{backend}/api/webhooks/razorpay")
            yield Shop(web, service, console, await conftest.bearer(app, env, "admin"), app)


async def test_a_captured_payment_is_granted_invoiced_and_in_the_trail(shop: Shop) -> None:
    order = await shop.order(1_180_000)
    assert await shop.made(order) == ("created", 0, 0)
    payment, answers = await shop.pay(order, deliver="twice")
    assert answers == [200, 200]
    assert await shop.made(order) == ("captured", 1, 1)
    sent = "SELECT deliveries FROM razorpay_events WHERE payment_id = $1"
    assert await shop.app.fetchval(sent, payment) == 2
    row = await shop.app.fetchrow(
        "SELECT g.tokens, i.gst_paise, i.number = p.invoice_number AS same, i.number"
        " FROM payments p JOIN token_grants g ON g.payment_id = p.id"
        " JOIN invoices i ON i.payment_id = p.id WHERE p.razorpay_payment_id = $1",
        payment,
    )
    assert row is not None
    assert tuple(row)[:3] == (23, 180_000, True)
    assert await shop.trail(payment) == [
        ("create", "amount_paise", None, "1180000", "razorpay"),
        ("create", "gst_paise", None, "180000", "razorpay"),
        ("issue", "invoice_number", None, row["number"], "razorpay"),
    ]
    path = "/api/finance/payments/"
    found = (await shop.web.get(f"{path}{payment}", headers=shop.admin)).json()["data"]
    assert found["payment"].items() >= {"orderId": order, "grants": 1, "invoices": 1}.items()
    assert [one["event"] for one in found["webhooks"]] == ["payment.captured"], "told once"
    assert found["auditRows"] == 3
    unknown = await shop.web.get(f"{path}pay_nobody1234", headers=shop.admin)
    assert unknown.status_code == 404
    assert (await shop.web.get(f"{path}{payment}")).status_code == 401


async def test_twenty_deliveries_and_reconciliations_at_once_make_one_of_each(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "_ACQUIRE_S", waiting.LONG_S)  # twenty wait for five at first
    order = await shop.order()
    payment, _ = await shop.pay(order, deliver="never")
    paid = shop.razorpay.payments[payment]
    answers, asked = await asyncio.gather(
        asyncio.gather(*(shop.razorpay.deliver(paid, 2) for _ in range(5))),
        asyncio.gather(*(shop.reconcile(payment) for _ in range(10))),
    )
    assert answers == [[200, 200]] * 5
    assert [answer.status_code for answer in asked] == [200] * 10
    assert await shop.made(order) == ("captured", 1, 1)
    assert len(await shop.trail(payment)) == 3


async def test_a_webhook_that_never_came_is_reconciled_after_a_dry_run(shop: Shop) -> None:
    order = await shop.order()
    payment, answers = await shop.pay(order, deliver="never")
    assert answers == []
    dry = (await shop.reconcile(payment, dry=True)).json()
    assert (dry["dryRun"], dry["granted"], dry["invoiced"], dry["tokens"]) == (True, True, True, 23)
    assert await shop.made(order) == ("created", 0, 0)
    done = (await shop.reconcile(payment)).json()
    assert (done["granted"], done["invoiced"]) == (True, True)
    assert await shop.made(order) == ("captured", 1, 1)
    assert {row[4] for row in await shop.trail(payment)} != {"razorpay"}, "a person did it"
    late = await shop.console.post("/control/razorpay/resend", json={"paymentId": payment})
    assert late.json()["answers"] == [200]
    again = (await shop.reconcile(payment)).json()
    assert (again["granted"], again["invoiced"]) == (False, False)
    assert again["invoice"] == done["invoice"]
    assert await shop.made(order) == ("captured", 1, 1)


async def test_what_razorpay_did_not_sign_is_refused(shop: Shop) -> None:
    order = await shop.order()
    payment, _ = await shop.pay(order, deliver="never")
    body = b'{"event": "payment.captured"}'
    secret = razorpay.Settings.read(told("")).webhook_secret
    right = razorpay.signature(body, secret)
    for signature in ("", "0" * 64, right[:-1] + "é"):
        headers = {razorpay.SIGNATURE.encode(): signature.encode()}
        answer = await shop.web.post("/api/webhooks/razorpay", content=body, headers=headers)
        assert (answer.status_code, answer.json()["message"]) == (400, "Invalid signature")
    signed = {razorpay.SIGNATURE: right}
    strange = await shop.web.post("/api/webhooks/razorpay", content=body, headers=signed)
    assert (strange.status_code, strange.json()["message"]) == (400, "This tells of no payment")
    assert await shop.made(order) == ("created", 0, 0)
    assert await shop.trail(payment) == []


async def test_a_payment_that_does_not_fit_its_order_grants_nothing(shop: Shop) -> None:
    order = await shop.order(500_000)
    payment, answers = await shop.pay(order, amount=100)
    assert answers == [409]
    assert await shop.made(order) == ("created", 0, 0)
    assert "is of 100 paise" in (await shop.reconcile(payment)).json()["message"]
    unknown, codes = await shop.pay("order_of_somebody_else", amount=500)
    assert codes == [409]
    assert (await shop.reconcile(f"{unknown[:4]}nobody12345")).status_code == 404


async def test_a_failure_that_comes_late_takes_nothing_back(shop: Shop) -> None:
    order = await shop.order()
    await shop.pay(order, status="failed")
    assert await shop.made(order) == ("failed", 0, 0)
    payment, answers = await shop.pay(order)
    assert (answers, await shop.made(order)) == ([200], ("captured", 1, 1))
    failed = {**shop.razorpay.payments[payment], "status": "failed"}
    assert await shop.razorpay.deliver({**failed, "id": "pay_late12345"}, 1) == [200]
    assert await shop.made(order) == ("captured", 1, 1)
    shop.razorpay.payments[payment] = failed
    assert (await shop.reconcile(payment)).status_code == 409


async def test_an_invoice_changes_by_a_row_a_field(shop: Shop) -> None:
    payment, _ = await shop.pay(await shop.order())
    number = (await shop.reconcile(payment)).json()["invoice"]
    path, body = f"/api/finance/invoices/{number}", {"gstin": "29ABCDE1234F1Z5", "billingName": "A"}
    for changed in (2, 0):
        answer = await shop.web.patch(path, json=body, headers=shop.admin)
        assert answer.json() == {"success": True, "changed": changed}
    away = await shop.web.patch(path, json={"gstin": None}, headers=shop.admin)
    assert away.json()["changed"] == 1
    updates = [row[1:4] for row in await shop.trail(payment) if row[0] == "update"]
    assert sorted(updates, key=str) == [
        ("billing_name", None, "A"),
        ("gstin", "29ABCDE1234F1Z5", None),
        ("gstin", None, "29ABCDE1234F1Z5"),
    ]
    assert (await shop.web.patch(path, json=body)).status_code == 401
    gone = await shop.web.patch(f"{path}0", json=body, headers=shop.admin)
    assert gone.status_code == 404


async def test_without_keys_it_is_off_and_says_so(
    web: httpx.AsyncClient, app: asyncpg.Connection, env: dict[str, str]
) -> None:
    body = {"email": STUDENT.email, "amountPaise": 500_000}
    answer = await web.post("/api/payments/orders", json=body)
    assert answer.status_code == 503
    assert "RAZORPAY_KEY_ID" in answer.json()["message"]
    headers = {razorpay.SIGNATURE: "0" * 64}
    assert (
        await web.post("/api/webhooks/razorpay", content=b"{}", headers=headers)
    ).status_code == 400


async def test_what_was_not_settled_is_listed_with_what_each_would_get(shop: Shop) -> None:
    lost, paid = await shop.order(), await shop.order()
    unpaid = await shop.order()
    payment, _ = await shop.pay(paid, deliver="never")
    many = {"paymentId": payment, "times": 2, "afterS": 0.01}
    await shop.app.execute("UPDATE payments SET created_at = created_at - interval '11 min'")
    found = await shop.web.get("/api/finance/unsettled", headers=shop.admin)
    orders = {row["orderId"]: row for row in found.json()["data"]}
    assert orders.keys() >= {lost, paid, unpaid}
    assert (orders[paid]["granted"], orders[paid]["invoiced"]) == (False, False)
    asked = await shop.web.get(f"/api/finance/unsettled/{unpaid}", headers=shop.admin)
    assert asked.json()["data"] == {"why": "Razorpay knows of no payment"}
    asked = await shop.web.get(f"/api/finance/unsettled/{paid}", headers=shop.admin)
    would = asked.json()["data"]
    assert (would["paymentId"], would["tokens"], would["invoiced"]) == (payment, 23, False)
    body = {"paymentId": payment, "onlyIf": {"granted": True, "invoiced": False}}
    refused = await shop.web.post(RECONCILE, json=body, headers=shop.admin)
    assert refused.status_code == 412
    assert await shop.made(paid) == ("created", 0, 0)
    once = {**shop.admin, "idempotency-key": "once"}
    body["onlyIf"] = {"granted": False, "invoiced": False}
    first = await shop.web.post(RECONCILE, json=body, headers=once)
    again = await shop.web.post(RECONCILE, json=body, headers=once)
    assert (first.json()["invoiced"], again.json()) == (True, first.json())
    # Razorpay's own timer sends the webhook when all is settled: it is heard, and changes nothing.
    (await shop.console.post("/control/razorpay/resend", json=many)).raise_for_status()
    await waiting.until(lambda: shop.razorpay.delivered == 2 and not shop.razorpay.late)
    assert await shop.made(paid) == ("captured", 1, 1)
    assert len(await shop.trail(payment)) == 3


async def test_the_log_is_searched_by_the_payment_and_by_its_order(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "payments")
    order = await shop.order()
    payment, _ = await shop.pay(order)
    (await shop.reconcile(payment)).raise_for_status()
    said = [redact.text(one.getMessage()) for one in caplog.records if one.name == "payments"]
    assert [line.split()[0] for line in said if order in line] == ["order", "razorpay"]
    assert [line.split()[0] for line in said if payment in line] == ["razorpay", "reconciled"]
