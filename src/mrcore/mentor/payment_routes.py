"""Money: orders, Razorpay's webhook, reconciliation, and what may be changed on an invoice."""

from __future__ import annotations

import functools
import json
import logging
import uuid
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import fastapi
import pydantic

from mrcore.mentor import calls, desk, gate, jwt, once, razorpay, settling, trails, unsettled

LOG = logging.getLogger("payments")

T = TypeVar("T")

BODY_MOST = 1 << 18
WEBHOOK = trails.By(None, "razorpay")

_EVENT = (
    "INSERT INTO razorpay_events (event_id, event, payment_id, received_at) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (event_id) DO UPDATE SET deliveries = razorpay_events.deliveries + 1"
    " RETURNING deliveries"
)
_ORDER = (
    "INSERT INTO payments (user_id, order_id, amount_paise, gst_paise, created_at)"
    " SELECT id, $2, $3, $4, $5 FROM users WHERE lower(email) = lower($1) RETURNING id"
)

OrderId = Annotated[str, fastapi.Path(pattern=r"^order_[A-Za-z0-9]{6,40}$")]
PaymentId = Annotated[str, pydantic.Field(pattern=r"^pay_[A-Za-z0-9]{8,40}$")]


class Order(pydantic.BaseModel):
    """Who wants to pay how much."""

    email: Annotated[str, pydantic.Field(min_length=1, max_length=200)]
    amountPaise: Annotated[int, pydantic.Field(ge=100, le=100_000_000)]  # noqa: N815


class Has(pydantic.BaseModel):
    """What a payment has led to."""

    granted: bool
    invoiced: bool


class Reconcile(pydantic.BaseModel):
    """Which payment to settle; a dry run only says what that would do.

    With `onlyIf` it is done where just that was made of it, and refused with 412 otherwise.
    """

    paymentId: PaymentId  # noqa: N815
    dryRun: bool = False  # noqa: N815
    onlyIf: Has | None = None  # noqa: N815


class InvoiceChange(pydantic.BaseModel):
    """What is to be so of an invoice; what is left out stays."""

    gstin: Annotated[str | None, pydantic.Field(pattern=r"^\d{2}[A-Z0-9]{13}$")] = None
    billingName: Annotated[str | None, pydantic.Field(max_length=200)] = None  # noqa: N815
    placeOfSupply: Annotated[str | None, pydantic.Field(max_length=100)] = None  # noqa: N815


class Payments:
    """The money routes of one backend."""

    def __init__(self, at: desk.Desk, settings: razorpay.Settings, door: gate.Gate) -> None:
        self._at = at
        self._settings = settings
        self.router = fastapi.APIRouter(prefix="/api")
        self._open(self.router)
        self._finance(self.router, door)

    def _open(self, router: fastapi.APIRouter) -> None:
        @router.post("/payments/orders", status_code=201)
        async def order(body: Order) -> dict[str, Any]:
            """Open an order, which the payment page then pays."""
            try:
                receipt = uuid.uuid4().hex
                order_id = await self._call(
                    razorpay.order(self._settings, body.amountPaise, receipt)
                )
            except razorpay.Failed as error:
                raise fastapi.HTTPException(503, str(error)) from None
            gst = settling.gst_of(body.amountPaise)
            values = (body.email, order_id, body.amountPaise, gst, self._at.now())
            async with self._at.links.database() as connection:
                made = await connection.fetchval(_ORDER, *values)
            if made is None:
                raise fastapi.HTTPException(404, "User not found")
            LOG.info("order %s of %d paise", order_id, body.amountPaise)
            return {"success": True, "orderId": order_id}

        @router.post("/webhooks/razorpay")
        async def webhook(request: fastapi.Request) -> dict[str, Any]:
            """Razorpay tells of a payment, once or more often, in any order."""
            body = await _body(request)
            given = request.headers.get(razorpay.SIGNATURE, "")
            if not razorpay.is_signed(body, given, self._settings.webhook_secret):
                LOG.warning("razorpay webhook refused: the signature is not valid")
                raise fastapi.HTTPException(400, "Invalid signature")
            event, paid = _read(body)
            event_id = request.headers.get(razorpay.EVENT_ID) or f"{event}/{paid.id}"
            LOG.info("razorpay webhook %s of payment %s order %s", event, paid.id, paid.order_id)
            return await self._told(event_id, event, paid)

    async def paid(self, order_id: str) -> razorpay.Payment | None:
        """What Razorpay says that an order was paid by. Raises razorpay.Failed."""
        return await self._call(razorpay.paid(self._settings, order_id))

    async def _call(self, work: Coroutine[Any, Any, T]) -> T:
        """A call to Razorpay, counted. Raises razorpay.Failed."""
        async with calls.counted(self._at.links.database, "razorpay", self._at.now) as call:
            try:
                found = await work
            except razorpay.Failed as error:
                call.status = error.status
                raise
            call.status = 200
            return found

    async def _told(self, event_id: str, event: str, paid: razorpay.Payment) -> dict[str, Any]:
        now = self._at.now()
        try:
            async with self._at.links.database() as connection, connection.transaction():
                # Two deliveries of one event meet here: the second waits, and finds it told.
                if await connection.fetchval(_EVENT, event_id, event, paid.id, now) > 1:
                    return {"success": True, "duplicate": True}
                if event == "payment.captured":
                    done = await settling.settle(connection, paid, WEBHOOK, now)
                    return {"success": True, **_shown(done)}
                if event == "payment.failed":
                    await settling.failed(connection, paid, now)
        except settling.Strange as error:
            LOG.error("razorpay webhook of payment %s was not processed: %s", paid.id, error)
            raise fastapi.HTTPException(409, str(error)) from None
        return {"success": True}

    def _finance(self, router: fastapi.APIRouter, door: gate.Gate) -> None:
        admin = fastapi.Depends(door.admin)

        @router.get("/finance/unsettled")
        async def unsettled_(who: jwt.Claims = admin) -> dict[str, Any]:
            """Orders that were not settled, the oldest first."""
            async with self._at.links.database() as connection:
                found = await unsettled.listed(connection, self._at.now())
            return {"success": True, "data": found, "limit": unsettled.MOST}

        @router.get("/finance/unsettled/{order_id}")
        async def asked(order_id: OrderId, who: jwt.Claims = admin) -> dict[str, Any]:
            """Ask Razorpay of an order, and say what settling it would do; nothing is changed."""
            try:
                paid = await self.paid(order_id)
            except razorpay.Failed as error:
                raise fastapi.HTTPException(503, str(error)) from None
            async with self._at.links.database() as connection, connection.transaction():
                return {"success": True, "data": await unsettled.told(connection, paid)}

        @router.post("/finance/reconcile")
        async def reconcile(
            body: Reconcile,
            request: fastapi.Request,
            response: fastapi.Response,
            who: jwt.Claims = admin,
        ) -> dict[str, Any]:
            """Ask Razorpay of a payment, and settle it where it was captured."""
            redis, headers = self._at.links.redis, request.headers
            work = functools.partial(self._reconcile, body, who)
            return await once.only(redis, "reconcile", headers, response, work)

        @router.patch("/finance/invoices/{number}")
        async def change(
            number: str, body: InvoiceChange, who: jwt.Claims = admin
        ) -> dict[str, Any]:
            """Change what an invoice says; each field leaves its row in the GST trail."""
            changed = await self._change(number, body, who)
            if changed is None:
                raise fastapi.HTTPException(404, "Invoice not found")
            return {"success": True, "changed": changed}

    async def _reconcile(self, body: Reconcile, who: jwt.Claims) -> dict[str, Any]:
        """Settle one payment, once. Raises NotDone, and then nothing was changed."""
        try:
            paid = await self._call(razorpay.payment(self._settings, body.paymentId))
        except razorpay.Failed as error:
            raise once.NotDone(503, str(error)) from None
        if paid is None:
            raise once.NotDone(404, "Razorpay does not know this payment")
        if paid.status != "captured":
            said = f"Payment {paid.id} is {paid.status} at Razorpay, not captured"
            raise once.NotDone(409, said)
        by, now = trails.By(who.user, who.email), self._at.now()
        try:
            async with self._at.links.database() as connection, connection.transaction():
                would = await settling.preview(connection, paid)  # locks the order's row
                has = Has(granted=not would.granted, invoiced=not would.invoiced)
                if body.onlyIf not in (None, has):
                    raise once.NotDone(412, "Others have settled it meanwhile")
                done = would if body.dryRun else await settling.settle(connection, paid, by, now)
        except settling.Strange as error:
            raise once.NotDone(409, str(error)) from None
        LOG.info("reconciled %s for %s: %s", paid.id, who.user, _shown(done))
        return {"success": True, "dryRun": body.dryRun, **_shown(done)}

    async def _change(self, number: str, body: InvoiceChange, who: jwt.Claims) -> int | None:
        names = {
            "gstin": "gstin",
            "billingName": "billing_name",
            "placeOfSupply": "place_of_supply",
        }
        wanted = {names[k]: v for k, v in body.model_dump(exclude_unset=True).items()}
        async with self._at.links.database() as connection, connection.transaction():
            row = await connection.fetchrow(
                "SELECT i.*, coalesce(p.razorpay_payment_id, p.id::text) AS paid_as"
                " FROM invoices i JOIN payments p ON p.id = i.payment_id WHERE i.number = $1"
                " FOR UPDATE OF i",
                number,
            )
            if row is None:
                return None
            after = {**{name: row[name] for name in names.values()}, **wanted}
            await connection.execute(
                "UPDATE invoices SET gstin = $2, billing_name = $3, place_of_supply = $4"
                " WHERE number = $1",
                number,
                *(after[name] for name in names.values()),
            )
            of, by = trails.Invoice(row["paid_as"], number), trails.By(who.user, who.email)
            return await trails.gst(connection, of, "update", dict(row), after, by, self._at.now())


async def _body(request: fastapi.Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_MOST:
            raise fastapi.HTTPException(413, "The body is too large")
    return body


def _read(body: bytes) -> tuple[str, razorpay.Payment]:
    """Event and payment of a webhook. Raises HTTPException 400."""
    try:
        said = json.loads(body)
        return str(said["event"]), razorpay.Payment.read(said["payload"]["payment"]["entity"])
    except (ValueError, KeyError, TypeError):
        raise fastapi.HTTPException(400, "This tells of no payment") from None


def _shown(done: settling.Settled) -> dict[str, Any]:
    return {
        "tokens": done.tokens,
        "invoice": done.invoice,
        "granted": done.granted,
        "invoiced": done.invoiced,
    }
