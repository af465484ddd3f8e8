"""The one way by which the core changes anything outside its own files.

A plan is made first: exact targets with the facts that must still hold, kept in the ledger.
Applying it starts an operation, a task of the core that outlives the request: authorise, write
the chunk's intent, let the source act, write the outcome, sample again, tell the screens.
"""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import timedelta

from mrcore import auth, authority, deadline, errors, operating, planning
from mrcore.model import core, plans
from mrcore.sources import base as sources
from mrcore.store import database, operations
from mrcore.store import plans as plan_store

PLAN_S = 25.0
LISTED = 50
STOP_S = 0.3
TARGETS_PAGE = 500
_FORGOTTEN = timedelta(hours=1)


class Door:
    """Plans, and the operations that apply them."""

    def __init__(
        self,
        ledger: database.Database,
        monitor: operating.Monitor,
        hub: operating.Hub,
        allows: authority.Authority,
        *,
        now: sources.Now,
    ) -> None:
        self._ledger = ledger
        self._monitor = monitor
        self._hub = hub
        self._allows = allows
        self._now = now
        self._caller = deadline.Caller()
        self._running: dict[asyncio.Task[None], operating.Operating] = {}
        self._listed: dict[int, core.Operation] = {}

    async def plan(self, login: auth.Login, request: plans.PlanRequest) -> plans.Plan:
        """Make a plan and keep it for 60 s.

        Raises BadRequest, Forbidden, StoreError and what the source does.
        """
        asked = planning.understand(request)
        self._allows.may_plan(login, asked.action)
        source = self._monitor.source(asked.source)
        draft = await self._caller.call(
            lambda: planning.collect(source, asked), PLAN_S, f"Planning {asked.action.id}"
        )
        now = self._now()
        content = planning.content(asked, draft)

        def keep(connection: sqlite3.Connection) -> plans.Plan:
            plan = planning.write(
                asked,
                draft,
                plan_id=planning.identify(content, operations.finished(connection, content)),
                login=login.name,
                environment=self._allows.environment,
                now=now,
            )
            stored = plan_store.Stored(
                plan, content, asked.source, asked.owner, frozenset({login.name})
            )
            plan_store.forget_expired(connection, now - _FORGOTTEN)
            plan_store.save(connection, stored, list(draft.targets.values()))
            return plan

        return await self._ledger.run(keep)

    async def get(self, plan_id: str) -> plans.Plan:
        """A plan by its id.

        Raises PlanNotFound.
        """
        stored = await self._ledger.run(lambda connection: plan_store.load(connection, plan_id))
        return stored.plan

    async def targets(self, plan_id: str, first: int) -> plans.Targets:
        """At most 500 targets of a plan from number `first` on, with what became of each.

        Raises PlanNotFound.
        """

        def read(connection: sqlite3.Connection) -> plans.Targets:
            total = plan_store.load(connection, plan_id).plan.total
            following = first + TARGETS_PAGE
            return plans.Targets(
                total=total,
                targets=tuple(plan_store.targets(connection, plan_id, first, TARGETS_PAGE)),
                outcomes=tuple(plan_store.outcomes(connection, plan_id, first, TARGETS_PAGE)),
                following=following if following < total else None,
            )

        return await self._ledger.run(read)

    async def apply(
        self, login: auth.Login, plan_id: str, request: plans.ApplyRequest
    ) -> core.Operation:
        """Start a plan's operation; the same login gets the same operation again.

        The first chunk's intent is on the disk before this returns.
        Raises PlanNotFound, PlanTaken, PlanExpired, Forbidden, BadRequest, StoreError.
        """

        def begin(
            connection: sqlite3.Connection,
        ) -> tuple[plan_store.Stored, core.Operation, bool]:
            stored = plan_store.load(connection, plan_id)
            known = operations.of_plan(connection, plan_id)
            if known is not None and known.login == login.name:
                return stored, known, False
            self._refuse(login, stored, known, request.confirm)
            self._allows.may_apply(connection, login, stored, request)
            operation = operations.begin(
                connection,
                stored.plan,
                content=stored.content,
                login=login.name,
                reason=request.reason,
                now=self._now(),
            )
            operating.begin_chunk(connection, operation, stored.plan, self._now)
            return stored, operation, True

        stored, operation, new = await self._ledger.run(begin)
        if new:
            self._start(operation, stored, resumed=False)
        return self._listed.get(operation.id, operation)

    async def resume(self) -> None:
        """Go on with the operations that the end of the last core interrupted.

        Raises StoreError when the ledger cannot be read.
        """

        def read(
            connection: sqlite3.Connection,
        ) -> tuple[list[core.Operation], list[tuple[core.Operation, plan_store.Stored]]]:
            open_ones = operations.running(connection)
            stored = [(o, plan_store.load(connection, o.plan_id)) for o in open_ones]
            return operations.newest(connection, LISTED), stored

        newest, interrupted = await self._ledger.run(read)
        for operation in reversed(newest):
            self._show(operation)
        started = {work.operation.id for work in self._running.values()}
        for operation, stored in interrupted:
            if operation.id not in started:
                self._start(operation, stored, resumed=True)

    def operations(self) -> list[core.Operation]:
        """The newest 50 operations, oldest first."""
        return list(self._listed.values())

    @property
    def busy(self) -> bool:
        """Whether an operation runs."""
        return bool(self._running)

    async def stop(self) -> None:
        """Stop between two chunks; a chunk that takes over 0.3 s stays open and is resumed."""
        for each in self._running.values():
            each.stopping = True
        tasks = set(self._running)
        if tasks:
            _, slow = await asyncio.wait(tasks, timeout=STOP_S)
            for task in slow:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._caller.close()

    def _start(
        self, operation: core.Operation, stored: plan_store.Stored, *, resumed: bool
    ) -> None:
        work = operating.Operating(
            operation,
            stored,
            ledger=self._ledger,
            monitor=self._monitor,
            hub=self._hub,
            now=self._now,
            show=self._show,
            caller=self._caller,
        )
        self._show(operation)
        self._monitor.poke("core")
        task = asyncio.create_task(work.run(resumed=resumed), name=f"operation {operation.id}")
        self._running[task] = work
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._monitor.poke("core")
        if not task.cancelled() and (error := task.exception()):
            raise error  # a defect of ours: the loop's handler logs it

    def _show(self, operation: core.Operation) -> None:
        self._listed[operation.id] = operation
        while len(self._listed) > LISTED:
            del self._listed[min(self._listed)]

    def _refuse(
        self,
        login: auth.Login,
        stored: plan_store.Stored,
        known: core.Operation | None,
        confirm: str,
    ) -> None:
        """Raise why this login may not start this plan now."""
        plan = stored.plan
        if known is not None:
            raise errors.PlanTaken(f"{known.login} has applied this plan: {known.ref}.")
        if login.name not in stored.planners:
            raise errors.PlanTaken(
                f"This plan is {', '.join(sorted(stored.planners))}'s.", fix="Make your own."
            )
        if self._now() >= plan.expires_at:
            raise errors.PlanExpired(
                f"The plan expired at {plan.expires_at:%H:%M:%S} UTC.", fix="Make it again."
            )
        if not plan.total:
            raise errors.BadRequest("The plan has no targets: there is nothing to do.")
        if plan.confirm and confirm != plan.confirm:
            raise errors.BadRequest(f"Type {plan.confirm!r} to confirm.")
