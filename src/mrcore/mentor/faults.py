"""The demo's known faults, each announced in the log before it happens.

- A report leaves its transaction open: a session idle in transaction holds a row that two others
  wait for. It ends by itself; ending that session ends the wait at once.
- A round of logins by people whose addresses bounce: emailQueue gets failures (550).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass

import asyncpg
import httpx

from mrcore.mentor import config, people, visitors

LOG = logging.getLogger("faults")

REPORT = "mentor-report"
_READER = "mentor-report-reader"
_BOUNCING = 5

_ROW = "SELECT id FROM leads WHERE status = 'enrolled' ORDER BY id LIMIT 1"
_HOLD = "SELECT id FROM leads WHERE id = $1 FOR UPDATE"


@dataclass(frozen=True)
class Rhythm:
    """When: the first after `first_s`, each lasting `hold_s`, with `pause_s` in between."""

    first_s: float = 20.0
    hold_s: float = 75.0
    pause_s: float = 105.0


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
    found = [
        who
        for number in range(crowd.scale.first_student, crowd.scale.first_student + 560)
        if (who := people.person(crowd.seed, number, crowd.scale)).email.endswith(people.BOUNCES)
    ]
    await asyncio.sleep(rhythm.first_s)
    async with httpx.AsyncClient(timeout=10) as client:
        while True:
            LOG.warning("fault: %d people with dead addresses log in", _BOUNCING)
            for number, who in enumerate(found[:_BOUNCING]):
                url = crowd.urls[number % len(crowd.urls)]
                body = {"email": who.email}
                visit = visitors.Visit(0, number, "POST", "/api/auth/login", body, "mr-mentor")
                await crowd.send(client, url, visit)
            await asyncio.sleep(rhythm.pause_s)
