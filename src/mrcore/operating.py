"""One operation: its plan's targets, a chunk at a time, each written down before and after."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from mrcore import audit, deadline, errors
from mrcore.model import base, core, plans
from mrcore.sources import base as sources
from mrcore.store import database, operations
from mrcore.store import plans as plan_store

APPLY_S = 60.0
RETRY_S = 1.0
_WHYS_MAX = 3

T = TypeVar("T")
log = logging.getLogger(__name__)


class Monitor(Protocol):
    """What operations need of the Monitor."""

    def source(self, name: str) -> sources.Source: ...
    def poke(self, name: str) -> None: ...
    async def sample_now(self, name: str) -> None: ...
    async def until_watching(self, name: str) -> None: ...


class Hub(Protocol):
    """What operations need of the Hub."""

    def touched(self, refs: Iterable[base.Ref]) -> None: ...


class Operating:
    """The task behind one operation; `show` is called with the operation after every step."""

    def __init__(
        self,
        operation: core.Operation,
        stored: plan_store.Stored,
        *,
        ledger: database.Database,
        monitor: Monitor,
        hub: Hub,
        now: sources.Now,
        show: Callable[[core.Operation], None],
        caller: deadline.Caller,
    ) -> None:
        self.operation = operation
        self.stopping = False
        self._stored = stored
        self._ledger = ledger
        self._monitor = monitor
        self._hub = hub
        self._now = now
        self._show = show
        self._caller = caller
        self._changed: list[base.Ref] = []

    async def run(self, *, resumed: bool = False) -> None:
        """Work until the operation has ended, or `stopping` is set between two chunks.

        A resumed operation waits for its source and then applies its open chunk again: the
        guards leave out what was done before the core ended.
        """
        error = ""
        try:
            if resumed:
                await self._monitor.until_watching(self._stored.source)
            while chunk := await self._open(resumed=resumed):
                resumed = False
                self._hub.touched(self._changed)
                error = await self._chunk(chunk)
                if error or self.stopping:
                    break
        except errors.MrError as failure:
            error = str(failure)
        if self.stopping and not error:
            return
        await self._end(error)

    async def _end(self, error: str) -> None:
        number, now = self.operation.id, self._now()
        operation = await self._kept(lambda c: operations.finish(c, number, now, error))
        await self._monitor.sample_now(self._stored.source)
        self._update(operation)
        self._hub.touched([operation.ref, *self._changed])

    async def _open(self, *, resumed: bool) -> operations.Chunk | None:
        """The next chunk, its intent on the disk."""
        plan = self._stored.plan
        return await self._kept(
            lambda c: begin_chunk(c, self.operation, plan, self._now, resumed=resumed)
        )

    async def _chunk(self, chunk: operations.Chunk) -> str:
        """Apply a chunk and write what became of it; an error ends the operation."""
        outcomes, error = await self._apply(chunk)
        operation = self.operation

        def close(connection: sqlite3.Connection) -> core.Operation:
            operations.close_chunk(connection, operation.id, chunk, outcomes)
            for entry in _outcome_entries(operation, outcomes, self._now):
                audit.append(connection, entry)
            return operations.get(connection, operation.id)

        self._update(await self._kept(close))
        self._monitor.poke(self._stored.source)
        owner = [self._stored.owner] if self._stored.owner else []
        self._changed = [*owner, *(target.ref for target in chunk.targets)]
        return error

    async def _apply(self, chunk: operations.Chunk) -> tuple[Sequence[plans.TargetOutcome], str]:
        plan, name = self._stored.plan, self._stored.source
        by = plans.By(
            login=self.operation.login, reason=self.operation.reason, operation=self.operation.id
        )
        try:
            source = self._monitor.source(name)
            said = await self._caller.call(
                lambda: source.apply(plan.action, chunk.targets, plan.args, by), APPLY_S, name
            )
        except errors.MrError as error:
            return _all_failed(chunk, f"{error} It may have been done."), str(error)
        except Exception as error:
            log.exception("Source %s broke while it applied %s.", name, plan.action)
            why = f"{name} broke with {type(error).__name__}; the core's log has it."
            return _all_failed(chunk, f"{why} It may have been done."), why
        by_ref = {outcome.ref: outcome for outcome in said}
        silent = f"{name} did not say what became of it."
        return [by_ref.get(t.ref) or _failed(t.ref, silent) for t in chunk.targets], ""

    async def _kept(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Write to the ledger; while it cannot be written nothing more is done."""
        while True:
            try:
                return await self._ledger.run(work)
            except errors.StoreError as error:
                verdict = base.Verdict(level=base.Level.BAD, code="waits", why=f"Waits: {error}")
                self._update(self.operation.model_copy(update={"verdict": verdict}))
                await asyncio.sleep(RETRY_S)

    def _update(self, operation: core.Operation) -> None:
        self.operation = operation
        self._show(operation)
        self._monitor.poke("core")


def begin_chunk(
    connection: sqlite3.Connection,
    operation: core.Operation,
    plan: plans.Plan,
    now: sources.Now,
    *,
    resumed: bool = False,
) -> operations.Chunk | None:
    """Open the operation's next chunk with its intent in the audit, as part of a transaction.

    A chunk that was open already has its intent; one that is `resumed` says so in another.
    """
    chunk, new = operations.open_chunk(connection, operation.id)
    if chunk is not None and (new or resumed):
        text = f"{plan.label} (resumed)" if resumed else plan.label
        refs = [target.ref for target in chunk.targets]
        entry = _entry(operation, now, "intent", refs, text=text)
        audit.append(connection, entry)
    return chunk


def _outcome_entries(
    operation: core.Operation, outcomes: Sequence[plans.TargetOutcome], now: sources.Now
) -> Iterable[audit.Entry]:
    """One row an outcome, so that the audit says of every target what became of it."""
    for kind in plans.Outcome:
        these = [outcome for outcome in outcomes if outcome.outcome is kind]
        if these:
            whys = list(dict.fromkeys(outcome.why for outcome in these if outcome.why))
            text = " · ".join([f"{len(these):,} {kind}", *whys[:_WHYS_MAX]])
            refs = [outcome.ref for outcome in these]
            yield _entry(operation, now, "outcome", refs, outcome=kind, text=text)


def _entry(
    operation: core.Operation,
    now: sources.Now,
    stage: str,
    refs: Sequence[base.Ref],
    *,
    outcome: str = "",
    text: str,
) -> audit.Entry:
    return audit.Entry(
        at=now(),
        stage=stage,
        login=operation.login,
        action=operation.action,
        refs=refs,
        plan_id=operation.plan_id,
        operation=operation.id,
        reason=operation.reason,
        outcome=outcome,
        text=text,
    )


def _failed(ref: base.Ref, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=ref, outcome=plans.Outcome.FAILED, why=why)


def _all_failed(chunk: operations.Chunk, why: str) -> list[plans.TargetOutcome]:
    return [_failed(target.ref, why) for target in chunk.targets]
