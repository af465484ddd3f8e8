"""What makes a Redis take no writes, or nothing at all: each as it happens in production."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Literal

from pydantic import Field
from redis import exceptions

from mrcore.gameday.faults import base

_ENDLESS = "while true do end"
_PATIENCE = "busy-reply-threshold"
LONGEST_S = 600
"""A pause ends by itself after that, whoever has died."""


class Pause(base.Fault):
    """`CLIENT PAUSE`: it accepts, answers PING, and every write hangs."""

    mode: Literal["write", "all"] = "write"
    for_s: float = Field(default=LONGEST_S, gt=0, le=LONGEST_S)

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        async with stage.arena.redis() as client:
            await client.client_pause(int(self.for_s * 1000), all=self.mode == "all")

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        async with stage.arena.redis() as client:
            await client.client_unpause()


class Configured(base.Fault):
    """A value of its configuration that makes it refuse writes."""

    name: Literal["maxmemory", "min-replicas-to-write"]
    value: str

    async def before(self, stage: base.Stage) -> base.Memo:
        async with stage.arena.redis() as client:
            return {self.name: (await client.config_get(self.name))[self.name]}

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        async with stage.arena.redis() as client:
            await client.config_set(self.name, self.value)

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        async with stage.arena.redis() as client:
            await client.config_set(self.name, memo[self.name])


_KILLS = 50
_DIES_S = 0.02


class Busy(base.Fault):
    """A script that does not end: everybody else hears BUSY.

    For its first 5 s a server answers nobody, as if it were stopped: here that is 100 ms, because
    no time scale reaches it.
    """

    async def before(self, stage: base.Stage) -> base.Memo:
        async with stage.arena.redis() as client:
            return {_PATIENCE: (await client.config_get(_PATIENCE))[_PATIENCE]}

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        async with stage.arena.redis() as other:
            await other.config_set(_PATIENCE, "100")
        client = stage.arena.redis()
        stage.held.push_async_callback(client.aclose)
        running = asyncio.create_task(_run(client))
        stage.held.callback(running.cancel)

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        async with stage.arena.redis() as client:
            for left in reversed(range(_KILLS)):
                with contextlib.suppress(exceptions.ResponseError):  # NOTBUSY: somebody ended it
                    await client.script_kill()
                try:
                    await client.config_set(_PATIENCE, memo[_PATIENCE])
                    return
                except (
                    exceptions.ResponseError
                ):  # BUSY: it dies at its next instruction, not at once
                    if not left:
                        raise
                    await asyncio.sleep(_DIES_S)


async def _run(client: Any) -> None:
    with contextlib.suppress(exceptions.RedisError):  # it is killed, or nobody waits for it
        await client.eval(_ENDLESS, 0)
