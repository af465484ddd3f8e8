"""What every action of every source keeps, on the real thing: guards, once, undo."""

from __future__ import annotations

import pytest

from mrcore.model import base, plans
from tests.contract import acting, factories, rig, warm


def test_every_action_of_the_catalogue_is_tried() -> None:
    assert factories.DRIVEN == factories.WANTED, (
        "a rig lacks it in `acts`, or the catalogue does not have it"
    )


@factories.each_deed
async def test_a_target_that_moved_on_is_skipped(here: rig.Rig, action: base.ActionId) -> None:
    async with warm.opened(here) as source:
        deed = await here.deed(action)
        planned = await acting.targets(source, deed, lasting=here.lasting)
        await here.move_on(deed)
        before = await here.state(action, deed.moved_on)
        outcomes = await acting.apply(source, deed, planned)
        assert outcomes[deed.moved_on].outcome is plans.Outcome.SKIPPED
        assert await here.state(action, deed.moved_on) == before
        others = {r: o for r, o in outcomes.items() if r != deed.moved_on}
        assert {o.outcome for o in others.values()} <= {plans.Outcome.DONE}, others


@factories.each_deed
async def test_the_same_targets_again_are_let_be(here: rig.Rig, action: base.ActionId) -> None:
    async with warm.opened(here) as source:
        deed = await here.deed(action)
        planned = await acting.targets(source, deed, lasting=here.lasting)
        before = await acting.states(here, action, deed.refs)
        outcomes = await acting.apply(source, deed, planned)
        assert {o.outcome for o in outcomes.values()} == {plans.Outcome.DONE}, outcomes
        after = await acting.states(here, action, deed.refs)
        assert all(after[one] != before[one] for one in deed.refs)
        other = acting.ASHA if acting.lasts(here, action) else acting.NEXT
        again = await acting.apply(source, deed, planned, other)
        assert {o.outcome for o in again.values()} == {plans.Outcome.SKIPPED}, again
        assert await acting.states(here, action, deed.refs) == after


@factories.each_deed
async def test_applied_again_by_the_same_operation(here: rig.Rig, action: base.ActionId) -> None:
    if why := acting.lasts(here, action):
        pytest.skip(f"{action}: {why}")
    async with warm.opened(here) as source:
        deed = await here.deed(action)
        planned = await acting.targets(source, deed, lasting=here.lasting)
        before = await acting.states(here, action, deed.refs)
        first = await acting.apply(source, deed, planned)
        after = await acting.states(here, action, deed.refs)
    async with warm.opened(here) as source:  # the core has ended before it wrote that down
        again = await acting.apply(source, deed, planned, acting.AGAIN)
        assert {o.outcome for o in again.values()} == {plans.Outcome.DONE}, again
        assert [o.memento for o in again.values()] == [first[one].memento for one in again]
        assert await acting.states(here, action, deed.refs) == after
        chunk = await acting.plan_undo(source, action, planned, again)
        undone = await acting.undo(source, action, chunk)
        assert {o.outcome for o in undone.values()} == {plans.Outcome.DONE}, undone
        assert await acting.states(here, action, deed.refs) == before


@factories.each_deed
async def test_undo_restores_what_was(here: rig.Rig, action: base.ActionId) -> None:
    if why := acting.lasts(here, action):
        pytest.skip(f"{action}: {why}")
    async with warm.opened(here) as source:
        deed = await here.deed(action)
        planned = await acting.targets(source, deed, lasting=here.lasting)
        before = await acting.states(here, action, deed.refs)
        outcomes = await acting.apply(source, deed, planned)
        chunk = await acting.plan_undo(source, action, planned, outcomes)
        assert {one.target.ref for one in chunk} == set(deed.refs)
        undone = await acting.undo(source, action, chunk)
        assert {o.outcome for o in undone.values()} == {plans.Outcome.DONE}, undone
        assert await acting.states(here, action, deed.refs) == before
        again = await acting.undo(source, action, chunk)
        assert {o.outcome for o in again.values()} == {plans.Outcome.SKIPPED}, again
        assert await acting.states(here, action, deed.refs) == before


@factories.each_deed
async def test_refs_that_lead_nowhere_are_left_out(here: rig.Rig, action: base.ActionId) -> None:
    async with warm.opened(here) as source:
        unknown, args = here.unknown(), here.args(action)
        assert await acting.left_out(source, action, unknown, args) == len(unknown)
