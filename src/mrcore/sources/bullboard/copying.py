"""A copy of a job: added under an id that the plan has chosen, so that it is added once."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence

from pydantic import JsonValue

from mrcore import errors
from mrcore.model import base, plans, queue, ref
from mrcore.queues import expiry
from mrcore.sources import base as source_base
from mrcore.sources.bullboard import acts, offers, rows, seeing

ACTIONS = (offers.DUPLICATE,)
_OWN = ("jobId", "repeat", "parent", "timestamp", "prevMillis", "repeatJobKey", "delay")
_SHOWN = plans.Remark(
    text="the copy has the payload as the board shows it: where the backend formats it, what is "
    "stored differs",
    level=base.Level.WARN,
)
_ALREADY = "This plan has added it already."


class Adder:
    """Adds jobs under chosen ids, and takes them away again while they wait."""

    def __init__(self, seer: seeing.Seer, now: source_base.Now) -> None:
        self.seer = seer
        self._now = now

    def id_for(self, of: base.Ref) -> str:
        """An id that nobody has: the library wants no number and no colon."""
        words = f"{of} {self._now().isoformat()}"
        return f"mr-{hashlib.sha256(words.encode()).hexdigest()[:20]}"

    async def add(
        self, of: base.Ref, where: str, id_: str, body: dict[str, JsonValue], by: plans.By
    ) -> plans.TargetOutcome:
        """The outcome for `of`, whose copy is added to the queue `where`."""
        new, memento = ref.make(self.seer.source, "job", where, id_), {"queue": where, "job": id_}
        try:
            if (await self.seer.one(new)).row is not None:
                if by.again:
                    return acts.done(of, f"added as {id_}", {**memento})
                return acts.skipped(of, _ALREADY)
        except errors.SourceError as error:
            return acts.failed(of, f"{error} It was not done.")
        try:
            answer = await self.seer.board.ask("POST", "queues", where, "add", body=body)
        except errors.SourceError as error:
            return acts.failed(of, f"{error} It may have been done.", doubtful=True)
        if not answer.good:
            return acts.failed(of, f"The board did not do it: {answer.said}.")
        return acts.done(of, f"added as {id_}", {**memento})

    async def plan_undo(self, done: Sequence[plans.Undoable]) -> AsyncIterator[source_base.Planned]:
        """The copies that still wait can be removed."""
        for undoable in done:
            copy = await self.seer.one(self._copy(undoable))
            if why := _busy(copy):
                yield acts.left(undoable.target.ref, why)
            else:
                guard = {**copy.guard}
                yield undoable.target.model_copy(
                    update={"guard": guard, "note": "removes the copy"}
                )

    async def undo(self, chunk: Sequence[plans.Undoable]) -> list[plans.TargetOutcome]:
        """Remove them, those that are as they were."""
        return await seeing.abreast(self._remove, chunk)

    async def _remove(self, undoable: plans.Undoable) -> plans.TargetOutcome:
        of, address = undoable.target.ref, self._copy(undoable)
        copy = await self.seer.one(address)
        if why := _busy(copy) or seeing.moved(undoable.target.guard, copy):
            return acts.skipped(of, why)
        where = ("queues", str(undoable.memento["queue"]), str(undoable.memento["job"]))
        answer = await self.seer.board.ask("PUT", *where, "clean")
        if answer.good:
            return acts.done(of, "The copy is removed.")
        return acts.failed(of, f"The board did not do it: {answer.said}.")

    def _copy(self, undoable: plans.Undoable) -> base.Ref:
        kept = undoable.memento
        return ref.make(self.seer.source, "job", str(kept.get("queue")), str(kept.get("job")))


def _busy(copy: seeing.Seen) -> str:
    if copy.row is None:
        return "The copy is gone."
    states = offers.STATES[offers.REMOVE] - {queue.JobState.COMPLETED, queue.JobState.FAILED}
    return "" if copy.row.state in states else f"The copy has run: it is {copy.row.state.value}."


class Copying:
    """Plans, does and undoes `job.duplicate`."""

    def __init__(self, seer: seeing.Seer, adder: Adder, now: source_base.Now) -> None:
        self._seer = seer
        self._adder = adder
        self._now = now

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        left, any_taken = acts.LeftOuts(), False
        async for portion, looked, total in self._seer.selected(selection):
            for seen in portion:
                if why := self._refusal(seen):
                    left.add(seen.ref, why)
                    continue
                any_taken = True
                until = expiry.guard(seen.row.expires_at if seen.row else None)
                guard = {**seen.guard, **until, "copy": self._adder.id_for(seen.ref)}
                yield plans.Target(ref=seen.ref, label=seen.label, guard=guard, note="one more")
            progress(looked, total)
        for one in left.told():
            yield one
        if any_taken:
            yield acts.TWO_STEPS
            yield _SHOWN

    def _refusal(self, seen: seeing.Seen) -> str:
        if seen.row is None or seen.app is None:
            return seen.gone
        if why := offers.refusal(offers.DUPLICATE, seen.app):
            return why
        why = expiry.expired(seen.row.expires_at, self._now())
        return f"{why[0].upper()}{why[1:]}." if why else ""

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        async def one(target: plans.Target) -> plans.TargetOutcome:
            return await self._one(target, by)

        return await seeing.abreast(one, chunk)

    async def _one(self, target: plans.Target, by: plans.By) -> plans.TargetOutcome:
        try:
            seen = await self._seer.one(target.ref)
        except errors.SourceError as error:
            return acts.failed(target.ref, f"{error} It was not done.")
        if (why := seeing.moved(target.guard, seen)) or seen.row is None:
            return acts.skipped(target.ref, why)
        opts = seen.raw.get("opts")
        kept = {k: v for k, v in opts.items() if k not in _OWN} if isinstance(opts, dict) else {}
        id_ = str(target.guard.get("copy"))
        body: dict[str, JsonValue] = {
            "name": rows.text(seen.raw.get("name")),
            "data": seen.raw.get("data"),
            "options": {**kept, "jobId": id_},
        }
        return await self._adder.add(target.ref, seen.row.queue, id_, body, by)

    def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        return self._adder.plan_undo(done)

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        return await self._adder.undo(chunk)
