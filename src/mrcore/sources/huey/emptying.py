"""`queue.clean` and `queue.drain`: many jobs of a queue are removed, each with its own guard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from mrcore import errors
from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources.engine import saying
from mrcore.sources.huey import looking, moving, offers, running

ACTIONS = (offers.CLEAN, offers.DRAIN)
OLDER_S = 3_600.0
MOST = 100_000
"""Targets of one plan; the oldest of more come first, and the rest with the next plan."""

_MORE = f"More than {MOST:,} at once: plan it again for these."


@dataclass
class _Room:
    """How many targets there is still room for, those beyond it, and those that have not run."""

    left: int = MOST
    over: int = 0
    waited: int = 0


class Emptying:
    """Plans both; what they do to each job, and how that is undone, is a removal."""

    def __init__(
        self, runner: running.Runner, looker: looking.Looker, removal: moving.Moving
    ) -> None:
        self._runner = runner
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
            if running.ids(self._runner.source, of, "queue", 1) is None:
                yield running.left(of, "There is no such queue.")
                continue
            try:
                for query in queries:
                    async for one in self._queue(of, query, room, progress):
                        yield one
            except (errors.NotFound, errors.Unsupported) as error:
                yield running.left(of, str(error))
        if room.over:
            yield plans.LeftOut(why=_MORE, count=room.over)
        if room.waited:
            yield saying.not_run(room.waited)
        if action == offers.DRAIN and room.left < MOST:
            yield plans.Remark(text="what runs now ends")

    async def _queue(
        self, of: base.Ref, query: plans.Query, room: _Room, progress: source_base.Progress
    ) -> AsyncIterator[source_base.Planned]:
        """The jobs of one queue that are meant, as far as there is room."""
        chosen = plans.Selection(ref=of, collection="jobs", query=query)
        async for portion, looked, total in self._looker.selected(chosen):
            progress(looked, total)
            for seen in portion:
                if seen.state != query.state:  # it has left that state while it was looked for
                    continue
                if not room.left:
                    room.over += 1
                    continue
                room.left -= 1
                room.waited += seen.state in moving.QUEUED
                yield moving.target(offers.REMOVE, seen)
        if strangers := await self._looker.strangers(chosen):
            yield plans.LeftOut(why=running.STRANGER, count=strangers)

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
    state, older_s = args.get("state"), args.get("older_s", OLDER_S)
    if state not in ("completed", "failed"):
        raise errors.BadRequest(f"state is completed or failed, not {state!r}.")
    if isinstance(older_s, bool) or not isinstance(older_s, int | float) or older_s < 0:
        raise errors.BadRequest(f"older_s is a number of seconds, not {older_s!r}.")
    return [plans.Query(state=state, order="oldest", older_s=float(older_s))]
