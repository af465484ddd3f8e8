"""The world outside: the consoles of the simulated services, and services that answer wrongly."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import httpx
from pydantic import Field

from mrcore.gameday import proxy
from mrcore.gameday.faults import base

CONFIG = "gameday"
"""The sync config of a fault: whoever syncs it meets a service that does not work."""

_INSERT = """INSERT INTO sync_configs (id, kind, base_url, api_key, every_hours)
             VALUES ($1, $2, $3, 'game-day', 24)
             ON CONFLICT (id) DO UPDATE SET base_url = excluded.base_url"""
_ANSWER = "HTTP/1.1 {} Game day\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


async def console(stage: base.Stage, path: str, said: dict[str, Any]) -> dict[str, Any]:
    """Do something on the console of a simulated service.

    Raises httpx.HTTPError where it is away or refuses.
    """
    async with httpx.AsyncClient(base_url=stage.arena.upstreams, trust_env=False) as client:
        answer = await client.post(path, json=said)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


class KnownOff(base.Fault):
    """The demo's own faults do not come meanwhile: what is seen is of the game day."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await console(stage, "/control/faults/known", {"known": "off"})

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        await console(stage, "/control/faults/known", {"known": "on"})


class MailRefuses(base.Fault):
    """The mail server answers every login with 535: a password that was changed."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await console(stage, "/control/smtp", {"logins": "refuse"})

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        await console(stage, "/control/smtp", {"logins": "accept"})


class MailAccepts(base.Fault):
    """What a person does who gives the mail server the password that we have: for an operator."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await console(stage, "/control/smtp", {"logins": "accept"})


class Payment(base.Fault):
    """Somebody pays an order; its webhook comes once, twice, or never."""

    order_id: str
    amount: int = Field(gt=0)
    deliver: Literal["once", "twice", "never"] = "never"

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        said = {"orderId": self.order_id, "amount": self.amount, "deliver": self.deliver}
        await console(stage, "/control/razorpay/pay", said)


class Upstream(base.Fault):
    """A service that a sync config names answers 401, 403, 429, or not for long (`slow`)."""

    service: Literal["mrtest", "mrlearn"] = "mrtest"
    answers: Literal["401", "403", "429", "slow"] = "401"

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        stage.held.callback(server.close)
        port = server.sockets[0].getsockname()[1]
        await _config(stage, self.service, f"http://127.0.0.1:{port}")

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        await _no_config(stage)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if self.answers != "slow":
                writer.write(_ANSWER.format(self.answers).encode())
                await writer.drain()
            else:
                await reader.read()  # until who asks gives up
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()


class Link(base.Fault):
    """The way to the simulated services is bad: a proxy with one toxic stands in it."""

    service: Literal["mrtest", "mrlearn"] = "mrtest"
    toxic: proxy.Name
    attributes: dict[str, float] = {}

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        url = httpx.URL(stage.arena.upstreams)
        between = proxy.Proxy(url.host, url.port or 80)
        await stage.held.enter_async_context(between)
        between.toxics.append(proxy.Toxic.of(self.toxic, self.attributes))
        await _config(stage, self.service, f"http://127.0.0.1:{between.port}")

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        await _no_config(stage)


async def _config(stage: base.Stage, kind: str, url: str) -> None:
    connection = await stage.arena.app("mrcore-gameday")
    try:
        await connection.execute(_INSERT, CONFIG, kind, url)
    finally:
        await connection.close()


async def _no_config(stage: base.Stage) -> None:
    connection = await stage.arena.app("mrcore-gameday")
    try:
        await connection.execute("DELETE FROM sync_configs WHERE id = $1", CONFIG)
    finally:
        await connection.close()
