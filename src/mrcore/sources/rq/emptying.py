"""`queue.clean` and `queue.drain`: many jobs of a queue are removed, each with its own guard.

Never `Queue.empty()`, one script that stops Redis for as long as the queue is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from mrcore import errors
from mrcore.model import base, plans, queue
from mrcore.sources import base as source_base
from mrcore.sources.rq import looking, moving, offers, running

ACTIONS = (offers.CLEAN, offers.DRAIN)
OLDER_S = 3_600.0
MOST = 100_000
"""Targets of one plan; the oldest of more come first, and the rest with the next plan."""

_MORE = f"More than {MOST:,} at once: plan it again for these."
_QUEUED = ("queued", "scheduled")


@dataclass
class _Room:
    """How many targets there is still room for, those beyond it, and those that have not run."""

    left: int = MOST
    over: int = 0
    waited: int = 0


class Emptying:
    """Plans both; what they do to each job, and how that is undone, is a removal."""

    def __init__(
        self,
        runner: running.Runner,
        looker: looking.Looker,
        removal: moving.Moving,
        there: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._runner = runner
        self._there = there
        self._looker = looker
        self._removal = removal

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        queries = asked(action, args)
        room = _Room()
        for of in selection.refs:
            ids = running.ids(self._runner.source, of, "queue", 1)
            if ids is None or not await self._there(ids[0]):
                yield running.left(of, "There is no such queue.")
                continue
            for query in queries:
                async for one in self._queue(of, query, room, progress):
                    yield one
        if room.over:
            yield plans.LeftOut(why=_MORE, count=room.over)
        if room.waited:
            have = "jobs have" if room.waited > 1 else "job has"
            text = f"{room.waited:,} {have} not run yet, and will not"
            yield plans.Remark(text=text, level=base.Level.WARN)
        if action == offers.DRAIN and room.left < MOST:
            yield plans.Remark(text="what runs now ends, and what comes from now on stays")

    async def _queue(
        self, of: base.Ref, query: plans.Query, room: _Room, progress: source_base.Progress
    ) -> AsyncIterator[plans.Target]:
        """The jobs of one queue that are meant, as far as there is room."""
        chosen = plans.Selection(ref=of, collection="jobs", query=query)
        meant = [own for own, shown in offers.SHOWN.items() if shown.value == query.state]
        async for portion, looked, total in self._looker.selected(chosen, self._runner.now()):
            progress(looked, total)
            for seen in portion:
                # One that has left that state while it was looked for is let be.
                if seen.state not in meant or (seen.state != "queued" and not seen.score):
                    continue
                if not room.left:
                    room.over += 1
                    continue
                room.left -= 1
                room.waited += seen.state in _QUEUED
                yield moving.target(offers.REMOVE, seen)

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        return await self._removal.apply(offers.REMOVE, chunk, {}, by)

    def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        return self._removal.plan_undo(offers.REMOVE, done)

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        return await self._removal.undo(offers.REMOVE, chunk, by)


def asked(action: base.ActionId, args: plans.Args) -> list[plans.Query]:
    """Which jobs are meant. Raises BadRequest that names the argument."""
    if action == offers.DRAIN:
        delayed = args.get("delayed", False)
        if not isinstance(delayed, bool):
            raise errors.BadRequest(f"delayed is true or false, not {delayed!r}.")
        states = ("waiting", "delayed") if delayed else ("waiting",)
        return [plans.Query(state=state, order="oldest") for state in states]
    state, older_s = str(args.get("state", "completed")), args.get("older_s", OLDER_S)
    if state not in (queue.JobState.COMPLETED, queue.JobState.FAILED):
        raise errors.BadRequest(f"state is {state!r}; it is completed or failed.")
    if isinstance(older_s, bool) or not isinstance(older_s, int | float) or older_s < 0:
        raise errors.BadRequest(f"older_s is {older_s!r}; it is how long ago a job ended.")
    return [plans.Query(state=state, order="oldest", older_s=float(older_s))]
