"""Razorpay, simulated: orders, payments, and webhooks that come once, twice, late or never.

A late one comes by a timer, while nobody waits for it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette import requests, responses, routing

from mrcore.mentor import razorpay, trusted

LOG = logging.getLogger("upstreams")

_DELIVERIES = {"once": 1, "twice": 2, "never": 0}
_TIMES_MOST = 10
_LATE_MOST_S = 3600.0
_TIMEOUT_S = 10.0


@dataclass
class Razorpay:
    """The service of one account; `hooks` are the backends' webhook addresses, asked in turn."""

    account: razorpay.Settings
    hooks: list[str] = field(default_factory=list)
    orders: dict[str, int] = field(default_factory=dict)
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    delivered: int = 0
    late: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        pair = f"{self.account.key_id}:{self.account.key_secret.get_secret_value()}"
        self._basic = "Basic " + base64.b64encode(pair.encode()).decode()

    def routes(self) -> list[routing.Route]:
        """Its API, and the console on which somebody pays or sends a webhook again."""
        return [
            routing.Route("/razorpay/v1/orders", self._order, methods=["POST"]),
            routing.Route("/razorpay/v1/orders/{id}/payments", self._of_order),
            routing.Route("/razorpay/v1/payments", self._list),
            routing.Route("/razorpay/v1/payments/{id}", self._payment),
            routing.Route("/control/razorpay/pay", self._pay, methods=["POST"]),
            routing.Route("/control/razorpay/resend", self._resend, methods=["POST"]),
        ]

    def _is_strange(self, request: requests.Request) -> bool:
        known = self.account.is_on and request.headers.get("authorization") == self._basic
        return not known

    async def _order(self, request: requests.Request) -> responses.Response:
        if self._is_strange(request):
            return _error(401, "The api key provided is invalid")
        amount = int((await request.json())["amount"])
        order_id = f"order_{uuid.uuid4().hex[:14]}"
        self.orders[order_id] = amount
        return responses.JSONResponse({"id": order_id, "amount": amount, "status": "created"})

    async def _of_order(self, request: requests.Request) -> responses.Response:
        if self._is_strange(request):
            return _error(401, "The api key provided is invalid")
        order = request.path_params["id"]
        items = [each for each in self.payments.values() if each["order_id"] == order]
        return responses.JSONResponse({"count": len(items), "items": items[::-1]})

    async def _list(self, request: requests.Request) -> responses.Response:
        if self._is_strange(request):
            return _error(401, "The api key provided is invalid")
        items = list(self.payments.values())[-10:]
        return responses.JSONResponse({"count": len(items), "items": items})

    async def _payment(self, request: requests.Request) -> responses.Response:
        if self._is_strange(request):
            return _error(401, "The api key provided is invalid")
        found = self.payments.get(request.path_params["id"])
        return responses.JSONResponse(found) if found else _error(404, "No such payment")

    async def _pay(self, request: requests.Request) -> responses.Response:
        """`{"orderId", "amount"?, "status"?, "deliver": "once" | "twice" | "never"}`."""
        said = await request.json()
        order_id = str(said["orderId"])
        amount = said.get("amount", self.orders.get(order_id))
        times = _DELIVERIES.get(said.get("deliver", "once"))
        if amount is None or times is None:
            return _error(400, "deliver is once, twice or never, of an order that there is")
        paid = {
            "id": f"pay_{order_id.removeprefix('order_')}",
            "order_id": order_id,
            "amount": int(amount),
            "status": said.get("status", "captured"),
        }
        self.payments[paid["id"]] = paid
        answers = await self.deliver(paid, times)
        return responses.JSONResponse({"payment": paid, "answers": answers})

    async def _resend(self, request: requests.Request) -> responses.Response:
        """`{"paymentId", "times"?, "afterS"?}`: what a person presses on the dashboard, at once.

        With `afterS` it is Razorpay's own retry, so many seconds later: nobody waits for it.
        """
        said = await request.json()
        paid = self.payments.get(str(said["paymentId"]))
        if paid is None:
            return _error(404, "No such payment")
        times, after_s = int(said.get("times", 1)), float(said.get("afterS", 0))
        if not 0 < times <= _TIMES_MOST or not 0 <= after_s <= _LATE_MOST_S:
            return _error(400, f"times is 1 to {_TIMES_MOST}, afterS 0 to {_LATE_MOST_S:g}")
        if after_s:
            task = asyncio.create_task(self._later(paid, times, after_s))
            self.late.add(task)
            task.add_done_callback(self.late.discard)
            return responses.JSONResponse({"payment": paid, "answers": []})
        return responses.JSONResponse({"payment": paid, "answers": await self.deliver(paid, times)})

    async def _later(self, paid: dict[str, Any], times: int, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await self.deliver(paid, times)

    async def deliver(self, paid: dict[str, Any], times: int) -> list[int]:
        """Send a payment's webhook; the codes that were answered, 0 for none."""
        event = f"payment.{paid['status']}"
        body = json.dumps({"event": event, "payload": {"payment": {"entity": paid}}}).encode()
        headers = {
            "content-type": "application/json",
            razorpay.SIGNATURE: razorpay.signature(body, self.account.webhook_secret),
            razorpay.EVENT_ID: f"evt_{paid['id']}_{paid['status']}",
        }
        answers = []
        async with trusted.client(timeout=_TIMEOUT_S) as client:
            for _ in range(times if self.hooks else 0):
                hook = self.hooks[self.delivered % len(self.hooks)]
                self.delivered += 1
                try:
                    answer = await client.post(hook, content=body, headers=headers)
                    answers.append(answer.status_code)
                except httpx.HTTPError as error:
                    LOG.warning("razorpay: %s was not told: %s", hook, type(error).__name__)
                    answers.append(0)
        return answers


def _error(status: int, description: str) -> responses.Response:
    return responses.JSONResponse({"error": {"description": description}}, status)
