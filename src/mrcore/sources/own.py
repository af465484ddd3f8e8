"""How the core's own actions are done, and undone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol, runtime_checkable

from mrcore.model import base as model
from mrcore.model import plans


class Act(Protocol):
    """How one of the core's own actions is done; both raise BadRequest for wrong arguments."""

    async def plan(self, ref: model.Ref, args: plans.Args) -> plans.Target | plans.LeftOut:
        """What it would touch, with the facts that must still hold, or why it is not possible."""
        ...

    async def apply(
        self, target: plans.Target, args: plans.Args, by: plans.By
    ) -> plans.TargetOutcome:
        """Do it, only if the target's guard still holds."""
        ...


@runtime_checkable
class TellingAct(Act, Protocol):
    """An act whose plan says more than its targets do."""

    async def remarks(
        self, targets: Sequence[plans.Target], args: plans.Args
    ) -> Sequence[plans.Remark]:
        """What doing it to all of these causes, and what to know before."""
        ...


class UndoableAct(Act, Protocol):
    """An act that can be undone; it comes with mementos."""

    async def plan_undo(self, done: plans.Undoable) -> plans.Target | plans.LeftOut:
        """The target with what must still hold to undo it, or why it cannot be."""
        ...

    async def undo(self, done: plans.Undoable, by: plans.By) -> plans.TargetOutcome:
        """Undo it, only if the target's guard still holds."""
        ...


async def planned(
    act: Act, refs: Sequence[model.Ref], args: plans.Args
) -> AsyncIterator[plans.Target | plans.LeftOut | plans.Remark]:
    """What an act says of each of these, then of all that it would touch."""
    targets = []
    for ref in refs:
        item = await act.plan(ref, args)
        if isinstance(item, plans.Target):
            targets.append(item)
        yield item
    if targets and isinstance(act, TellingAct):
        for remark in await act.remarks(targets, args):
            yield remark
