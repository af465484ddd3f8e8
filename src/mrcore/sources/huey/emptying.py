"""How huey's queues are cleaned and drained."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources.engine import emptying
from mrcore.sources.huey import looking, moving, offers, running

ACTIONS = emptying.ACTIONS


class Emptying(emptying.Emptying[looking.Seen]):
    """Reads the jobs that are meant."""

    def __init__(
        self, runner: running.Runner, looker: looking.Looker, removal: moving.Moving
    ) -> None:
        super().__init__(removal)
        self._runner = runner
        self._looker = looker

    async def _is_there(self, of: base.Ref) -> bool:
        return running.ids(self._runner.source, of, "queue", 1) is not None

    async def _jobs(
        self, chosen: plans.Selection, query: plans.Query, progress: source_base.Progress
    ) -> AsyncIterator[Sequence[looking.Seen]]:
        async for portion, looked, total in self._looker.selected(chosen):
            progress(looked, total)
            yield [seen for seen in portion if seen.state == query.state]

    def _waits(self, seen: looking.Seen) -> bool:
        return seen.state in moving.QUEUED

    def _target(self, seen: looking.Seen) -> plans.Target:
        return moving.target(offers.REMOVE, seen)

    async def _strangers(self, chosen: plans.Selection) -> plans.LeftOut | None:
        count = await self._looker.strangers(chosen)
        return plans.LeftOut(why=running.STRANGER, count=count) if count else None
