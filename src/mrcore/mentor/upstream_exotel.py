"""Exotel, simulated: two clusters, of which one knows the account; calls, messages, callbacks."""

from __future__ import annotations

import asyncio
import base64
import logging
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
from starlette import requests, responses, routing

from mrcore.mentor import exotel, trusted

LOG = logging.getLogger("upstreams")

_KEPT = 200
_TIMEOUT_S = 10.0
_NAMES = {"call": "CallSid", "sms": "SmsSid"}
_ENDS = {"call": "completed", "sms": "sent"}


@dataclass
class Exotel:
    """One account, on the cluster `home`."""

    account: exotel.Settings
    home: str = exotel.MUMBAI
    sent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    calls_back: bool = True

    def __post_init__(self) -> None:
        pair = f"{self.account.api_key}:{self.account.api_token.get_secret_value()}"
        self._basic = "Basic " + base64.b64encode(pair.encode()).decode()
        self._telling: set[asyncio.Task[None]] = set()

    def routes(self) -> list[routing.Route]:
        """Both clusters below `/exotel/<subdomain>`, and the console."""
        account = "/exotel/{cluster}/v1/Accounts/{sid}"
        return [
            routing.Route(account, self._status),
            routing.Route(f"{account}/Calls/connect.json", self._call, methods=["POST"]),
            routing.Route(f"{account}/Sms/send.json", self._sms, methods=["POST"]),
            routing.Route("/control/exotel", self._control, methods=["POST"]),
        ]

    def _refusal(self, request: requests.Request) -> responses.Response | None:
        place = request.path_params
        known = self.account.is_on and request.headers.get("authorization") == self._basic
        if known and place["cluster"] == self.home and place["sid"] == self.account.sid:
            return None
        LOG.warning("exotel: %s answers 401", place["cluster"])
        said = {"RestException": {"Status": 401, "Message": "Authentication failed"}}
        return responses.JSONResponse(said, 401)

    async def _status(self, request: requests.Request) -> responses.Response:
        account = {"Account": {"Sid": self.account.sid, "Status": "active"}}
        return self._refusal(request) or responses.JSONResponse(account)

    async def _call(self, request: requests.Request) -> responses.Response:
        return self._refusal(request) or await self._take(request, "call", "Call")

    async def _sms(self, request: requests.Request) -> responses.Response:
        return self._refusal(request) or await self._take(request, "sms", "SMSMessage")

    async def _take(self, request: requests.Request, kind: str, name: str) -> responses.Response:
        form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        sid = uuid.uuid4().hex
        self.sent.append({"kind": kind, "sid": sid, **form})
        if self.calls_back and (address := form.get("StatusCallback")):
            task = asyncio.create_task(self.tell(address, kind, sid))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        return responses.JSONResponse({name: {"Sid": sid, "Status": "queued"}})

    async def tell(self, address: str, kind: str, sid: str, status: str = "") -> None:
        """Say how it went, as soon as the backend knows the sid: Exotel tries again on 4xx."""
        body = {_NAMES[kind]: sid, "Status": status or _ENDS[kind]}
        async with trusted.client(timeout=_TIMEOUT_S) as client:
            for pause_s in (0.05, 0.2, 1.0, 3.0):
                await asyncio.sleep(pause_s)
                try:
                    if (await client.post(address, data=body)).status_code < 400:
                        return
                except httpx.HTTPError as error:
                    LOG.warning("exotel: the callback was not taken: %s", type(error).__name__)
        LOG.warning("exotel: gave up telling of %s %s", kind, sid)

    async def _control(self, request: requests.Request) -> responses.Response:
        """`{"home": "api.exotel.com"}` moves the account; `{"callsBack": false}` keeps silent."""
        said = await request.json()
        home = said.get("home", self.home)
        if home not in exotel.CLUSTERS:
            known = " or ".join(exotel.CLUSTERS)
            return responses.JSONResponse({"message": f"home must be {known}"}, 400)
        self.home, self.calls_back = home, bool(said.get("callsBack", self.calls_back))
        LOG.warning("control: exotel's account is on %s", home)
        return responses.JSONResponse({"home": home, "callsBack": self.calls_back})
