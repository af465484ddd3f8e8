"""What an undo would touch: what an operation did, as far as its source can still undo it."""

from __future__ import annotations

import dataclasses
import functools
import sqlite3
from datetime import datetime

from mrcore import catalogue, errors
from mrcore.acting import drafts, planning, vault
from mrcore.model import base, core, plans
from mrcore.sources import base as sources
from mrcore.store import database, mementos, operations
from mrcore.store import plans as plan_store

ACTION = "undo"
PORTION = 500


def find(
    connection: sqlite3.Connection, asked: planning.Asked, now: datetime
) -> planning.Asked | plans.LeftOut:
    """What is asked, of the source that did it; or why nothing of it can be undone.

    What an undo had to skip can be planned again: what was undone has no memento any more.
    Raises BadRequest unless one operation is named.
    """
    refs = asked.request.selection.refs
    if len(refs) != 1:
        raise errors.BadRequest("An undo is of one operation.", fix="Name its ref.")
    operation = operations.at(connection, refs[0])
    if operation is None:
        return plans.LeftOut(why="It is not an operation of this core.", count=1, samples=refs)
    if why := _impossible(connection, operation, now):
        return plans.LeftOut(why=why, count=operation.done or 1, samples=refs)
    stored = plan_store.load(connection, operation.plan_id)
    return dataclasses.replace(
        asked,
        source=stored.source,
        owner=stored.owner,
        does=stored.does,
        undoes=operation.id,
    )


def _impossible(connection: sqlite3.Connection, operation: core.Operation, now: datetime) -> str:
    """Why nothing of an operation can be undone, or an empty string."""
    if operation.finished_at is None:
        return f"It is {operation.state}: stop it, or wait for its end."
    action = catalogue.ACTIONS.get(operation.action)
    if action is None or not action.undoable:
        return "It cannot be undone."
    if mementos.count(connection, operation.id, now):
        return ""
    if operation.undone_by is not None:
        return f"It is undone already, by operation {operation.undone_by}."
    if operation.undo_until is not None and operation.undo_until > now:
        return "Nothing is as it left it any more: what it did is over."
    if operation.undo_until is not None:
        return "It can be undone for 24 h only."
    plan = plan_store.load(connection, operation.plan_id).plan
    if not plan.undoable:
        return f"It cannot be undone: {plan.undo}."
    return "It has kept nothing to undo."


async def collect(
    ledger: database.Database,
    key: vault.Vault,
    source: sources.Source,
    asked: planning.Asked,
    draft: drafts.Draft,
    now: datetime,
) -> None:
    """Ask the source, 500 at a time, what of an operation can still be undone.

    Raises StoreError, SourceLied and what the source does.
    """
    operation = asked.undoes or 0
    total = await ledger.read(lambda connection: mementos.count(connection, operation, now))
    looked, after = 0, -1
    while True:
        read = functools.partial(_read, key=key, operation=operation, after=after, now=now)
        portion = await ledger.read(read)
        if not portion.numbers:
            return
        for item in portion.lost:
            draft.leave_out(item)
        if portion.done:
            planned = source.plan_undo(asked.does, portion.done)
            await draft.take(source.name, planned, of=portion.numbers)
        draft.numbers.update(portion.numbers)
        looked, after = looked + len(portion.numbers), max(portion.numbers.values())
        draft.look(looked, total)


@dataclasses.dataclass
class _Portion:
    """Some of what was done: with mementos that can be read, and without."""

    numbers: dict[base.Ref, int] = dataclasses.field(default_factory=dict)
    done: list[plans.Undoable] = dataclasses.field(default_factory=list)
    lost: list[plans.LeftOut] = dataclasses.field(default_factory=list)


def _read(
    connection: sqlite3.Connection,
    *,
    key: vault.Vault,
    operation: int,
    after: int,
    now: datetime,
) -> _Portion:
    portion = _Portion()
    for kept in mementos.kept(connection, operation, after, PORTION, now):
        portion.numbers[kept.target.ref] = kept.n
        try:
            undoable = plans.Undoable(target=kept.target, memento=key.open(kept.body))
        except vault.Lost as error:
            why = str(error)
            portion.lost.append(plans.LeftOut(why=why, count=1, samples=(kept.target.ref,)))
        else:
            portion.done.append(undoable)
    return portion
