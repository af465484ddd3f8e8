"""Releases: what a colour runs, and which of the colours has the traffic."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Literal

import httpx

from mrcore import client as clients
from mrcore import errors
from mrcore.gameday.faults import base, processes
from mrcore.model import plans
from mrcore.stack import switching

_VISITED = "/api/dashboard/kpi"
_VISIT_S = 0.25
_REFUSED_S = 30.0
_NEXT = '{{"release": "gameday", "fails": "{fails}"}}\n'


class Traffic(base.Fault):
    """The traffic goes `to` a colour, or stays; when the game day ends it is where it was again,
    and a colour that was stopped runs."""

    to: Literal["", "blue", "green"] = ""

    async def before(self, stage: base.Stage) -> base.Memo:
        return {"live": switching.current(stage.arena.state).read_text()}

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        if self.to:
            _write(switching.current(stage.arena.state), f"{self.to}\n")

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        for colour in stage.arena.line["backends"]:
            if stage.arena.is_held(f"backend-{colour}"):
                await processes.begin_anew(stage, f"backend-{colour}", 0)
        _write(switching.current(stage.arena.state), memo["live"])


class Visits(base.Fault):
    """Breaks nothing: somebody looks at the dashboard four times a second until the game day ends,
    at whatever colour has the traffic then."""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        task = asyncio.create_task(self._on(stage.arena.line["switch"]))
        stage.held.callback(task.cancel)

    async def _on(self, url: str) -> None:
        # Each comes anew: a connection that is kept stays with the colour that it once reached.
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=url, limits=limits, trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    await client.get(_VISITED)
                await asyncio.sleep(_VISIT_S)


class Refused(base.Fault):
    """Breaks nothing: somebody wants the traffic to go `to` a colour, and its gate refuses.

    To inject it raises StackError where the colour got the traffic, or nobody was answered.
    """

    to: Literal["blue", "green"]

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        chosen = plans.Selection(refs=(f"deploy/colour/{self.to}",))
        async with clients.CoreClient.at(state=stage.arena.state.path) as client:
            plan = await client.plan("deploy.switch", chosen)
            await client.apply(plan.plan_id, reason="game day", confirm=plan.confirm)
            found: tuple[plans.TargetOutcome, ...] = ()
            try:
                async with asyncio.timeout(_REFUSED_S):
                    while not found:
                        await asyncio.sleep(_VISIT_S)
                        found = (await client.targets(plan.plan_id)).outcomes
            except TimeoutError:
                raise errors.StackError(f"The gate of {self.to} says nothing.") from None
        if found[0].outcome is not plans.Outcome.FAILED or "is not healthy" not in found[0].why:
            raise errors.StackError(f"The gate of {self.to} does not refuse: {found[0].why}.")


class Bad(base.Fault):
    """A colour runs a release of which `health` answers 503, or every other request 500."""

    colour: Literal["blue", "green"]
    fails: Literal["health", "requests"]

    async def before(self, stage: base.Stage) -> base.Memo:
        file = switching.release(stage.arena.state, self.colour)
        return {"release": file.read_text() if file.exists() else None}

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        _write(switching.release(stage.arena.state, self.colour), _NEXT.format(fails=self.fails))
        await _deployed(stage, self.colour)

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        await _put(stage, self.colour, memo["release"])


class Mended(base.Fault):
    """What a person does who deploys a good release to a colour: for an operator."""

    colour: Literal["blue", "green"]

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await _put(stage, self.colour, None)


async def _put(stage: base.Stage, colour: str, release: str | None) -> None:
    """Let a colour run what its file says then, or where it is None what it has without one."""
    file = switching.release(stage.arena.state, colour)
    if release is None:
        file.unlink(missing_ok=True)
    else:
        _write(file, release)
    if stage.arena.state.locked("stack.lock"):  # a stack that has ended reads it when it starts
        await _deployed(stage, colour)


async def _deployed(stage: base.Stage, colour: str) -> None:
    """A release is read when its colour starts. Raises StackError where that does not start."""
    name = f"backend-{colour}"
    pid = 0 if stage.arena.is_held(name) else stage.arena.pid(name)
    await processes.begin_anew(stage, name, pid)


def _write(file: Path, text: str) -> None:
    new = file.with_suffix(".gameday")
    new.write_text(text)
    new.replace(file)
