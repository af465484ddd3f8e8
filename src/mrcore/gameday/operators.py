"""The operators of a play: they do its manual steps on the simulated consoles, once each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from mrcore import folder
from mrcore.gameday import consoles, debts, scenario
from mrcore.gameday.faults import base


class Operators:
    """Who plays a manual step for `--auto`, or for a person who asks with `operate`.

    `played` is what the report says of it.
    """

    def __init__(self, what: scenario.Scenario, tell: Callable[[str], None]) -> None:
        self.played: list[str] = []
        self._what = what
        self._tell = tell
        self._done: set[str] = set()
        self._one = asyncio.Lock()

    async def play(self, step: str, stage: base.Stage) -> None:
        """Do what the scenario has for a step, if that was not done; raises what its part does."""
        async with self._one:
            if step in self._done:
                return
            for operator in self._what.operators:
                if operator.step == step:
                    self._tell(f"an operator plays {step}: {operator.kind}")
                    await operator.fault.inject(stage, await operator.fault.before(stage))
                    self.played.append(f"{step}: {operator.kind}")
            self._done.add(step)
            self._publish(stage.arena.state)

    @contextlib.asynccontextmanager
    async def at_work(self, stage: base.Stage) -> AsyncIterator[None]:
        """Hear what persons ask for, meanwhile."""
        state = stage.arena.state
        self._publish(state)
        hearing = asyncio.create_task(self._hear(stage))
        try:
            yield
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
            consoles.withdraw(state)

    async def _hear(self, stage: base.Stage) -> None:
        while True:
            for wish, step in consoles.take(stage.arena.state):
                why = ""
                try:
                    await self.play(step, stage)
                except debts.BROKEN as error:
                    why = str(error)
                consoles.answer(stage.arena.state, wish, why)
            await asyncio.sleep(consoles.EVERY_S)

    def _publish(self, state: folder.StateFolder) -> None:
        kinds: dict[str, list[str]] = {}
        for operator in self._what.operators:
            kinds.setdefault(operator.step, []).append(operator.kind)
        steps = (
            consoles.Step(step=step, kinds=tuple(of), done=step in self._done)
            for step, of in kinds.items()
        )
        found = consoles.Game(scenario=self._what.id, title=self._what.title, steps=tuple(steps))
        consoles.publish(state, found)
