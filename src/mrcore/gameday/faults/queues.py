"""Jobs, queues and schedules that are not as Mr. Mentor needs them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import redis
from pydantic import Field

from mrcore.gameday.faults import base
from mrcore.journal import keys
from mrcore.mentor import config, kpi, queues, schedules

_BY = "game day"
_REMOVED = ("removed_at", "removed_by", "removed_why")


def producer(stage: base.Stage) -> dict[str, queues.JobQueue]:
    """Mr. Mentor's queues, as its backend enqueues into them."""
    options = config.Config.read(stage.arena.names).redis.options()
    return queues.hueys(redis.ConnectionPool(**options))


class Jobs(base.Fault):
    """Jobs of a kind; with `every_s` one after another until the end, as users would cause them."""

    queue: str
    job: str
    payload: dict[str, Any] = {}
    count: int = Field(default=1, ge=1, le=1_000)
    every_s: float = Field(default=0.0, ge=0)
    retries: int | None = Field(default=None, ge=0)
    """So often it is tried again; else as often as jobs of its kind are."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        into = producer(stage)[self.queue]
        for _ in range(self.count):
            await asyncio.to_thread(self._add, into)
        if self.every_s:
            task = asyncio.create_task(self._on(stage, into))
            stage.held.callback(task.cancel)

    def _add(self, into: queues.JobQueue) -> None:
        task = into.tasks[self.job].s(**self.payload)
        if self.retries is not None:
            task.retries = self.retries
        into.enqueue(task)  # type: ignore[no-untyped-call]

    async def _on(self, stage: base.Stage, into: queues.JobQueue) -> None:
        while self.queue not in stage.spared:
            await asyncio.sleep(self.every_s)
            with contextlib.suppress(redis.RedisError):
                await asyncio.to_thread(self._add, into)


class Cease(base.Fault):
    """Nobody enqueues into it any more what a fault did: an operator has mended who."""

    queue: str

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        stage.spared.add(self.queue)


class Pause(base.Fault):
    """A queue that somebody has paused, and forgotten."""

    queue: str

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        at = keys.Root().queue(self.queue)
        async with stage.arena.redis() as client:
            await client.set(at.paused, repr(time.time()))
            await client.hset(at.paused_by, mapping={"by": _BY})

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        at = keys.Root().queue(self.queue)
        async with stage.arena.redis() as client:
            await client.delete(at.paused, at.paused_by)


class Unscheduled(base.Fault):
    """A schedule that somebody has taken out: its job is not enqueued any more."""

    schedule: str

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        fields = dict(zip(_REMOVED, (repr(time.time()), _BY, "by mistake"), strict=True))
        async with stage.arena.redis() as client:
            for name, value in fields.items():
                await client.hset(keys.schedule(self.schedule), name, value)
            await client.incr(keys.REVISION)

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        async with stage.arena.redis() as client:
            await schedules.register(client, [self.schedule])


class StaleKpi(Unscheduled):
    """The dashboard's figures are of long ago, and nothing computes them anew."""

    schedule: str = "kpi-dashboard"
    figures: str = '{"students": 1, "computedAt": "2026-01-01T00:00:00+00:00"}'

    async def before(self, stage: base.Stage) -> base.Memo:
        async with stage.arena.redis() as client:
            return {"figures": await client.get(kpi.DASHBOARD_KEY)}

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await super().inject(stage, memo)
        async with stage.arena.redis() as client:
            await client.set(kpi.DASHBOARD_KEY, self.figures)

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        await super().clean(stage, memo)
        async with stage.arena.redis() as client:
            if await client.get(kpi.DASHBOARD_KEY) != self.figures:
                return  # computed anew
            if memo.get("figures"):
                await client.set(kpi.DASHBOARD_KEY, memo["figures"])
            else:
                await client.delete(kpi.DASHBOARD_KEY)
