"""Exotel, simulated: two clusters, of which one knows the account; calls, messages, callbacks."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
from starlette import requests, responses, routing

from mrcore.mentor import exotel, people

LOG = logging.getLogger("upstreams")

_KEPT = 200
_TIMEOUT_S = 10.0
_NAMES = {"call": "CallSid", "sms": "SmsSid"}
_ENDS = {"call": "completed", "sms": "sent"}


def settings(seed: int, url: str, public_url: str, home: str = exotel.MUMBAI) -> dict[str, str]:
    """The environment of a backend whose account is here, with the right cluster."""
    return {
        "EXOTEL_SID": "mrmentor1",
        "EXOTEL_API_KEY": people.api_key(seed, "exotel key"),
        "EXOTEL_API_TOKEN": people.api_key(seed, "exotel"),
        "EXOTEL_CALLER_ID": "08047112233",
        "EXOTEL_SUBDOMAIN": home,
        "EXOTEL_SMS_SENDER_ID": "MRMNTR",
        "EXOTEL_WEBHOOK_TOKEN": people.api_key(seed, "exotel webhook"),
        "BACKEND_PUBLIC_URL": public_url,
        "MR_EXOTEL_URL": f"{url}/exotel",
    }


@dataclass
class Exotel:
    """The account of one seed, on the cluster `home`."""

    seed: int
    home: str = exotel.MUMBAI
    sent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    calls_back: bool = True

    def __post_init__(self) -> None:
        told = settings(self.seed, "", "")
        self._sid = told["EXOTEL_SID"]
        pair = f"{told['EXOTEL_API_KEY']}:{told['EXOTEL_API_TOKEN']}"
        self._basic = "Basic " + base64.b64encode(pair.encode()).decode()
        self._count = 0
        self._telling: set[asyncio.Task[None]] = set()

    def routes(self) -> list[routing.Route]:
        """Both clusters below `/exotel/<subdomain>`, and the console."""
        account = "/exotel/{cluster}/v1/Accounts/{sid}"
        return [
            routing.Route(account, self._account),
            routing.Route(f"{account}/Calls/connect.json", self._call, methods=["POST"]),
            routing.Route(f"{account}/Sms/send.json", self._sms, methods=["POST"]),
            routing.Route("/control/exotel", self._control, methods=["POST"]),
        ]

    def _refusal(self, request: requests.Request) -> responses.Response | None:
        place = request.path_params
        known = request.headers.get("authorization") == self._basic
        if known and place["cluster"] == self.home and place["sid"] == self._sid:
            return None
        LOG.warning("exotel: %s answers 401", place["cluster"])
        said = {"RestException": {"Status": 401, "Message": "Authentication failed"}}
        return responses.JSONResponse(said, 401)

    async def _account(self, request: requests.Request) -> responses.Response:
        account = {"Account": {"Sid": self._sid, "Status": "active"}}
        return self._refusal(request) or responses.JSONResponse(account)

    async def _call(self, request: requests.Request) -> responses.Response:
        return self._refusal(request) or await self._take(request, "call", "Call")

    async def _sms(self, request: requests.Request) -> responses.Response:
        return self._refusal(request) or await self._take(request, "sms", "SMSMessage")

    async def _take(self, request: requests.Request, kind: str, name: str) -> responses.Response:
        form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        self._count += 1
        sid = people.api_key(self.seed, f"exotel {kind} {self._count}")
        self.sent.append({"kind": kind, "sid": sid, **form})
        if self.calls_back and (address := form.get("StatusCallback")):
            task = asyncio.create_task(self.tell(address, kind, sid))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        return responses.JSONResponse({name: {"Sid": sid, "Status": "queued"}})

    async def tell(self, address: str, kind: str, sid: str, status: str = "") -> None:
        """Say how it went, as soon as the backend knows the sid: Exotel tries again on 4xx."""
        body = {_NAMES[kind]: sid, "Status": status or _ENDS[kind]}
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
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
