"""The HTTP services of Mr. Mentor, simulated: Graphy, Mr. Test, ElevenLabs, Miss Ozone.

They check their key (401), allow so many requests (429 to every fourth, and to all while the quota
is used up) and sometimes hang (every ninth), each service by its own count, so that a run is the
same every time.
"""

from __future__ import annotations

import asyncio
import collections
import logging
import random
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, get_args

from starlette import applications, requests, responses, routing, types

from mrcore.mentor import people, smtp_sink, upstream_faults

LOG = logging.getLogger("upstreams")

_LIMIT_EVERY, _HANG_EVERY = 4, 9
_HANG_S = 10.0
_MODULES = ("SQL basics", "Joins", "Window functions", "Pandas", "Storytelling", "A/B tests")
_ROWS = 40

Answer = Callable[[int, requests.Request], dict[str, Any]]
"""What a service says at its n-th accepted request."""


@dataclass
class Upstreams:
    """The services of one seed."""

    seed: int
    scale: people.Scale
    sink: smtp_sink.Sink
    now: Callable[[], datetime]
    hang_s: float = _HANG_S
    asked: collections.Counter[str] = field(default_factory=collections.Counter)
    used_up: set[str] = field(default_factory=set)
    """Services that answer 429 until they are taken out again; these requests are not counted."""
    extra: list[routing.Route] = field(default_factory=list)
    """Routes of services that have accounts of their own."""

    faults: upstream_faults.Faults = field(default_factory=upstream_faults.Faults)
    keys: dict[str, set[str]] = field(default_factory=dict)
    """Keys that a service takes where the console changed them, by service."""

    def app(self) -> types.ASGIApp:
        """The services and the simulation's own control, on one port."""
        made = applications.Starlette(
            routes=[
                self._account("graphy", "/graphy/v1/account"),
                self._account("mrtest", "/mrtest/v1/account"),
                self._account("elevenlabs", "/v1/convai/user"),
                self._account("ozone", "/ozone/v1/account"),
                self._route("graphy", "/graphy/v1/progress", self._progress),
                self._route("graphy", "/graphy/v1/students", self._students),
                self._route("mrtest", "/mrtest/v1/results", self._results),
                self._route("elevenlabs", "/v1/convai/conversations", self._conversations),
                routing.Route("/control/keys", self._control_keys, methods=["POST"]),
                *self.faults.routes(),
                routing.Route("/control/smtp", self._control_smtp, methods=["POST"]),
                routing.Route("/control/counters", self._counters),
                *self.extra,
            ]
        )
        return self.faults.wrap(made)

    def _knows(self, service: str, request: requests.Request) -> bool:
        known = self.keys.get(service) or {people.api_key(self.seed, service)}
        if request.headers.get("x-api-key") in known:
            return True
        LOG.warning("%s: 401, the key is not valid", service)
        return False

    def _account(self, service: str, path: str) -> routing.Route:
        """Whose key it is: free, counted against no quota, and refused as the rest is."""

        async def handle(request: requests.Request) -> responses.Response:
            if not self._knows(service, request):
                return _strange()
            if service in self.used_up:
                return _too_many(service)
            return responses.JSONResponse({"account": service, "status": "active"})

        return routing.Route(path, handle)

    async def _control_keys(self, request: requests.Request) -> responses.Response:
        """`{"service": …, "keys": […]}`: what a service takes from now on; none: its own again."""
        said = await request.json()
        service, keys = said.get("service"), said.get("keys")
        if service not in upstream_faults.PREFIXES.values() or not isinstance(keys, list):
            return responses.JSONResponse({"message": "service and keys are needed"}, 400)
        self.keys[service] = {str(key) for key in keys}
        LOG.warning("control: %s takes %d keys", service, len(keys))
        return responses.JSONResponse({"service": service, "keys": len(keys)})

    def _route(self, service: str, path: str, answer: Answer) -> routing.Route:
        async def handle(request: requests.Request) -> responses.Response:
            if not self._knows(service, request):
                return _strange()
            if service in self.used_up:
                return _too_many(service)
            self.asked[service] += 1
            count = self.asked[service]
            if count % _LIMIT_EVERY == 0:
                return _too_many(service)
            if count % _HANG_EVERY == 0:
                LOG.warning("%s: hangs for %g s", service, self.hang_s)
                await asyncio.sleep(self.hang_s)
            return responses.JSONResponse(answer(count, request))

        named: Callable[[requests.Request], Awaitable[responses.Response]] = handle
        return routing.Route(path, named)

    def _dice(self, *parts: object) -> random.Random:
        return random.Random(f"{self.seed}/{parts}")  # noqa: S311 - invented data

    def _rows(self, service: str, count: int) -> list[dict[str, Any]]:
        dice = self._dice(service, count)
        rows = []
        for _ in range(_ROWS):
            number = dice.randrange(self.scale.first_student, self.scale.people)
            who = people.person(self.seed, number, self.scale)
            module, percent = dice.choice(_MODULES), dice.randrange(101)
            rows.append({"email": who.email, "module": module, "percent": percent})
        return rows

    def _progress(self, count: int, request: requests.Request) -> dict[str, Any]:
        return {"progress": self._rows("graphy", count), "newStudentPages": 2}

    def _results(self, count: int, request: requests.Request) -> dict[str, Any]:
        return {"results": self._rows("mrtest", count)}

    def _students(self, count: int, request: requests.Request) -> dict[str, Any]:
        """Page 0 has three strangers; page 1 a known student who writes in capitals."""
        if request.query_params.get("page") == "1":
            known = people.person(self.seed, self.scale.first_student, self.scale)
            found = [(known.email.upper(), known)]
        else:
            first = self.scale.people + 3 * (count % 300)
            strangers = (people.person(self.seed, first + n, self.scale) for n in range(3))
            found = [(who.email, who) for who in strangers]
        return {"students": [{"email": e, "name": w.name, "phone": w.phone} for e, w in found]}

    def _conversations(self, count: int, request: requests.Request) -> dict[str, Any]:
        dice = self._dice("elevenlabs", count)
        calls = []
        for number in range(5):
            # The same people that seed_rows made leads of.
            lead = self.scale.people + 1000 + dice.randrange(self.scale.leads)
            started = self.now() - timedelta(minutes=dice.randrange(5, 15))
            done = dice.random() < 0.9
            calls.append(
                {
                    "conversation_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{count}/{number}")),
                    "phone": people.person(self.seed, lead, self.scale).phone,
                    "status": "completed" if done else "in_progress",
                    "started_at": started.isoformat(),
                    "ended_at": (started + timedelta(minutes=3)).isoformat() if done else None,
                    "summary": "asked about the price" if done else None,
                }
            )
        return {"conversations": calls}

    async def _control_smtp(self, request: requests.Request) -> responses.Response:
        """`{"logins": "refuse"}` makes the mail server answer 535, `"accept"` ends that.

        With `password` the account's is that from now on: who has the old one is refused.
        `{"server": "away"}` ends every connection, `"busy"` answers 421, `"there"` ends both.
        """
        said = await request.json()
        logins = said.get("logins", "refuse" if self.sink.refuse_logins else "accept")
        server = said.get("server", self.sink.server)
        if logins not in ("refuse", "accept") or server not in get_args(smtp_sink.State):
            message = "logins is refuse or accept, server is there, away or busy"
            return responses.JSONResponse({"message": message}, 400)
        if password := said.get("password"):
            self.sink.take_password(str(password))
        self.sink.refuse_logins, self.sink.server = logins == "refuse", server
        LOG.warning("control: smtp is %s, logins are %sd", server, logins.rstrip("d"))
        return responses.JSONResponse({"logins": logins, "server": server})

    async def _counters(self, request: requests.Request) -> responses.Response:
        return responses.JSONResponse({"smtp": self.sink.counters, "http": self.asked})


def _strange() -> responses.Response:
    return responses.JSONResponse({"message": "API key is not valid"}, 401)


def _too_many(service: str) -> responses.Response:
    LOG.warning("%s: 429, too many requests", service)
    return responses.JSONResponse(
        {"message": "Too many requests"}, 429, headers={"retry-after": "10"}
    )
