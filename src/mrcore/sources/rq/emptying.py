"""How RQ's queues are cleaned and drained; never by `Queue.empty()`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources.engine import emptying
from mrcore.sources.rq import looking, moving, offers, running

ACTIONS = emptying.ACTIONS
_QUEUED = ("queued", "scheduled")


class Emptying(emptying.Emptying[looking.Seen]):
    """Reads the jobs that are meant; `there` is whether there is a queue of that name."""

    def __init__(
        self,
        runner: running.Runner,
        looker: looking.Looker,
        removal: moving.Moving,
        there: Callable[[str], Awaitable[bool]],
    ) -> None:
        super().__init__(removal)
        self._runner = runner
        self._looker = looker
        self._there = there

    async def _is_there(self, of: base.Ref) -> bool:
        ids = running.ids(self._runner.source, of, "queue", 1)
        return ids is not None and await self._there(ids[0])

    async def _jobs(
        self, chosen: plans.Selection, query: plans.Query, progress: source_base.Progress
    ) -> AsyncIterator[Sequence[looking.Seen]]:
        meant = [own for own, shown in offers.SHOWN.items() if shown.value == query.state]
        async for portion, looked, total in self._looker.selected(chosen, self._runner.now()):
            progress(looked, total)
            yield [s for s in portion if s.state in meant and (s.state == "queued" or s.score)]

    def _waits(self, seen: looking.Seen) -> bool:
        return seen.state in _QUEUED

    def _target(self, seen: looking.Seen) -> plans.Target:
        return moving.target(offers.REMOVE, seen)
