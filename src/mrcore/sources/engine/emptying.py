"""`queue.clean` and `queue.drain`: which jobs they mean, the same in every engine.

Many jobs of a queue are removed, each with its own guard: never by one command of an engine that
stops Redis for as long as the queue is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mrcore import errors
from mrcore.model import base, plans, queue
from mrcore.sources import base as source_base
from mrcore.sources.engine import acts, saying

CLEAN, DRAIN, REMOVE = "queue.clean", "queue.drain", "job.remove"
ACTIONS = (CLEAN, DRAIN)
OLDER_S = 3_600.0
"""How long ago a job must have ended to be cleaned away, where nobody says."""

MOST = 100_000
"""Targets of one plan; the oldest of more come first, and the rest with the next plan."""

MORE = f"More than {MOST:,} at once: plan it again for these."
ENDS = plans.Remark(text="what runs now ends, and what comes from now on stays")
T = TypeVar("T")
_S = queue.JobState


@dataclass(frozen=True)
class Asked:
    """Which jobs are meant: in these states, and ended so many seconds ago."""

    states: tuple[queue.JobState, ...]
    older_s: float | None = None

    def queries(self) -> list[plans.Query]:
        """One for each state, the oldest jobs first."""
        return [
            plans.Query(state=state.value, order="oldest", older_s=self.older_s)
            for state in self.states
        ]


def asked(
    action: base.ActionId, args: plans.Args, waits: Sequence[queue.JobState] = (_S.WAITING,)
) -> Asked:
    """The arguments, checked; `waits` are the states in which jobs of an engine wait.

    `queue.clean` has to be told which jobs: those that completed are no loss, those that failed
    may be. Raises BadRequest that names the argument.
    """
    if action == DRAIN:
        delayed = args.get("delayed", False)
        if not isinstance(delayed, bool):
            raise errors.BadRequest(f"delayed is true or false, not {delayed!r}.")
        return Asked((*waits, *((_S.DELAYED,) if delayed else ())))
    state, older_s = args.get("state"), args.get("older_s", OLDER_S)
    if state not in (_S.COMPLETED, _S.FAILED):
        raise errors.BadRequest(f"state is completed or failed, not {state!r}.")
    if isinstance(older_s, bool) or not isinstance(older_s, int | float) or older_s < 0:
        raise errors.BadRequest(f"older_s is a number of seconds, not {older_s!r}.")
    return Asked((_S(state),), float(older_s))


@dataclass
class Room:
    """How many targets there is still room for, those beyond it, and those that have not run."""

    left: int = MOST
    over: int = 0
    waited: int = 0

    def told(self) -> Iterator[source_base.Planned]:
        """What is to be said at the end of a plan."""
        if self.over:
            yield plans.LeftOut(why=MORE, count=self.over)
        if self.waited:
            yield saying.not_run(self.waited)


class Emptying(Generic[T]):
    """Plans both; what they do to each job, and how that is undone, is a removal.

    `T` is a job as an engine sees it. What raises NotImplementedError is the engine's.
    """

    def __init__(self, removal: acts.Act) -> None:
        self._removal = removal

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        queries = asked(action, args).queries()
        room = Room()
        for of in selection.refs:
            if not await self._is_there(of):
                yield saying.left(of, "There is no such queue.")
                continue
            try:
                for query in queries:
                    async for one in self._queue(of, query, room, progress):
                        yield one
            except (errors.NotFound, errors.Unsupported) as error:
                yield saying.left(of, str(error))
        for said in room.told():
            yield said
        if action == DRAIN and room.left < MOST:
            yield ENDS

    async def _queue(
        self, of: base.Ref, query: plans.Query, room: Room, progress: source_base.Progress
    ) -> AsyncIterator[source_base.Planned]:
        """The jobs of one queue that are meant, as far as there is room."""
        chosen = plans.Selection(ref=of, collection="jobs", query=query)
        async for portion in self._jobs(chosen, query, progress):
            for seen in portion:
                if not room.left:
                    room.over += 1
                    continue
                room.left -= 1
                room.waited += self._waits(seen)
                yield self._target(seen)
        if (strangers := await self._strangers(chosen)) is not None:
            yield strangers

    async def _is_there(self, of: base.Ref) -> bool:
        """Whether that is a queue."""
        raise NotImplementedError

    def _jobs(
        self, chosen: plans.Selection, query: plans.Query, progress: source_base.Progress
    ) -> AsyncIterator[Sequence[T]]:
        """Those that are meant: one that has left that state while it was looked for is not."""
        raise NotImplementedError

    def _waits(self, seen: T) -> bool:
        """Whether it has not run yet."""
        raise NotImplementedError

    def _target(self, seen: T) -> plans.Target:
        raise NotImplementedError

    async def _strangers(self, chosen: plans.Selection) -> plans.LeftOut | None:
        """Jobs that nobody can tell apart, where an engine has such."""
        return None

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        return await self._removal.apply(REMOVE, chunk, {}, by)

    def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        return self._removal.plan_undo(REMOVE, done)

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        return await self._removal.undo(REMOVE, chunk, by)
