"""The console of the simulated services: what each answers instead, until it is told to be well.

`POST /control/faults {"service": "graphy", "fault": "401"}`; `GET` says which there are now.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from starlette import requests, responses, routing, types

LOG = logging.getLogger("upstreams")

PREFIXES = {
    "/graphy/": "graphy",
    "/mrtest/": "mrtest",
    "/v1/convai/": "elevenlabs",
    "/ozone/": "ozone",
    "/razorpay/": "razorpay",
    "/exotel/": "exotel",
    "/secrets": "secrets",
}
FAULTS = ("ok", "401", "403", "429", "500", "502", "503", "slow")
_SLOW_S = 10.0


@dataclass
class Faults:
    """Fault by service; `slow` waits `slow_s` and then answers."""

    slow_s: float = _SLOW_S
    now: dict[str, str] = field(default_factory=dict)

    def wrap(self, app: types.ASGIApp) -> types.ASGIApp:
        """The services, with their faults before them."""

        async def answer(scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
            fault = self._of(scope.get("path", "")) if scope["type"] == "http" else "ok"
            if fault == "slow":
                await asyncio.sleep(self.slow_s)
            elif fault != "ok":
                said = responses.JSONResponse({"message": "fault of the console"}, int(fault))
                return await said(scope, receive, send)
            return await app(scope, receive, send)

        return answer

    def _of(self, path: str) -> str:
        service = next((name for begin, name in PREFIXES.items() if path.startswith(begin)), "")
        return self.now.get(service, "ok")

    def routes(self) -> list[routing.Route]:
        """Its console."""
        return [routing.Route("/control/faults", self._control, methods=["GET", "POST"])]

    async def _control(self, request: requests.Request) -> responses.Response:
        if request.method == "GET":
            return responses.JSONResponse(self.now)
        said = await request.json()
        service, fault = said.get("service"), str(said.get("fault"))
        if service not in PREFIXES.values():
            known = ", ".join(PREFIXES.values())
            return responses.JSONResponse({"message": f"service is one of {known}"}, 400)
        if fault not in FAULTS:
            known = ", ".join(FAULTS)
            return responses.JSONResponse({"message": f"fault is one of {known}"}, 400)
        self.now.pop(service, None)
        if fault != "ok":
            self.now[service] = fault
        LOG.warning("control: %s is %s", service, fault)
        return responses.JSONResponse(self.now)
