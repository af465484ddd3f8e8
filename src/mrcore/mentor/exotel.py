"""Exotel: click-to-call and SMS by its API v1; without credentials the CRM shows `tel:` links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from mrcore.mentor import trusted

SINGAPORE, MUMBAI = "api.exotel.com", "api.in.exotel.com"
CLUSTERS = (SINGAPORE, MUMBAI)
"""An account is on one of them; the other answers 401."""

_TIMEOUT_S = 5.0


class Failed(Exception):
    """Exotel did not do it; the sentence says what it answered, `status` is 0 without an answer."""

    def __init__(self, said: str, status: int) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True)
class Settings:
    """`EXOTEL_SID …_API_KEY …_API_TOKEN …_CALLER_ID …_SUBDOMAIN …_SMS_SENDER_ID …_WEBHOOK_TOKEN`
    and `BACKEND_PUBLIC_URL`; `MR_EXOTEL_URL` is where the clusters are simulated."""

    sid: str
    api_key: str
    api_token: SecretStr
    caller_id: str
    subdomain: str
    sms_sender_id: str
    webhook_token: SecretStr
    public_url: str
    simulated: str = ""

    @classmethod
    def read(cls, env: Mapping[str, str]) -> Settings:
        """Read the environment; without SID, key, token and caller it is off."""
        return cls(
            sid=env.get("EXOTEL_SID", ""),
            api_key=env.get("EXOTEL_API_KEY", ""),
            api_token=SecretStr(env.get("EXOTEL_API_TOKEN", "")),
            caller_id=env.get("EXOTEL_CALLER_ID", ""),
            subdomain=env.get("EXOTEL_SUBDOMAIN") or SINGAPORE,
            sms_sender_id=env.get("EXOTEL_SMS_SENDER_ID", ""),
            webhook_token=SecretStr(env.get("EXOTEL_WEBHOOK_TOKEN", "")),
            public_url=env.get("BACKEND_PUBLIC_URL", "").rstrip("/"),
            simulated=env.get("MR_EXOTEL_URL", "").rstrip("/"),
        )

    @property
    def is_on(self) -> bool:
        """Whether calls can be made."""
        return all((self.sid, self.api_key, self.api_token.get_secret_value(), self.caller_id))

    @property
    def account_url(self) -> str:
        """The account on its cluster."""
        host = (
            f"{self.simulated}/{self.subdomain}" if self.simulated else f"https://{self.subdomain}"
        )
        return f"{host}/v1/Accounts/{quote(self.sid, safe='')}"

    def callback(self, kind: str) -> str:
        """Where Exotel tells how it went; "" where it could not reach us, or anybody could."""
        token = self.webhook_token.get_secret_value()
        if not (self.public_url and token):
            return ""
        return f"{self.public_url}/api/exotel/{kind}-status?token={quote(token, safe='')}"


async def call(settings: Settings, agent: str, lead: str) -> str:
    """Ring the agent's phone, then the lead's; the call's sid. Raises Failed."""
    form = {"From": agent, "To": lead, "CallerId": settings.caller_id}
    if told := settings.callback("call"):
        form |= {"StatusCallback": told, "StatusCallbackEvents[0]": "terminal"}
    found = await _ask(settings, "POST", "/Calls/connect.json", form)
    return str(found["Call"]["Sid"])


async def sms(settings: Settings, to: str, body: str) -> str:
    """Send a message; its sid. Raises Failed."""
    form = {"From": settings.sms_sender_id or settings.caller_id, "To": to, "Body": body}
    if told := settings.callback("sms"):
        form["StatusCallback"] = told
    found = await _ask(settings, "POST", "/Sms/send.json", form)
    return str(found["SMSMessage"]["Sid"])


async def _ask(settings: Settings, method: str, path: str, form: dict[str, str]) -> dict[str, Any]:
    auth = (settings.api_key, settings.api_token.get_secret_value())
    try:
        async with trusted.client(timeout=_TIMEOUT_S) as client:
            answer = await client.request(method, settings.account_url + path, data=form, auth=auth)
    except httpx.HTTPError as error:
        said = f"Exotel ({settings.subdomain}) does not answer: {type(error).__name__}."
        raise Failed(said, 0) from error
    if answer.status_code == 401:
        said = (
            f"Exotel answered 401: EXOTEL_SUBDOMAIN {settings.subdomain} is not this account's"
            " cluster, or the API key is not valid."
        )
        raise Failed(said, 401)
    if answer.status_code != 200:
        raise Failed(f"Exotel answered {answer.status_code}.", answer.status_code)
    found: dict[str, Any] = answer.json()
    return found
