"""Razorpay: orders, payments and the signature of its webhooks (razorpay.com/docs/webhooks)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from mrcore.mentor import trusted

SIGNATURE = "x-razorpay-signature"
EVENT_ID = "x-razorpay-event-id"
_TIMEOUT_S = 5.0


class Failed(Exception):
    """Razorpay did not do it; the sentence says what it answered, `status` is 0 without one."""

    def __init__(self, said: str, status: int = 0) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True)
class Settings:
    """`RAZORPAY_KEY_ID RAZORPAY_KEY_SECRET RAZORPAY_WEBHOOK_SECRET RAZORPAY_URL`."""

    key_id: str
    key_secret: SecretStr
    webhook_secret: SecretStr
    url: str

    @classmethod
    def read(cls, env: Mapping[str, str]) -> Settings:
        """Read the environment; without keys it is off."""
        return cls(
            key_id=env.get("RAZORPAY_KEY_ID", ""),
            key_secret=SecretStr(env.get("RAZORPAY_KEY_SECRET", "")),
            webhook_secret=SecretStr(env.get("RAZORPAY_WEBHOOK_SECRET", "")),
            url=(env.get("RAZORPAY_URL") or "https://api.razorpay.com").rstrip("/"),
        )

    @property
    def is_on(self) -> bool:
        """Whether there are keys."""
        return bool(self.key_id and self.key_secret.get_secret_value())


@dataclass(frozen=True)
class Payment:
    """A payment as Razorpay has it: `pay_…` of the order `order_…`."""

    id: str
    order_id: str
    amount_paise: int
    status: str

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Payment:
        """From its JSON. Raises KeyError, TypeError or ValueError when it is none."""
        status = str(said["status"])
        return cls(str(said["id"]), str(said["order_id"]), int(said["amount"]), status)


def signature(body: bytes, secret: SecretStr) -> str:
    """What Razorpay signs a webhook's body with."""
    return hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()


def is_signed(body: bytes, given: str, secret: SecretStr) -> bool:
    """Whether a webhook is Razorpay's; never without a secret."""
    if not secret.get_secret_value():
        return False
    return hmac.compare_digest(signature(body, secret).encode(), given.encode())


async def order(settings: Settings, amount_paise: int, receipt: str) -> str:
    """A new order; its id. Raises Failed."""
    body = {"amount": amount_paise, "currency": "INR", "receipt": receipt}
    return str((await _ask(settings, "POST", "/v1/orders", body))["id"])


async def payment(settings: Settings, payment_id: str) -> Payment | None:
    """A payment as Razorpay has it now; None for one that it does not know. Raises Failed."""
    found = await _ask(settings, "GET", f"/v1/payments/{payment_id}", None)
    return Payment.read(found) if found else None


async def paid(settings: Settings, order_id: str) -> Payment | None:
    """The payment that an order was paid by: the captured one, else its newest; None without.

    `GET /v1/orders/:id/payments`. Raises Failed.
    """
    found = await _ask(settings, "GET", f"/v1/orders/{order_id}/payments", None)
    try:
        every = [Payment.read(each) for each in found["items"]]
    except (KeyError, TypeError, ValueError) as error:
        raise Failed("Razorpay answered what is not understood.") from error
    return next((each for each in every if each.status == "captured"), every[0] if every else None)


async def _ask(
    settings: Settings, method: str, path: str, body: dict[str, Any] | None
) -> dict[str, Any]:
    if not settings.is_on:
        raise Failed("Razorpay is off: RAZORPAY_KEY_ID and RAZORPAY_KEY_SECRET are not set.")
    auth = (settings.key_id, settings.key_secret.get_secret_value())
    try:
        async with trusted.client(timeout=_TIMEOUT_S) as client:
            answer = await client.request(method, settings.url + path, json=body, auth=auth)
    except httpx.HTTPError as error:
        raise Failed(f"Razorpay does not answer: {type(error).__name__}.") from error
    if answer.status_code == 404:
        return {}
    if answer.status_code != 200:
        raise Failed(f"Razorpay answered {answer.status_code}.", answer.status_code)
    try:
        found: dict[str, Any] = answer.json()
    except ValueError as error:
        raise Failed("Razorpay answered what is not understood.", answer.status_code) from error
    return found
