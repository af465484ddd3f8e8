"""People in meetings: Socket.IO over HTTP polling, as a browser behind an old proxy has it.

Engine.IO 4: a GET is answered when there is something to hear, a POST says something, a packet
begins with its kind, several are parted by U+001E.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx

from mrcore.mentor import config, jwt, origins, signalling, trusted

LOG = logging.getLogger("visitors")

AT_ONCE = {"small": 2, "large": 6}
"""Meetings at the same time by scale."""

_LASTS_S, _AGAIN_S, _APART_S = (120.0, 300.0), 5.0, 20.0
_TOKEN = timedelta(hours=1)
_HEARS_S = 60.0
_PEOPLE = "SELECT id, email, role::text AS role FROM users WHERE role = ANY($1::user_role[])"
_ASKED = {"EIO": "4", "transport": "polling"}
_PART = "\x1e"


class Lost(Exception):
    """The connection has ended, or was never made."""


@dataclass
class Socket:
    """One person's connection."""

    client: httpx.AsyncClient
    url: str
    sid: str = ""

    async def open(self, token: str) -> None:
        """Shake hands and log in. Raises Lost."""
        opened = await self._ask("GET")
        self.sid = str(json.loads(opened[1:])["sid"])
        await self._ask("POST", f"40{json.dumps({'token': token})}")
        if not (said := await self._ask("GET")).startswith("40"):
            raise Lost(said[:100])

    async def say(self, event: str, **data: Any) -> None:
        """Send an event. Raises Lost."""
        await self._ask("POST", f"42{json.dumps([event, data])}")

    async def listen(self) -> None:
        """Hear what comes, and answer pings, until the other side ends it. Raises Lost."""
        while True:
            heard = (await self._ask("GET")).split(_PART)
            if "2" in heard:
                await self._ask("POST", "3")
            if "1" in heard or "41" in heard:
                raise Lost("closed")

    async def close(self) -> None:
        """Say that it ends. Raises Lost."""
        await self._ask("POST", "1")

    async def _ask(self, method: str, body: str | None = None) -> str:
        params = {**_ASKED, **({"sid": self.sid} if self.sid else {})}
        try:
            answer = await self.client.request(
                method,
                f"{self.url}{signalling.PATH}/",
                params=params,
                content=body,
                headers={"origin": origins.LOCAL[0], "x-platform": "mr-mentor"},
            )
        except httpx.HTTPError as error:
            raise Lost(type(error).__name__) from None
        if answer.status_code != 200:
            raise Lost(f"{answer.status_code}")
        return answer.text


@dataclass
class Attendees:
    """Mentors and students who meet, a few at a time, on the live backend."""

    url: str
    seed: int
    settings: config.Config
    now: Callable[[], datetime]
    at_once: int
    lasts_s: tuple[float, float] = _LASTS_S
    apart_s: float = _APART_S

    async def run(self) -> None:
        """Hold meetings until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(self.at_once):
                group.create_task(self._meet(number))

    async def _meet(self, number: int) -> None:
        """One meeting after the other; one that cannot be held is tried again."""
        dice = random.Random(f"meetings/{self.seed}/{number}")  # noqa: S311 - invented data
        pairs: list[list[asyncpg.Record]] = []
        await asyncio.sleep(number * self.apart_s)
        while True:
            try:
                pairs = pairs or await self._people()
                mentor, student = (dice.choice(some) for some in pairs)
                room = f"meeting-{uuid.UUID(int=dice.getrandbits(128)).hex[:12]}"
                await self.hold(room, [mentor, student], dice.uniform(*self.lasts_s))
            except (Lost, OSError, asyncpg.PostgresError, ValueError, KeyError) as error:
                LOG.info("a meeting ended early: %s", type(error).__name__)
                await asyncio.sleep(_AGAIN_S)

    async def hold(self, room: str, people: list[asyncpg.Record], lasts_s: float) -> None:
        """Two meet: they join, agree how to connect, talk, and leave. Raises Lost."""
        async with self._socket(people[0]) as one, self._socket(people[1]) as other:
            about = {"roomId": room}
            for each in (one, other):
                await each.say("join-room", **about)
            await one.say("offer", **about, sdp={"type": "offer", "sdp": "v=0"})
            await other.say("answer", **about, sdp={"type": "answer", "sdp": "v=0"})
            for each in (one, other):
                await each.say("ice-candidate", **about, candidate={"candidate": ""})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(lasts_s):
                    await asyncio.gather(one.listen(), other.listen())
            for each in (one, other):
                await each.say("leave-room", **about)

    @contextlib.asynccontextmanager
    async def _socket(self, who: asyncpg.Record) -> AsyncIterator[Socket]:
        # A client each: closing it gives up the poll that is under way.
        async with trusted.client(timeout=_HEARS_S) as client:
            made = Socket(client, self.url)
            await made.open(token(who, self.settings, self.now()))
            yield made
            await made.close()

    async def _people(self) -> list[list[asyncpg.Record]]:
        """Some mentors, and some students."""
        options = self.settings.database.options("mentor-people")
        connection = await asyncpg.connect(**options, timeout=5)
        try:
            kinds = ("mentor", "student")
            return [await connection.fetch(f"{_PEOPLE} ORDER BY id LIMIT 40", [k]) for k in kinds]
        finally:
            await connection.close()


def token(who: asyncpg.Record, settings: config.Config, now: datetime) -> str:
    """The login of a person, as the backend would give it."""
    claims = jwt.Claims(who["id"], who["role"], who["email"], uuid.uuid4().hex, now + _TOKEN)
    return jwt.sign(claims, settings.jwt_secret)
