"""Pausing, resuming and stopping an operation: actions of the core, done as all others are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mrcore import catalogue
from mrcore.acting import steps
from mrcore.model import base, core, plans
from mrcore.sources import base as sources
from mrcore.store import chunks, database, operations
from mrcore.store import plans as plan_store

PAUSE, RESUME, STOP = "operation.pause", "operation.resume", "operation.stop"

_WANTED = {
    PAUSE: core.OperationState.PAUSED,
    RESUME: core.OperationState.RUNNING,
    STOP: core.OperationState.STOPPED,
}


@dataclass(frozen=True)
class Turned:
    """An operation that is other now; what to start where it runs again, and its open chunk."""

    operation: core.Operation
    start: plan_store.Stored | None = None
    resumed: bool = False


@dataclass(frozen=True)
class Steering:
    """One of the three actions; `turned` is told of every operation that is other now."""

    action: base.ActionId
    ledger: database.Database
    now: sources.Now
    turned: Callable[[Turned], None]

    async def plan(self, ref: base.Ref, args: plans.Args) -> plans.Target | plans.LeftOut:
        """The operation, if that can be done with it now."""
        found = await self.ledger.read(lambda connection: operations.at(connection, ref))
        if found is None:
            return plans.LeftOut(
                why="It is not an operation of this core.", count=1, samples=(ref,)
            )
        if self.action not in found.actions:
            return plans.LeftOut(why=self._why_not(found), count=1, samples=(ref,))
        return plans.Target(
            ref=ref,
            label=found.label,
            guard={"state": found.state.value},
            note=_progress(found),
            at=found.started_at,
        )

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """Turn the operation, if it is still as it was planned.

        A running one heeds it after its open chunk.
        """
        turned = await self.ledger.run(lambda connection: self._turn(connection, target, by))
        if isinstance(turned, plans.TargetOutcome):
            return turned
        self.turned(turned)
        why = _progress(turned.operation)
        return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE, why=why)

    def _turn(
        self, connection: sqlite3.Connection, target: plans.Target, by: plans.By
    ) -> Turned | plans.TargetOutcome:
        found = operations.at(connection, target.ref)
        before, state = target.guard["state"], found.state if found else "gone"
        if found is None or state != before:
            why = f"{before} → {state}"
            return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why=why)
        if self.action not in found.actions:
            why = self._why_not(found)
            return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why=why)
        wanted = _WANTED[self.action]
        if found.state is core.OperationState.RUNNING:
            operations.want(connection, found.id, wanted)
            return Turned(operations.get(connection, found.id))
        if wanted is core.OperationState.STOPPED:
            operations.turn(connection, found.id, wanted)
            return Turned(steps.end_stopped(connection, found.id, self.now()))
        operations.resume(connection, found.id, by.login, by.roles)
        left = chunks.left_open(connection, found.id) is not None
        stored = plan_store.load(connection, found.plan_id)
        return Turned(operations.get(connection, found.id), stored, resumed=left)

    def _why_not(self, found: core.Operation) -> str:
        """Why this cannot be done with an operation as it is: what somebody wished before."""
        if found.state is not core.OperationState.RUNNING or self.action == RESUME:
            return f"It is {found.state}."
        return "It is being paused." if STOP in found.actions else "It is being stopped."


def acts(
    ledger: database.Database, now: sources.Now, turned: Callable[[Turned], None]
) -> dict[base.ActionId, Steering]:
    """The three actions by their ids."""
    return {action: Steering(action, ledger, now, turned) for action in _WANTED}


def resumed(connection: sqlite3.Connection, refs: Iterable[base.Ref]) -> list[catalogue.Action]:
    """What would go on if these operations were resumed: whoever does that needs its role."""
    found = [operations.at(connection, ref) for ref in refs]
    plans_of = [plan_store.load(connection, o.plan_id) for o in found if o is not None]
    return [catalogue.ACTIONS[stored.does] for stored in plans_of]


def _progress(operation: core.Operation) -> str:
    return f"{operation.done:,} of {operation.total:,} done"
