"""The steps of an operation, each part of a transaction of the ledger: take, close, stop."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mrcore import catalogue
from mrcore.acting import canary, trail, vault
from mrcore.model import base, core, plans
from mrcore.rights import authority
from mrcore.sources import base as sources
from mrcore.store import chunks, mementos, operations
from mrcore.store import plans as plan_store
from mrcore.trust import auth

UNDO_FOR = timedelta(hours=24)
OVERTAKES = {"job.release": "job.quarantine"}
"""What an action ends, so that nothing of it is left to undo."""


@dataclass(frozen=True)
class Closing:
    """A chunk that was applied: what became of each target, and how long the source took."""

    operation: core.Operation
    stored: plan_store.Stored
    chunk: chunks.Chunk
    outcomes: Sequence[plans.TargetOutcome]
    took_s: float


def take(
    connection: sqlite3.Connection,
    allows: authority.Authority,
    stored: plan_store.Stored,
    number: int,
    size: int,
    now: sources.Now,
    *,
    resumed: bool = False,
    watched: bool = False,
) -> chunks.Step:
    """An operation's next step: a chunk with its intent in the audit, or its end.

    A chunk that was open already has its intent; one that is `resumed` says so in another.
    It is paused where the right that it runs under has ended. A canary is not gone beyond before
    it was `watched`.
    """
    first = first_ones(stored)
    left = None if first is None or watched else chunks.first_left(connection, number, first.count)
    size = size if left is None else min(size, left)
    right = operations.right(connection, number)
    held = allows.may_go_on(connection, auth.Login(right.name, right.roles, right.via), stored)
    step = chunks.step(connection, number, size, lost=resumed, held=held)
    if step.held:
        trail.held(connection, step.operation, right, now(), held)
    if step.operation.state is core.OperationState.STOPPED:
        return chunks.Step(end_stopped(connection, number, now()))
    if step.chunk is not None and (step.new or resumed):
        trail.intent(connection, step.operation, step.chunk, now(), resumed=not step.new)
    return step


def first_ones(stored: plan_store.Stored) -> canary.Canary | None:
    """The canary of a plan, None for one that has none."""
    if stored.undoes is not None:
        return None
    return canary.of(catalogue.ACTIONS[stored.does], stored.plan.args)


def end_canary(
    connection: sqlite3.Connection, number: int, now: datetime, why: str
) -> core.Operation:
    """Stop an operation whose canary says that the rest should not follow."""
    operations.turn(connection, number, core.OperationState.STOPPED)
    trail.stopped(connection, operations.get(connection, number), now, why)
    return operations.finish(connection, number, now, why)


def close(
    connection: sqlite3.Connection,
    key: vault.Vault,
    closing: Closing,
    now: datetime,
    worked_s: float,
) -> list[core.Operation]:
    """Write what became of a chunk: the operations that are other now, its own the last.

    What undoing needs is kept; what was undone needs it no more.
    Raises StoreError when it cannot be encrypted.
    """
    operation, outcomes = closing.operation, closing.outcomes
    chunks.close(connection, operation.id, closing.chunk, outcomes, now=now, worked_s=worked_s)
    trail.outcomes(connection, operation, outcomes, now, closing.took_s * 1000)
    done = [
        n
        for n, outcome in enumerate(outcomes, closing.chunk.first)
        if outcome.outcome is plans.Outcome.DONE
    ]
    changed: list[core.Operation] = []
    undoes = closing.stored.undoes
    if undoes is not None and done:
        mementos.use_up(connection, operation.plan_id, undoes, done)
        changed.append(operations.undone(connection, undoes, operation.id))
    if (over := OVERTAKES.get(operation.action)) is not None and done:
        refs = [outcomes[n - closing.chunk.first].ref for n in done]
        for number in mementos.overtaken(connection, over, refs):
            changed.append(operations.get(connection, number))
    if undoes is None and catalogue.ACTIONS[operation.action].undoable:
        undoable = {
            n: outcome.memento
            for n, outcome in enumerate(outcomes, closing.chunk.first)
            if outcome.memento is not None
        }
        idle = (n for n, _ in enumerate(outcomes, closing.chunk.first) if n not in undoable)
        mementos.drop(connection, operation.id, idle)
        sealed = [(n, key.seal(memento)) for n, memento in undoable.items()]
        if sealed:
            mementos.save(connection, operation.id, sealed, now + UNDO_FOR)
    return [*changed, operations.get(connection, operation.id)]


def prepare(
    connection: sqlite3.Connection,
    key: vault.Vault,
    operation: int,
    chunk: chunks.Chunk,
    prepared: Mapping[base.Ref, plans.Args],
    now: datetime,
) -> None:
    """Keep what undoing a chunk will need, before it is applied."""
    numbers = {target.ref: n for n, target in enumerate(chunk.targets, chunk.first)}
    sealed = [(numbers[of], key.seal(memento)) for of, memento in prepared.items()]
    if sealed:
        mementos.save(connection, operation, sealed, now + UNDO_FOR)


def prepared(
    connection: sqlite3.Connection, key: vault.Vault, operation: int, chunk: chunks.Chunk
) -> dict[base.Ref, plans.Args]:
    """What a core that ended kept of a chunk before it applied it, as far as it can be read."""
    bodies = mementos.of(connection, operation, chunk.first, len(chunk.targets))
    found: dict[base.Ref, plans.Args] = {}
    for n, target in enumerate(chunk.targets, chunk.first):
        if n in bodies:
            with contextlib.suppress(vault.Lost):
                found[target.ref] = key.open(bodies[n])
    return found


def undoables(
    connection: sqlite3.Connection,
    key: vault.Vault,
    plan_id: str,
    undoes: int,
    chunk: chunks.Chunk,
) -> tuple[list[plans.Undoable], list[plans.TargetOutcome]]:
    """A chunk of an undo with its mementos, and what has none that can be read any more."""
    bodies = mementos.of_chunk(connection, plan_id, undoes, chunk.first, len(chunk.targets))
    found: list[plans.Undoable] = []
    lost: list[plans.TargetOutcome] = []
    for n, target in enumerate(chunk.targets, chunk.first):
        if n not in bodies:
            lost.append(failed(target.ref, "What undoing it needs is not kept any more."))
            continue
        try:
            found.append(plans.Undoable(target=target, memento=key.open(bodies[n])))
        except vault.Lost as error:
            lost.append(failed(target.ref, str(error)))
    return found, lost


def end_stopped(connection: sqlite3.Connection, number: int, now: datetime) -> core.Operation:
    """End an operation that is stopped; of a chunk that a dead core left open nothing is known."""
    _doubt(connection, number, now, chunks.IN_DOUBT)
    return operations.finish(connection, number, now)


def end(connection: sqlite3.Connection, number: int, now: datetime, error: str) -> core.Operation:
    """End an operation, FAILED with an error; of a chunk that is open nothing is known."""
    _doubt(connection, number, now, f"It may have been done. {error}")
    return operations.finish(connection, number, now, error)


def _doubt(connection: sqlite3.Connection, number: int, now: datetime, why: str) -> None:
    """Close a chunk of which nobody knows what became."""
    chunk = chunks.left_open(connection, number)
    if chunk is None:
        return
    doubt = all_failed(chunk, why)
    chunks.close(connection, number, chunk, doubt, now=now)
    trail.outcomes(connection, operations.get(connection, number), doubt, now)


def failed(ref: base.Ref, why: str) -> plans.TargetOutcome:
    """That a target failed."""
    return plans.TargetOutcome(ref=ref, outcome=plans.Outcome.FAILED, why=why)


def all_failed(chunk: chunks.Chunk, why: str) -> list[plans.TargetOutcome]:
    """That every target of a chunk failed, and may have been done."""
    return [
        failed(target.ref, why).model_copy(update={"doubtful": True}) for target in chunk.targets
    ]
