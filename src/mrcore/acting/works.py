"""The operations of a core: those that run, those that are shown, and what is kept to undo them."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from mrcore import deadline, errors
from mrcore.acting import needs, operating, steering, undoing, vault
from mrcore.model import base, core
from mrcore.rights import authority
from mrcore.sources import base as sources
from mrcore.store import database, mementos, operations
from mrcore.store import plans as plan_store

LISTED = 50
STOP_S = 0.3
FORGET_EVERY_S = 60.0
FORGOTTEN = timedelta(hours=1)

log = logging.getLogger(__name__)


class Works:
    """Operations and the tasks behind them; `clock` and `rest` are for their pace."""

    def __init__(
        self,
        ledger: database.Database,
        monitor: needs.Monitor,
        hub: needs.Hub,
        allows: authority.Authority,
        *,
        key: vault.Vault,
        caller: deadline.Caller,
        now: sources.Now,
        clock: Callable[[], float],
        rest: Callable[[float], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._monitor = monitor
        self._now = now
        self._means = needs.Means(
            ledger, monitor, hub, allows, key, caller, now, self._show, clock, rest
        )
        self._running: dict[asyncio.Task[None], operating.Operating] = {}
        self._listed: dict[int, core.Operation] = {}
        self._forgetting: asyncio.Task[None] | None = None

    def acts(self) -> dict[base.ActionId, steering.Steering]:
        """What can be done with operations, as actions of the core."""
        return steering.acts(self._ledger, self._now, self.turned)

    async def resume(self) -> None:
        """Go on with the operations that the end of the last core interrupted, paused ones apart.

        Raises StoreError when the ledger cannot be read.
        """

        def read(
            connection: sqlite3.Connection,
        ) -> tuple[list[core.Operation], list[steering.Turned]]:
            mementos.forget_expired(connection, self._now())
            interrupted = [
                steering.Turned(o, plan_store.load(connection, o.plan_id), resumed=True)
                for o in operations.running(connection)
            ]
            return operations.shown(connection, LISTED), interrupted

        shown, interrupted = await self._ledger.run(read)
        for operation in shown:
            self._show(operation)
        started = {work.operation.id for work in self._running.values()}
        for turned in interrupted:
            if turned.operation.id not in started:
                self.turned(turned)
        self._forgetting = asyncio.create_task(self._forget(), name="forget mementos")

    def operations(self) -> list[core.Operation]:
        """The newest 50 operations and those that have not ended, oldest first."""
        now = self._now()
        return [_offered(operation, now) for operation in self._listed.values()]

    @property
    def busy(self) -> bool:
        """Whether an operation runs."""
        return bool(self._running)

    def latest(self, operation: core.Operation) -> core.Operation:
        """An operation as it is shown."""
        return self._listed.get(operation.id, operation)

    async def stop(self) -> None:
        """Stop between two chunks; a chunk that takes over 0.3 s stays open and is resumed."""
        if self._forgetting:
            self._forgetting.cancel()
        for each in self._running.values():
            each.stop()
        tasks = set(self._running)
        if tasks:
            _, slow = await asyncio.wait(tasks, timeout=STOP_S)
            for task in slow:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def turned(self, turned: steering.Turned) -> None:
        """Show an operation that is other now, and let it run or look what is wanted."""
        operation = turned.operation
        self._show(operation)
        self._monitor.poke("core")
        if turned.start is None:
            for work in self._running.values():
                if work.operation.id == operation.id:
                    work.wake()
            return
        work = operating.Operating(operation, turned.start, self._means)
        name = f"operation {operation.id}"
        task = asyncio.create_task(work.run(resumed=turned.resumed), name=name)
        self._running[task] = work
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._monitor.poke("core")
        if not task.cancelled() and (error := task.exception()):
            raise error  # a defect in its very end: the loop's handler logs it

    def _show(self, operation: core.Operation) -> None:
        self._listed[operation.id] = operation
        ended = sorted(number for number, o in self._listed.items() if o.finished_at)
        for number in ended[: max(0, len(self._listed) - LISTED)]:
            del self._listed[number]

    def _forget_a_portion(self, connection: sqlite3.Connection) -> bool:
        return plan_store.forget_expired(connection, self._now() - FORGOTTEN)

    async def _forget(self) -> None:
        """Drop mementos and plans whose time has passed; plans in portions, between other work."""
        while True:
            await asyncio.sleep(FORGET_EVERY_S)
            try:
                await self._ledger.run(lambda c: mementos.forget_expired(c, self._now()))
                while await self._ledger.run(self._forget_a_portion):
                    pass
            except errors.StoreError as error:
                log.warning("%s", error)


def _offered(operation: core.Operation, now: datetime) -> core.Operation:
    """Without the undo whose time has passed."""
    until = operation.undo_until
    if undoing.ACTION not in operation.actions or until is None or until > now:
        return operation
    left = tuple(action for action in operation.actions if action != undoing.ACTION)
    return operation.model_copy(update={"actions": left})
