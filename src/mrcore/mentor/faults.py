"""The demo's known faults, each announced in the log before it happens.

| fault | what it leaves behind |
|---|---|
| people whose addresses bounce log in | emailQueue: 550, however often it is retried |
| mail logins are refused for a while | emailQueue: 535, which a retry after the window completes |
| Mr. Test's quota is used up for a while | mrtestSyncQueue: 429, which a retry completes, too |
| a report leaves its transaction open | it holds a row that two others wait for, until it ends |
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
from starlette import requests, responses, routing

from mrcore.mentor import config, people, smtp_sink, trusted, upstream_http, visitors

LOG = logging.getLogger("faults")

REPORT = "mentor-report"
_READER = "mentor-report-reader"
_BOUNCING, _ASKED = 5, 560

_ROW = "SELECT id FROM leads WHERE status = 'enrolled' ORDER BY id LIMIT 1"
_HOLD = "SELECT id FROM leads WHERE id = $1 FOR UPDATE"


class Calm:
    """Whether the known faults come: a game day that breaks one thing wants no other broken."""

    def __init__(self) -> None:
        self._stormy = asyncio.Event()
        self._changed = asyncio.Event()
        self._stormy.set()

    async def over(self, fault: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Let a fault come and go; while it is calm it ends, and begins anew after that."""
        while True:
            await self._stormy.wait()
            self._changed.clear()
            task = asyncio.create_task(fault())
            calm = asyncio.create_task(self._changed.wait())
            try:
                await asyncio.wait((task, calm), return_when=asyncio.FIRST_COMPLETED)
                if task.done():
                    return task.result()
            finally:
                for each in (task, calm):
                    each.cancel()
                await asyncio.gather(task, calm, return_exceptions=True)

    def routes(self) -> list[routing.Route]:
        """The console: `POST /control/faults/known {"known": "off"}`, and `"on"`."""

        async def switch(request: requests.Request) -> responses.Response:
            wanted = (await request.json()).get("known")
            if wanted not in ("off", "on"):
                return responses.JSONResponse({"message": "known must be off or on"}, 400)
            if wanted == "on":
                self._stormy.set()
            else:
                self._stormy.clear()
                self._changed.set()
            LOG.warning("control: the known faults are %s", wanted)
            return responses.JSONResponse({"known": wanted})

        return [routing.Route("/control/faults/known", switch, methods=["POST"])]


@dataclass(frozen=True)
class Rhythm:
    """When: the first after `first_s`, each lasting `hold_s`, with `pause_s` in between."""

    first_s: float = 20.0
    hold_s: float = 75.0
    pause_s: float = 105.0

    @classmethod
    def of_window(cls, seed: int, name: str) -> Rhythm:
        """A short window a few seconds after the doors open, and again every few minutes.

        The same for the same seed. It begins after the bounces of the start have had their
        attempts, and lasts longer than a job's attempts take.
        """
        dice = random.Random(f"faults/{seed}/{name}")  # noqa: S311 - invented data
        return cls(dice.uniform(4, 5), 12, dice.uniform(150, 210))


async def forgotten_transaction(settings: config.Database, rhythm: Rhythm) -> None:
    """Hold a row idle in transaction, again and again, until cancelled."""
    await asyncio.sleep(rhythm.first_s)
    while True:
        LOG.warning(
            "fault: %s leaves a transaction open for %g s and blocks two others",
            REPORT,
            rhythm.hold_s,
        )
        try:
            await _hold(settings, rhythm.hold_s)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            LOG.warning("fault: the open transaction ended early: %s", type(error).__name__)
        else:
            LOG.info("fault: the open transaction is closed")
        await asyncio.sleep(rhythm.pause_s)


async def _hold(settings: config.Database, hold_s: float) -> None:
    holder = await asyncpg.connect(**settings.options(REPORT), timeout=5)
    waiting: list[asyncio.Task[None]] = []
    ended = asyncio.Event()
    holder.add_termination_listener(lambda _: ended.set())
    try:
        row = await holder.fetchval(_ROW)
        await holder.execute("BEGIN")
        await holder.fetchval(_HOLD, row)
        waiting = [asyncio.create_task(_wait_for(settings, row)) for _ in range(2)]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(hold_s):
                await ended.wait()
        await holder.execute("ROLLBACK")
    finally:
        holder.terminate()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _wait_for(settings: config.Database, row: object) -> None:
    connection = await asyncpg.connect(**settings.options(_READER), timeout=5)
    try:
        await connection.fetchval(_HOLD, row)
    finally:
        connection.terminate()


async def bounces(crowd: visitors.Visitors, rhythm: Rhythm) -> None:
    """Let people with dead addresses log in, a few at once, again and again, until cancelled."""
    first, last = crowd.scale.first_student, crowd.scale.people
    found = [
        who
        for number in range(first, min(first + _ASKED, last))
        if (who := people.person(crowd.seed, number, crowd.scale)).email.endswith(people.BOUNCES)
    ]
    async with _open(crowd, rhythm.first_s) as client:
        while True:
            LOG.warning("fault: %d people with dead addresses log in", _BOUNCING)
            for number, who in enumerate(found[:_BOUNCING]):
                await _ask(crowd, client, number, "/api/auth/login", {"email": who.email})
            await asyncio.sleep(rhythm.pause_s)


async def refused_logins(sink: smtp_sink.Sink, crowd: visitors.Visitors, rhythm: Rhythm) -> None:
    """Have the mail server refuse every login for a while, again and again, until cancelled."""
    async with _open(crowd, rhythm.first_s):
        while True:
            LOG.warning("fault: mail logins are refused (535) for %g s", rhythm.hold_s)
            sink.refuse_logins = True
            try:
                await asyncio.sleep(rhythm.hold_s)
            finally:
                sink.refuse_logins = False
            LOG.info("fault: mail logins work again, what was refused can be retried")
            await asyncio.sleep(rhythm.pause_s)


async def used_up_quota(
    services: upstream_http.Upstreams, crowd: visitors.Visitors, rhythm: Rhythm
) -> None:
    """Have Mr. Test answer 429 for a while, to a sync that begins then; again until cancelled."""
    async with _open(crowd, rhythm.first_s) as client:
        for number in itertools.count():
            LOG.warning("fault: mrtest's quota is used up (429) for %g s", rhythm.hold_s)
            services.used_up.add("mrtest")
            try:
                await _ask(crowd, client, number, "/api/sync/mrtest-main/run", None)
                await asyncio.sleep(rhythm.hold_s)
            finally:
                services.used_up.discard("mrtest")
            LOG.info("fault: mrtest answers again, what was refused can be retried")
            await asyncio.sleep(rhythm.pause_s)


@contextlib.asynccontextmanager
async def _open(crowd: visitors.Visitors, first_s: float) -> AsyncIterator[httpx.AsyncClient]:
    """A client, `first_s` after the first backend is healthy."""
    async with trusted.client(timeout=10) as client:
        await crowd.until_open(client)
        await asyncio.sleep(first_s)
        yield client


async def _ask(
    crowd: visitors.Visitors,
    client: httpx.AsyncClient,
    number: int,
    path: str,
    body: dict[str, str] | None,
) -> None:
    url = crowd.urls[number % len(crowd.urls)]
    await crowd.send(client, url, visitors.Visit(0, number, "POST", path, body, "mr-mentor"))
