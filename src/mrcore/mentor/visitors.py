"""People who use Mr. Mentor: a trickle of requests, the same for the same seed."""

from __future__ import annotations

import asyncio
import collections
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from mrcore.mentor import people, trusted

LOG = logging.getLogger("visitors")

RATES = {"small": 3.0, "large": 20.0}
"""Visits a second by scale."""

_AT_ONCE = 20
_REPORT_S = 60.0
_TIMEOUT_S = 10.0
_OPEN_S = 0.5
_CALL = (("ringing", 3.0), ("in_progress", 5.0), ("completed", 20.0))
_LOST_CALLS = 0.1
_TOKEN = timedelta(hours=6)
_LOOKS = 10
"""How often somebody looks for the code that was mailed."""

_LEAVES = 0.4
"""Of those who log in, how many log out again."""

_KINDS = {
    "dashboard": 26,
    "sales": 14,
    "login": 24,
    "lead": 10,
    "book": 10,
    "slot": 14,
    "sync": 1.5,
    "export": 0.5,
}
_CONFIGS = ("graphy-main", "graphy-partner", "mrtest-main", "elevenlabs")


@dataclass(frozen=True)
class Visit:
    """One request, `pause_s` after the one before; `backend` counts through the colours."""

    pause_s: float
    backend: int
    method: str
    path: str
    body: dict[str, Any] | None
    platform: str


def visits(seed: int, scale: people.Scale, now: Callable[[], datetime]) -> Iterator[Visit]:
    """Endless visits; all but the instants in their bodies is decided by the seed."""
    dice = random.Random(f"visitors/{seed}")  # noqa: S311 - invented data
    for number in range(10**12):
        kind = dice.choices(list(_KINDS), list(_KINDS.values()))[0]
        method, path, body = _request(kind, number, dice, seed, scale, now)
        platform = "mr-mentor" if dice.random() < 0.7 else "my-analytics-school"
        pause_s = min(dice.expovariate(RATES[scale.name]), 5.0)
        yield Visit(pause_s, number, method, path, body, platform)


def _request(
    kind: str,
    number: int,
    dice: random.Random,
    seed: int,
    scale: people.Scale,
    now: Callable[[], datetime],
) -> tuple[str, str, dict[str, Any] | None]:
    def someone(first: int, last: int) -> people.Person:
        return people.person(seed, dice.randrange(first, last), scale)

    if kind in ("login", "book"):
        who = someone(scale.first_student, scale.people)
        path = "/api/auth/login" if kind == "login" else "/api/meetings/book"
        return "POST", path, {"email": who.email}
    if kind == "lead":
        who = people.person(seed, scale.people + 100_000 + number, scale)
        named = {"name": who.name or "Guest", "email": who.email, "phone": who.phone}
        return "POST", "/api/leads", {**named, "source": dice.choice(("website", "webinar"))}
    if kind == "slot":
        who = someone(scale.staff, scale.first_student)
        half_hours = dice.randrange(2, 240)
        start = now().replace(minute=0, second=0, microsecond=0)
        starts_at = start + timedelta(minutes=30 * half_hours)
        return "POST", "/api/slots", {"email": who.email, "startsAt": starts_at.isoformat()}
    if kind == "sync":
        return "POST", f"/api/sync/{dice.choice(_CONFIGS)}/run", None
    if kind == "export":
        month = (now() - timedelta(days=30 * dice.randrange(3))).strftime("%Y-%m")
        return "POST", "/api/finance/exports", {"month": month}
    return "GET", f"/api/dashboard/{'kpi' if kind == 'dashboard' else 'sales-overview'}", None


@dataclass
class Visitors:
    """Sends visits to the backends; one that does not answer is said once, and when it is back."""

    urls: list[str]
    seed: int
    scale: people.Scale
    now: Callable[[], datetime]
    inbox: Callable[[str], str | None] = lambda _: None
    """The code that was mailed to an address, if it has come."""

    look_s: float = 1.5
    counters: collections.Counter[str] = field(default_factory=collections.Counter)

    def __post_init__(self) -> None:
        self._away: set[str] = set()
        self._token, self._token_until = "", self.now()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._running: set[asyncio.Task[None]] = set()
        self._dice = random.Random(f"calls/{self.seed}")  # noqa: S311 - invented data

    async def run(self) -> None:
        """Visit until cancelled."""
        # Each comes anew: a connection that is kept stays with the colour that it once reached.
        limits = httpx.Limits(max_keepalive_connections=0)
        async with trusted.client(timeout=_TIMEOUT_S, limits=limits) as client:
            await self.until_open(client)
            LOG.info("visitors come, about %g requests a second", RATES[self.scale.name])
            reporter = asyncio.create_task(self._report())
            try:
                for visit in visits(self.seed, self.scale, self.now):
                    await asyncio.sleep(visit.pause_s)
                    await self._room.acquire()
                    self._keep(self._visit(client, visit))
            finally:
                reporter.cancel()
                for task in self._running:
                    task.cancel()
                await asyncio.gather(reporter, *self._running, return_exceptions=True)

    async def until_open(self, client: httpx.AsyncClient) -> None:
        """Wait until a backend is healthy: the stack may still be starting."""
        while True:
            for url in self.urls:
                try:
                    if (await client.get(f"{url}/api/health")).status_code == 200:
                        return
                except httpx.HTTPError as error:
                    LOG.debug("%s: %s", url, type(error).__name__)
            await asyncio.sleep(_OPEN_S)

    def _keep(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _visit(self, client: httpx.AsyncClient, visit: Visit) -> None:
        url = self.urls[visit.backend % len(self.urls)]
        try:
            answer = await self.send(client, url, visit)
        finally:
            self._room.release()
        if answer is not None and visit.path == "/api/leads" and answer.status_code == 201:
            await self._call(client, url, answer.json()["callId"])
        if answer is not None and visit.path == "/api/auth/login" and answer.status_code == 200:
            await self._enter(client, url, visit, answer.json()["requestId"])

    async def send(
        self, client: httpx.AsyncClient, url: str, visit: Visit, *, token: str = ""
    ) -> httpx.Response | None:
        """One request; None where the backend did not answer."""
        headers = {"x-platform": visit.platform, "user-agent": "Mozilla/5.0 (visitor)"}
        if not token and visit.path.startswith("/api/sync/"):
            token = await self._admin(client, url)
        if token:
            headers["authorization"] = f"Bearer {token}"
        try:
            answer = await client.request(
                visit.method, url + visit.path, json=visit.body, headers=headers
            )
        except httpx.HTTPError as error:
            self.counters["unanswered"] += 1
            if url not in self._away:
                self._away.add(url)
                LOG.warning("%s does not answer: %s", url, type(error).__name__)
            return None
        if url in self._away:
            self._away.discard(url)
            LOG.info("%s answers again", url)
        self.counters[f"{answer.status_code // 100}xx"] += 1
        return answer

    async def _admin(self, client: httpx.AsyncClient, url: str) -> str:
        """An admin's token; "" where they are not let in now."""
        if self._token and self.now() < self._token_until:
            return self._token
        who = people.person(self.seed, 1, self.scale)
        said = {"email": who.email, "password": people.password(self.seed, 1)}
        try:
            answer = await client.post(f"{url}/api/auth/login", json=said)
        except httpx.HTTPError as error:
            LOG.debug("%s: %s", url, type(error).__name__)
            return ""
        if answer.status_code == 200:
            self._token = str(answer.json()["token"])
            self._token_until = self.now() + _TOKEN
        return self._token

    async def _call(self, client: httpx.AsyncClient, url: str, call_id: str) -> None:
        """Play Miss Ozone's provider; one call in ten loses its last webhook."""
        lost = self._dice.random() < _LOST_CALLS
        for state, pause_s in _CALL[:-1] if lost else _CALL:
            await asyncio.sleep(pause_s)
            body = {"callId": call_id, "state": state}
            await self.send(
                client, url, Visit(0, 0, "POST", "/api/webhooks/miss-ozone", body, "mr-mentor")
            )

    async def _enter(
        self, client: httpx.AsyncClient, url: str, visit: Visit, request_id: str
    ) -> None:
        """Log in with the mailed code; mail that bounces or is late lets nobody in."""
        address = str((visit.body or {}).get("email"))
        for _ in range(_LOOKS):
            await asyncio.sleep(self.look_s)
            if code := self.inbox(address):
                break
        else:
            return
        body = {"requestId": request_id, "code": code}
        entered = Visit(0, 0, "POST", "/api/auth/verify", body, visit.platform)
        answer = await self.send(client, url, entered)
        if answer is None or answer.status_code != 200 or self._dice.random() > _LEAVES:
            return
        await asyncio.sleep(self.look_s)
        left = Visit(0, 0, "POST", "/api/auth/logout", None, visit.platform)
        await self.send(client, url, left, token=answer.json()["token"])

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_S)
            said = ", ".join(f"{count} {what}" for what, count in sorted(self.counters.items()))
            LOG.info("answers so far: %s", said)
