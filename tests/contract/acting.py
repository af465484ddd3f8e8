"""Planning, applying and undoing as the door does it, for the suites of acting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Hashable, Iterable, Sequence

from mrcore import catalogue
from mrcore.model import base, plans
from mrcore.sources import base as source_base
from tests.contract import rig

ASHA = plans.By(login="asha", roles=("admin",), reason="a contract", operation=7)
NEXT = ASHA.model_copy(update={"operation": 8})
AGAIN = ASHA.model_copy(update={"again": True})


def lasts(here: rig.Rig, action: base.ActionId) -> str:
    """Why what was done stays done; empty where it can be undone."""
    known = catalogue.ACTIONS[action]
    return here.lasting.get(action, "") if known.undoable else known.undo


async def targets(
    source: source_base.Source, deed: rig.Deed, *, lasting: Collection[base.ActionId] = ()
) -> list[plans.Target]:
    """The plan's targets, which must be all that was asked for, each with a guard.

    What is `lasting` must be said before, and of nothing else that it cannot be undone.
    """
    selection = plans.Selection(refs=deed.chosen or deed.refs)
    parts = await _all(source.plan(deed.action, selection, deed.args, lambda done, total: None))
    found = [part for part in parts if isinstance(part, plans.Target)]
    assert {target.ref for target in found} == set(deed.refs), parts
    assert all(target.guard and target.label for target in found)
    told = [part for part in parts if isinstance(part, plans.Undo)]
    assert all(how.words for how in told)
    never = any(not how.possible for how in told)
    assert never is (deed.action in lasting), f"{deed.action} {told}: that is not how it is undone"
    return found


async def left_out(
    source: source_base.Source,
    action: base.ActionId,
    refs: tuple[base.Ref, ...],
    args: plans.Args,
) -> int:
    """How many a plan leaves out; there must be no targets."""
    selection = plans.Selection(refs=refs)
    parts = await _all(source.plan(action, selection, args, lambda done, total: None))
    assert not [part for part in parts if isinstance(part, plans.Target)]
    gone = [part for part in parts if isinstance(part, plans.LeftOut)]
    assert all(part.why and part.samples for part in gone)
    return sum(part.count for part in gone)


async def apply(
    source: source_base.Source,
    deed: rig.Deed,
    planned: Sequence[plans.Target],
    by: plans.By = ASHA,
) -> dict[base.Ref, plans.TargetOutcome]:
    """Each target's outcome; what was not done says why."""
    return _told(planned, await source.apply(deed.action, planned, deed.args, by))


async def plan_undo(
    source: source_base.Source,
    action: base.ActionId,
    planned: Sequence[plans.Target],
    outcomes: dict[base.Ref, plans.TargetOutcome],
) -> list[plans.Undoable]:
    """What can be undone of what was done, as the door hands it to `undo`."""
    done = [
        plans.Undoable(target=target, memento=memento)
        for target in planned
        if (memento := outcomes[target.ref].memento) is not None
    ]
    parts = await _all(source.plan_undo(action, done))
    mementos = {undoable.target.ref: undoable.memento for undoable in done}
    found = [part for part in parts if isinstance(part, plans.Target)]
    gone = [part for part in parts if isinstance(part, plans.LeftOut)]
    assert len(found) + sum(part.count for part in gone) == len(done)
    return [plans.Undoable(target=target, memento=mementos[target.ref]) for target in found]


async def undo(
    source: source_base.Source, action: base.ActionId, chunk: Sequence[plans.Undoable]
) -> dict[base.Ref, plans.TargetOutcome]:
    """Each target's outcome."""
    return _told([one.target for one in chunk], await source.undo(action, chunk, ASHA))


async def states(
    here: rig.Rig, action: base.ActionId, refs: Iterable[base.Ref]
) -> dict[base.Ref, Hashable]:
    """The state of each thing."""
    return {one: await here.state(action, one) for one in refs}


def _told(
    planned: Sequence[plans.Target], outcomes: Sequence[plans.TargetOutcome]
) -> dict[base.Ref, plans.TargetOutcome]:
    found = {outcome.ref: outcome for outcome in outcomes}
    assert found.keys() == {target.ref for target in planned}
    assert len(outcomes) == len(planned)
    assert all(o.why for o in outcomes if o.outcome is not plans.Outcome.DONE)
    return found


async def _all(parts: AsyncIterator[source_base.Planned]) -> list[source_base.Planned]:
    return [part async for part in parts]
