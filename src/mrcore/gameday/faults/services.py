"""The world outside: the consoles of the simulated services, and its mail server."""

from __future__ import annotations

from typing import Any, Literal

import httpx

from mrcore.gameday.faults import base


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


class MailDown(base.Fault):
    """The mail server takes no connection (`away`), or answers every one with 421 (`busy`)."""

    server: Literal["away", "busy"] = "away"

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await console(stage, "/control/smtp", {"server": self.server})

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        await console(stage, "/control/smtp", {"server": "there"})


class MailUp(base.Fault):
    """For an operator: the provider has its mail server there again."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await console(stage, "/control/smtp", {"server": "there"})
