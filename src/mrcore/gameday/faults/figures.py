"""Somebody who writes the dashboard's figures over, whenever they were computed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import datetime, timedelta

import redis
from pydantic import Field

from mrcore.gameday.faults import base
from mrcore.mentor import kpi

_LOOK_S = 0.05


class Kept(base.Fault):
    """One after which the dashboard's figures are those from before it."""

    async def before(self, stage: base.Stage) -> base.Memo:
        async with stage.arena.redis() as client:
            return {"figures": await client.get(kpi.DASHBOARD_KEY)}

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        # Without figures there would be nothing to write over for who plays it next: it is seldom
        # that somebody reads them, and they are computed every 15 min at any time scale.
        async with stage.arena.redis() as client:
            if memo.get("figures"):
                await client.set(kpi.DASHBOARD_KEY, memo["figures"])
            else:
                await client.delete(kpi.DASHBOARD_KEY)


class Overwritten(Kept):
    """An older worker that nobody has ended.

    Its figures say that they were computed `shift_s` from now: less than 0 is long ago. With
    `students` that figure is another one, too.
    """

    shift_s: float
    students: int | None = Field(default=None, ge=0)

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        task = asyncio.create_task(self._on(stage))
        stage.held.callback(task.cancel)

    async def _on(self, stage: base.Stage) -> None:
        own = ""
        async with stage.arena.redis() as client:
            while kpi.DASHBOARD_KEY not in stage.spared:
                with contextlib.suppress(redis.RedisError):
                    found = await client.get(kpi.DASHBOARD_KEY)
                    if found and found != own:
                        own = self._written(found)
                        await client.set(kpi.DASHBOARD_KEY, own)
                await asyncio.sleep(_LOOK_S)

    def _written(self, found: str | bytes) -> str:
        figures = json.loads(found)
        at = datetime.fromisoformat(figures["computedAt"]) + timedelta(seconds=self.shift_s)
        figures["computedAt"] = at.isoformat()
        if self.students is not None:
            figures["students"] = self.students
        return json.dumps(figures)


class Spared(base.Fault):
    """Nobody writes it over any more: an operator has ended who did."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        stage.spared.add(kpi.DASHBOARD_KEY)
