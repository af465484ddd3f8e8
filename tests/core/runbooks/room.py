"""A core that watches one queue that a test breaks, with a runbook for it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from mrcore import core
from mrcore.model import base, plans, queue, run, wire
from mrcore.sources import base as sources
from mrcore.trust import auth
from tests import waiting
from tests.core import harness

OLGA = auth.Login("olga", ("operator",), "token")
QUEUE = "huey/queue/emailQueue"

RULES = """
[[rule]]
id = "backlog"
expr = "queue.waiting > 10"
severity = "P1"
runbook = "T"
summary = "{name}: {queue.waiting} wait"
"""

TEXT = """+++
id = "T"
title = "jobs pile up"
about = "queue"
symptom = "queue.waiting > 10"
recovers = "nothing piles up"
severity = "SEV2"
owner = "platform"
hold = "10s"
within = "60s"
+++
Jobs pile up.

## 1. who consumes

```toml
[step.consumers]
kind = "diagnose"
say = "{name} has {queue.workers} workers"
within = "10s"
verdicts = [
  { bad = "paused", when = "queue.paused" },
  { bad = "no_workers", when = "queue.workers == 0", means = "nobody consumes" },
  { ok = true, when = "queue.workers > 0" } ]
```

## 2. resume it

```toml
[step.resume]
kind = "fix"
when = 'consumers == "paused"'
action = "queue.resume"
on = { of = "{{subject}}" }
verify = { when = "not queue.paused", within = "20s", hold = "5s" }
```

## 3. start a worker

Start it on its machine.

```toml
[step.worker]
kind = "manual"
when = 'consumers == "no_workers"'
done = { when = "queue.workers > 0", hold = "2s" }
```

## 4. say so

Tell the team.

```toml
[step.tell]
kind = "manual"
when = 'worker == "done"'
done = "none: only people know"
skippable = true
```
"""


class Queues(harness.Simulated):
    """One queue; to resume it takes its jobs away where `heals` is set, and `sticks` undoes it."""

    def __init__(self) -> None:
        super().__init__("huey")
        self.waiting = 0
        self.workers: int | None = 1
        self.paused = False
        self.heals = True
        self.sticks = False
        self.applied: list[str] = []

    def describe(self) -> wire.Description:
        return wire.Description(kinds=("queue",), actions=("queue.resume",))

    async def sample(self) -> wire.Sample:
        row = queue.Queue(
            ref=QUEUE,
            engine="huey",
            name="emailQueue",
            counts=queue.Counts(waiting=self.waiting),
            workers=self.workers,
            paused_since=self.now() if self.paused else None,
            actions=("queue.resume",) if self.paused else ("queue.pause",),
        )
        self.entities = (row,)
        at = self.now()
        value = float(self.waiting)
        self.points = (wire.Point(metric="queue.waiting", ref=QUEUE, at=at, value=value),)
        return await super().sample()

    async def plan(
        self,
        action: str,
        selection: plans.Selection,
        args: plans.Args,
        progress: sources.Progress,
    ) -> AsyncIterator[sources.Planned]:
        if self.paused:
            yield plans.Target(ref=QUEUE, label="emailQueue", guard={"paused": True})
        else:
            yield plans.LeftOut(why="It is not paused.", count=1, samples=(QUEUE,))

    async def apply(
        self, action: str, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        self.applied.append(by.login)
        self.paused = self.sticks
        if self.heals:
            self.waiting = 0
        done = plans.Outcome.DONE
        return [plans.TargetOutcome(ref=t.ref, outcome=done, memento={}) for t in chunk]


class Here:
    """A core over `source`, and what a person does there."""

    def __init__(self, behind: core.Core, source: Queues) -> None:
        self.core = behind
        self.source = source

    def runs(self) -> list[run.Run]:
        return [each for each in self.core.engine.entities() if isinstance(each, run.Run)]

    def helped(self) -> bool:
        """Whether its runbook is said to have led to a recovery."""
        books = [each for each in self.core.engine.entities() if isinstance(each, run.Runbook)]
        return any(each.recovered_at is not None for each in books)

    async def until(self, *states: str, number: int | None = None, what: str = "") -> run.Run:
        """The newest run, or that with a number, as soon as it is in one of some states."""

        def found() -> run.Run | None:
            mine = [each for each in self.runs() if number in (None, each.id)]
            return mine[0] if mine and mine[0].state in states else None

        return await waiting.until(found, what=what or f"a run that is {states}")

    async def waits(self, step: str) -> run.Run:
        """The newest run, as soon as that step waits for a person."""

        def found() -> run.Run | None:
            return next((each for each in self.runs() if each.waits == step), None)

        return await waiting.until(found, what=f"{step} waits")

    async def do(
        self, action: str, of: base.Ref, reason: str = "", **args: object
    ) -> plans.TargetOutcome | plans.Plan:
        """Plan and apply; the plan where there is nothing to apply."""
        request = plans.PlanRequest.model_validate(
            {"action": action, "selection": {"refs": (of,)}, "args": args}
        )
        plan = await self.core.door.plan(OLGA, request)
        if not plan.total:
            return plan
        return await self.apply(plan.plan_id, reason)

    async def apply(self, plan_id: str, reason: str = "") -> plans.TargetOutcome:
        begun = await self.core.door.apply(OLGA, plan_id, plans.ApplyRequest(reason=reason))

        async def ended() -> bool:
            (now,) = [o for o in self.core.door.operations() if o.id == begun.id]
            return now.finished_at is not None

        await waiting.until(ended, what="the operation ends")
        return (await self.core.door.targets(plan_id, 0)).outcomes[0]

    async def fix(self, of: run.Run) -> run.Run:
        """Do the next step of a run: plan it, then apply that plan; the run as it was planned."""
        await self.do("run.next", of.ref)
        (planned,) = [each for each in self.runs() if each.id == of.id]
        plan = next(step.plan for step in planned.steps if step.id == of.waits)
        await self.apply(plan)
        return planned


@contextlib.asynccontextmanager
async def opened(
    state: Path, source: Queues | None = None, *, text: str = TEXT, scale: float = 100.0
) -> AsyncIterator[Here]:
    """A core whose times are `scale` times as quick; a folder that is there already is gone on."""
    watched = source or Queues()
    folder = state / "own"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "T.md").write_text(text)
    (state / "rules.toml").write_text(RULES)
    options = {
        "alerts": {"rules": state / "rules.toml"},
        "runbooks": {"folder": folder},
        "time_scale": scale,
    }
    async with harness.unserved(state, watched, **options) as behind:
        await waiting.until(lambda: behind.monitor.tried)
        await behind.engine.ready()
        yield Here(behind, watched)
