"""The one way by which the core changes anything outside its own files.

A plan is made first: exact targets with the facts that must still hold, kept in the ledger.
Applying it starts an operation, a task of the core that outlives the request: authorise, write
the chunk's intent, let the source act, write the outcome, sample again, tell the screens.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable

from mrcore import catalogue, deadline, errors
from mrcore.acting import (
    beginning,
    drafts,
    needs,
    planning,
    refusals,
    revealing,
    steering,
    undoing,
    vault,
    works,
)
from mrcore.model import base, core, plans, ref, wire
from mrcore.rights import authority
from mrcore.sources import base as sources
from mrcore.store import approvals, database
from mrcore.store import plans as plan_store
from mrcore.trust import auth

PLAN_S = 25.0
REVEAL_S = 2.0
TARGETS_PAGE = 500

log = logging.getLogger(__name__)


class Door:
    """Plans, and the operations that apply them; `clock` and `rest` are for their pace."""

    def __init__(
        self,
        ledger: database.Database,
        monitor: needs.Monitor,
        hub: needs.Hub,
        allows: authority.Authority,
        *,
        now: sources.Now,
        clock: Callable[[], float] = time.monotonic,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ledger = ledger
        self._monitor = monitor
        self._allows = allows
        self._now = now
        self._refusals = refusals.Refusals(now)
        self._caller = deadline.Caller()
        self._vault = vault.Vault(ledger.path.with_name(vault.NAME))
        self._beginning = beginning.Beginning(allows, self._vault, self._refusals, now)
        self._applying: set[asyncio.Task[core.Operation]] = set()
        self._works = works.Works(
            ledger,
            monitor,
            hub,
            allows,
            key=self._vault,
            caller=self._caller,
            now=now,
            clock=clock,
            rest=rest,
        )

    async def plan(
        self,
        login: auth.Login,
        request: plans.PlanRequest,
        progress: sources.Progress = drafts.quiet,
    ) -> plans.Plan:
        """Make a plan and keep it: for 60 s, or 15 min where a second login has to approve it.

        It may take as long as it goes on; cancelling it ends the source's part at once.
        Raises BadRequest, Forbidden, StoreError and what the source does.
        """
        asked = planning.understand(request)
        draft = drafts.Draft(progress)
        try:
            self._allows.may_plan(login, asked.action)
            asked = await self._resolve(login, asked, draft)
        except errors.Forbidden as error:
            refs = request.selection.refs or (request.selection.ref,)
            await self._note_refused(login, request.action, error, refs=refs)
            raise
        if not draft.left_out:
            await self._draft(asked, draft)
        content = await asyncio.to_thread(planning.content, asked, draft)
        return await self._ledger.run(
            lambda c: planning.keep(c, login, self._allows, asked, draft, content, self._now())
        )

    async def get(self, plan_id: str) -> plans.Plan:
        """A plan by its id, with what a second login has said of it.

        Raises PlanNotFound.
        """

        def read(connection: sqlite3.Connection) -> plans.Plan:
            stored = plan_store.load(connection, plan_id)
            return approvals.answered(connection, stored.plan, self._now())

        return await self._ledger.read(read)

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

        return await self._ledger.read(read)

    async def apply(
        self, login: auth.Login, plan_id: str, request: plans.ApplyRequest
    ) -> core.Operation:
        """Start a plan's operation; the same login gets the same operation again.

        The first chunk's intent is on the disk before this returns.
        Whoever asked may have gone meanwhile: what has begun in the ledger is worked on.
        Raises PlanNotFound, PlanTaken, PlanExpired, Forbidden, NotArmed, NeedsApproval, TooMany,
        BadRequest, StoreError.
        """
        task = asyncio.create_task(self._apply(login, plan_id, request), name="apply")
        self._applying.add(task)
        task.add_done_callback(self._applied)
        return await asyncio.shield(task)

    def _applied(self, task: asyncio.Task[core.Operation]) -> None:
        self._applying.discard(task)
        if not task.cancelled():
            task.exception()  # looked at: whoever asked may have gone

    async def _apply(
        self, login: auth.Login, plan_id: str, request: plans.ApplyRequest
    ) -> core.Operation:
        begun = beginning.Begun()

        def begin(connection: sqlite3.Connection) -> None:
            nonlocal begun
            begun = self._beginning.begin(connection, login, plan_id, request)

        try:
            await self._ledger.run(begin)
        except errors.StoreError:
            if begun.refused is None:
                raise
            log.warning("A refusal could not be written: %s", begun.refused)
        if begun.refused is not None:
            self._monitor.poke("core")
            raise begun.refused
        assert begun.operation is not None
        if begun.new is not None:
            self._works.turned(steering.Turned(begun.operation, begun.new))
        return self._works.latest(begun.operation)

    async def reveal(self, login: auth.Login, address: base.Ref) -> wire.Detail:
        """What is hidden otherwise, to a login whose asking is in the audit.

        Raises Forbidden when it has not asked in the last 60 s, and what the source does.
        """
        action, now = revealing.action_of(address), self._now()
        error = await self._ledger.read(lambda c: revealing.refusal(c, login, action, address, now))
        if error is not None:
            await self._note_refused(login, action.id, error, refs=(address,))
            raise error
        source = self._monitor.source(ref.source_of(address))
        return await self._caller.call(lambda: source.reveal(address), REVEAL_S, source.name)

    def acts(self) -> dict[base.ActionId, steering.Steering]:
        """What can be done with operations, as actions of the core."""
        return self._works.acts()

    def operations(self) -> list[core.Operation]:
        """The newest 50 operations and those that have not ended, oldest first."""
        return self._works.operations()

    @property
    def busy(self) -> bool:
        """Whether an operation runs."""
        return self._works.busy

    async def resume(self) -> None:
        """Go on with the operations that the end of the last core interrupted, paused ones apart.

        Raises StoreError when the ledger cannot be read.
        """
        await self._works.resume()

    async def stop(self) -> None:
        """Stop between two chunks; a chunk that takes over 0.3 s stays open and is resumed."""
        await self._works.stop()
        self._caller.close()
        with contextlib.suppress(errors.StoreError):  # an audit that cannot be written says so
            await self._ledger.run(lambda c: self._refusals.settle(c, everything=True))

    async def _resolve(
        self, login: auth.Login, asked: planning.Asked, draft: drafts.Draft
    ) -> planning.Asked:
        """Of an undo what it undoes, which wants the role of that; all else is what it is.

        To resume wants the role of what goes on then.
        """
        if asked.action.id == steering.RESUME:
            refs = asked.request.selection.refs
            for action in await self._ledger.read(lambda c: steering.resumed(c, refs)):
                self._allows.may_plan(login, action)
        if asked.action.id != undoing.ACTION:
            return asked
        found = await self._ledger.read(lambda c: undoing.find(c, asked, self._now()))
        if isinstance(found, plans.LeftOut):
            draft.leave_out(found)
            return asked
        self._allows.may_plan(login, catalogue.ACTIONS[found.does])
        return found

    async def _draft(self, asked: planning.Asked, draft: drafts.Draft) -> None:
        """Let the source say what it would touch."""
        source = self._monitor.source(asked.source)

        async def work() -> None:
            if asked.undoes is None:
                await planning.collect(source, asked, draft)
            else:
                now = self._now()
                await undoing.collect(self._ledger, self._vault, source, asked, draft, now)

        what = f"Planning {asked.action.id}"
        await self._caller.call(work, PLAN_S, what, moves=lambda: draft.moves)

    async def _note_refused(
        self,
        login: auth.Login,
        action: base.ActionId,
        error: errors.DoorError,
        *,
        refs: tuple[base.Ref, ...],
    ) -> None:
        """Write an attempt into the audit; where that fails the refusal is given all the same."""
        try:
            await self._ledger.run(lambda c: self._refusals.write(c, login, action, error, refs))
        except errors.StoreError as failure:
            log.warning("A refusal could not be written: %s", failure)
