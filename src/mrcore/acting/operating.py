"""One operation: its plan's targets, a chunk at a time, each written down before and after."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from mrcore import catalogue, errors
from mrcore.acting import needs, pacing, said, steps, watching
from mrcore.model import base, core, plans
from mrcore.store import chunks, operations
from mrcore.store import plans as plan_store

APPLY_S = 60.0
RETRY_S = 1.0

T = TypeVar("T")
log = logging.getLogger(__name__)


class Operating:
    """The task behind one operation; `show` is called with the operation after every step."""

    def __init__(
        self, operation: core.Operation, stored: plan_store.Stored, means: needs.Means
    ) -> None:
        self.operation = operation
        self._stopping = False
        self._stored = stored
        self._means = means
        self._roles: tuple[str, ...] = ()
        self._pace = pacing.Pace(pacing.first(stored.does))
        self._since_s = 0.0
        self._woken = asyncio.Event()
        self._changed: list[base.Ref] = []
        self._watching: watching.Watching | None = None
        self._watched = False

    def wake(self) -> None:
        """Look at once whether to pause or stop, instead of resting or waiting."""
        self._woken.set()

    def stop(self) -> None:
        """Go no further than the open chunk: the core ends."""
        self._stopping = True
        self._woken.set()

    async def run(self, *, resumed: bool = False) -> None:
        """Work until the operation has ended, is paused, or the core stops it between two chunks.

        A resumed operation waits for its source and then applies its open chunk again: the
        guards leave out what was done before the core ended.
        """
        try:
            error = await self._work(resumed=resumed)
        except errors.MrError as failure:
            error = said.clean(str(failure))
        except Exception as defect:
            log.exception("Operation %s broke.", self.operation.id)
            error = f"The core broke with {type(defect).__name__}; its log has it."
        if error is not None:
            await self._end(error)
        if self.operation.finished_at is not None:
            await self._means.monitor.sample_now(self._stored.source)
            self._update(self.operation)
        self._means.hub.touched([self.operation.ref, *self._changed])

    async def _work(self, *, resumed: bool) -> str | None:
        """Apply chunk after chunk: what ended it, '' for its end, None when it rests."""
        if resumed:
            await self._unless_woken(self._means.monitor.until_watching(self._stored.source))
        self._roles = (await self._kept(lambda c: operations.actor(c, self.operation.id))).roles
        self._since_s = self._means.clock()
        while not self._stopping:
            step = await self._step(resumed=resumed)
            if step.operation.state is not core.OperationState.RUNNING:
                self._update(step.operation)
                return None
            if step.watch:
                resumed = False
                await self._watch()
                if self.operation.finished_at is not None:
                    return None
                continue
            if step.chunk is None:
                return ""
            again, resumed = resumed and not step.new, False
            self._means.hub.touched(self._changed)
            if error := await self._chunk(step.chunk, again=again):
                return error
            await self._breathe()
        return None

    async def _end(self, error: str) -> None:
        """End it, whatever is wrong: one that neither works nor ends could not be stopped."""
        number, now = self.operation.id, self._means.now()
        try:
            ended = await self._kept(lambda c: steps.end(c, number, now, error))
        except Exception:
            log.exception("What became of operation %s could not be written.", number)
            ended = await self._kept(lambda c: operations.finish(c, number, now, error))
        self._update(ended)

    async def _step(self, *, resumed: bool) -> chunks.Step:
        """What comes next, its intent on the disk."""
        number, size, means = self.operation.id, self._pace.size, self._means
        return await self._kept(
            lambda c: steps.take(
                c,
                means.allows,
                self._stored,
                number,
                size,
                means.now,
                resumed=resumed,
                watched=self._watched,
            )
        )

    async def _watch(self) -> None:
        """See how the first targets fare; stop for good if the rest should not follow them."""
        first, means = steps.first_ones(self._stored), self._means
        assert first is not None
        if self._watching is None:
            self._watching = watching.Watching(means, self._stored, first)
        why = await self._watching.look()
        self._watched = why == ""
        if why:
            number, now = self.operation.id, means.now()
            self._update(await self._kept(lambda c: steps.end_canary(c, number, now, why)))
        elif why is None:
            self._say("canary", self._watching.words, base.Level.OK)
            await self._unless_woken(means.rest(watching.LOOK_S))
        self._since_s = means.clock()

    async def _chunk(self, chunk: chunks.Chunk, *, again: bool) -> str:
        """Apply a chunk and write what became of it; an error ends the operation."""
        means = self._means
        began_s = means.clock()
        outcomes, error = await self._apply(chunk, again=again)
        took_s = means.clock() - began_s
        done = sum(outcome.outcome is plans.Outcome.DONE for outcome in outcomes)
        self._pace = self._pace.after(len(chunk.targets), done, took_s)

        closing = steps.Closing(self.operation, self._stored, chunk, outcomes, took_s)

        def close(connection: sqlite3.Connection) -> list[core.Operation]:
            worked_s = means.clock() - self._since_s
            return steps.close(connection, means.vault, closing, means.now(), worked_s)

        *undone, own = await self._kept(close)
        self._since_s = means.clock()
        for operation in undone:
            means.show(operation)
        self._update(own)
        means.monitor.poke(self._stored.source)
        owner = [self._stored.owner] if self._stored.owner else []
        self._changed = [*owner, *(target.ref for target in chunk.targets)]
        return error

    async def _apply(
        self, chunk: chunks.Chunk, *, again: bool
    ) -> tuple[Sequence[plans.TargetOutcome], str]:
        """What became of a chunk, with what undoing it needs, and the error that ends it."""
        prepared: Mapping[base.Ref, plans.Args] = {}
        try:
            by = self._by(again=again)
            prepared = await self._prepared(chunk, by)
            answers = await self._asked(chunk, by)
            error = ""
        except Exception as broken:
            error = self._words(broken)
            answers = steps.all_failed(chunk, f"{error} It may have been done.")
        by_ref = {outcome.ref: said.outcome(outcome) for outcome in answers}
        silent = f"{self._stored.source} did not say what became of it."
        outcomes = [by_ref.get(t.ref) or steps.failed(t.ref, silent) for t in chunk.targets]
        return [
            outcome.model_copy(update={"memento": prepared[outcome.ref]})
            if outcome.ref in prepared and outcome.memento is None and (outcome.doubtful or again)
            else outcome
            for outcome in outcomes
        ], error

    def _words(self, broken: Exception) -> str:
        if isinstance(broken, errors.MrError):
            return said.clean(str(broken))
        name = self._stored.source
        log.error("Source %s broke while it applied.", name, exc_info=broken)
        return f"{name} broke with {type(broken).__name__}; the core's log has it."

    def _by(self, *, again: bool) -> plans.By:
        operation = self.operation
        return plans.By(
            login=operation.login,
            roles=self._roles,
            reason=operation.reason,
            operation=operation.id,
            again=again,
        )

    async def _prepared(self, chunk: chunks.Chunk, by: plans.By) -> Mapping[base.Ref, plans.Args]:
        """What undoing a chunk will need, as far as it is known before; on the disk."""
        stored, number, means = self._stored, self.operation.id, self._means
        if stored.undoes is not None or not catalogue.ACTIONS[stored.does].undoable:
            return {}
        if by.again:
            return await self._kept(lambda c: steps.prepared(c, means.vault, number, chunk))
        source = means.monitor.source(stored.source)
        found = await means.caller.call(
            lambda: source.prepare(stored.does, chunk.targets, by), APPLY_S, source.name
        )
        await self._kept(lambda c: steps.prepare(c, means.vault, number, chunk, found, means.now()))
        return found

    async def _asked(self, chunk: chunks.Chunk, by: plans.By) -> Sequence[plans.TargetOutcome]:
        """Let the source act."""
        stored, operation = self._stored, self.operation
        if catalogue.ACTIONS[operation.action].reveals:  # to be asked for now; nothing is changed
            return [
                plans.TargetOutcome(ref=t.ref, outcome=plans.Outcome.DONE) for t in chunk.targets
            ]
        source = self._means.monitor.source(stored.source)
        if stored.undoes is None:
            return await self._means.caller.call(
                lambda: source.apply(stored.does, chunk.targets, stored.plan.args, by),
                APPLY_S,
                source.name,
            )
        undoes, key = stored.undoes, self._means.vault
        undoables, lost = await self._kept(
            lambda c: steps.undoables(c, key, stored.plan.plan_id, undoes, chunk)
        )
        if not undoables:
            return lost
        undone = await self._means.caller.call(
            lambda: source.undo(stored.does, undoables, by), APPLY_S, source.name
        )
        return [*undone, *lost]

    async def _breathe(self) -> None:
        """Rest as the watched system needs it, and wait while it cannot be watched."""
        if self._pace.rest_s:
            self._say("slow", self._pace.why)
            await self._unless_woken(self._means.rest(self._pace.rest_s))
        name = self._stored.source
        status = next((s for s in self._means.monitor.statuses() if s.name == name), None)
        if status is not None and status.state == "failing":
            self._say("waits", f"Waits until {name} can be watched again: {status.verdict.why}")
            await self._unless_woken(self._means.monitor.until_watching(name))
            self._since_s = self._means.clock()

    async def _unless_woken(self, work: Awaitable[None]) -> None:
        """Wait for something, or until there is a reason to look what is wanted."""
        task, woken = asyncio.ensure_future(work), asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait({task, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            task.cancel()
            woken.cancel()
        self._woken.clear()
        if task.done() and not task.cancelled():
            task.result()

    async def _kept(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Write to the ledger; while it cannot be written nothing more is done."""
        while True:
            try:
                return await self._means.ledger.run(work)
            except errors.StoreError as error:
                self._say("waits", f"Waits: {error}", base.Level.BAD)
                await asyncio.sleep(RETRY_S)

    def _say(self, code: str, why: str, level: base.Level = base.Level.WARN) -> None:
        verdict = base.Verdict(level=level, code=code, why=why)
        self._update(self.operation.model_copy(update={"verdict": verdict}))

    def _update(self, operation: core.Operation) -> None:
        self.operation = operation
        self._means.show(operation)
        self._means.monitor.poke("core")
