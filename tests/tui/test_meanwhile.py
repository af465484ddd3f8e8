"""What is typed before a dialog is open is the dialog's, and never the screen's behind it."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from mrcore import errors
from mrcore.model import plans, wire
from mrtui import app, meanwhile
from mrtui.cli import show
from mrtui.screens import arguments, dialogs, planning
from tests import waiting
from tests.tui import facts, facts_runs, shots, simulated
from tests.tui.test_app import failed_jobs, here, rows, says
from tests.tui.test_deeds import dialog

REASON = "no longer 2 be q2w"
"""Letters and digits that are keys of every room."""


def burst(control: app.ControlRoom, *keys: str) -> None:
    """Keys that come from the terminal in one go, before any of them is done."""
    for key in keys:
        written = {"space": " "}.get(key, key if len(key) == 1 else None)
        control.post_message(events.Key(key, written))


def typed(words: str) -> list[str]:
    """The keys of a text."""
    return ["space" if letter == " " else letter for letter in words]


def line(shown: dialogs.Dialog[object], name: str) -> str:
    """What a line of a dialog says."""
    return shown.query_one(f"#{name}", Input).value


async def test_what_is_typed_with_the_key_of_a_form_is_written_into_the_form() -> None:
    core_s = simulated.Simulated()
    async with shots.running((120, 40), core_s) as (control, pilot):
        found = facts.alerts()[0].model_copy(update={"actions": ("alert.silence",)})
        core_s.tell(found)
        await pilot.press("6")
        await waiting.until(lambda: "Z" in show.text(control), what="the key")
        room = control.screen
        burst(control, "Z", "2", "4", "0", "backspace", "1", "enter", "3")
        shown = await waiting.until(lambda: form(control), what="the form")
        first = shown.query(Input).first()
        was = shown._given.get(str(first.id).removeprefix("arg-"), "")
        await waiting.until(lambda: first.value == f"{was}241", what="what was typed")
        await shots.settled(pilot)
        assert first.value == f"{was}241", "nothing behind an Enter that nobody aimed"
        assert control.screen is shown
        assert control.screen_stack[-2] is room
        assert core_s.wishes == []


def form(control: app.ControlRoom) -> arguments.ArgumentsDialog | None:
    """The form that is open."""
    found = control.screen
    return found if isinstance(found, arguments.ArgumentsDialog) and found.stands else None


@pytest.mark.parametrize("panel_s", [0.0, 60.0])
async def test_a_reason_typed_while_the_plan_is_made_is_the_plans(
    monkeypatch: pytest.MonkeyPatch, panel_s: float
) -> None:
    monkeypatch.setattr(planning, "AFTER_S", panel_s)
    core_s = simulated.Simulated()
    core_s.risk = plans.Risk.HIGH
    core_s.may_plan.clear()
    async with shots.running((120, 40), core_s) as (control, pilot):
        await failed_jobs(control)
        room = control.screen
        burst(control, "r", *typed(REASON[:6]))
        await waiting.until(lambda: core_s.wishes, what="the plan is being made")
        await shots.settled(pilot)
        burst(control, *typed(REASON[6:]))
        await shots.settled(pilot)
        core_s.may_plan.set()
        shown = await dialog(control)
        await waiting.until(lambda: line(shown, "reason") == REASON, what="the reason")
        assert control.screen_stack[-2] is room
        assert (core_s.applied, len(core_s.wishes)) == ([], 1)


@pytest.mark.parametrize("press", [["enter"], ["ctrl+y"], ["tab", "enter"], ["right", "space"]])
async def test_nothing_is_applied_by_a_key_that_was_typed_before_its_plan_was_seen(
    press: list[str],
) -> None:
    core_s = simulated.Simulated()
    core_s.risk = plans.Risk.HIGH
    core_s.may_plan.clear()
    async with shots.running((120, 40), core_s) as (control, pilot):
        await failed_jobs(control)
        burst(control, "r", "x", *press, *press)
        await waiting.until(lambda: core_s.wishes, what="the plan is being made")
        core_s.may_plan.set()
        shown = await dialog(control)
        await waiting.until(lambda: line(shown, "reason"), what="the reason")
        await shots.settled(pilot)
        assert control.screen is shown
        assert core_s.applied == []


async def test_keys_behind_a_plan_that_asks_nothing_are_the_rooms_in_their_order() -> None:
    core_s = simulated.Simulated()
    core_s.may_plan.clear()
    async with shots.running((120, 40), core_s) as (control, _):
        await failed_jobs(control)
        grid = here(control).grid
        assert grid is not None
        listed = rows(control)
        assert grid.cursor_ref == listed[0]
        burst(control, "r", "down", "r", "down")
        await waiting.until(lambda: core_s.wishes, what="the first plan")
        assert grid.cursor_ref == listed[0], "nothing is done while it may ask"
        core_s.may_plan.set()
        await waiting.until(lambda: len(core_s.applied) == 2, what="both")
        asked = [wish[1].refs for wish in core_s.wishes]
        assert asked == [(listed[0],), (listed[1],)]
        await waiting.until(lambda: grid.cursor_ref == listed[2], what="the last key")


@pytest.mark.parametrize("fails", [True, False])
async def test_where_no_dialog_comes_what_was_typed_for_it_does_nothing(fails: bool) -> None:
    core_s = simulated.Simulated()
    core_s.risk = plans.Risk.HIGH
    core_s.may_plan.clear()
    if fails:
        core_s.planned_as = {"total": 0}
    async with shots.running((120, 40), core_s) as (control, pilot):
        await failed_jobs(control)
        room = control.screen
        burst(control, "r", "2", "q", *([] if fails else ["escape"]))
        if fails:
            await waiting.until(lambda: core_s.wishes, what="the plan is being made")
        core_s.may_plan.set()
        await says(control, "there is nothing to do" if fails else "planning was stopped")
        await shots.settled(pilot)
        assert control.screen is room
        assert control.is_running
        assert control.acting.pending == frozenset(), "also of what was dropped before it began"
        await pilot.press("2")
        await waiting.until(lambda: here(control).NAME == "queues", what="the next key works")


async def test_a_core_that_does_not_answer_holds_keys_no_longer_than_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planning, "AFTER_S", 60.0)
    core_s, clock = simulated.Simulated(), simulated.Clock()
    core_s.may_plan.clear()
    async with shots.running((120, 40), core_s, clock) as (control, pilot):
        await failed_jobs(control)
        room = control.screen
        await pilot.press("r", "3")
        assert control.screen is room
        clock.forward(meanwhile.KEPT_S)
        await pilot.press("2")
        await waiting.until(lambda: here(control).NAME == "queues", what="the room has it")
        assert not control.meanwhile.waits


async def test_ctrl_c_leaves_and_a_letter_that_leaves_is_one_of_the_reason() -> None:
    core_s = simulated.Simulated()
    core_s.may_plan.clear()
    async with shots.running((120, 40), core_s) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("r", "q")
        assert not control._exit, "q is a letter of a reason"
        burst(control, "ctrl+c")
        await waiting.until(lambda: control._exit, what="the end")


async def test_what_is_typed_after_n_is_the_reason_of_the_fix() -> None:
    core_s = simulated.Simulated()
    found = facts_runs.ready(facts.alerts()[0])
    fix = await core_s.plan("queue.retry", plans.Selection(refs=("huey/job/emailQueue/8123",)))
    planned = found.steps[0].model_copy(update={"plan": fix.plan_id})
    entity = found.model_copy(update={"steps": (planned,)})
    core_s.details[found.ref] = wire.Detail(at=facts.NOW, entity=entity)
    async with shots.running((120, 40), core_s) as (control, pilot):
        core_s.tell(*facts.alerts(), found)
        await waiting.until(lambda: control.world.get(found.ref), what="the run")
        await control.enter(found.ref)
        await says(control, "▶ n plans")
        burst(control, "n", *typed(REASON))
        await waiting.until(lambda: len(core_s.applied) == 1, what="the plan's plan")
        await shots.settled(pilot)
        core_s.tell(core_s.operation(core_s.applied[0][0], action="run.next", state="done", done=1))
        shown = await dialog(control)
        await waiting.until(lambda: line(shown, "reason") == REASON, what="the reason")
        assert len(core_s.applied) == 1


async def test_a_plan_that_cannot_be_made_swallows_what_was_typed_for_it() -> None:
    core_s = simulated.Simulated()

    async def refused(*_: object, **__: object) -> plans.Plan:
        await core_s.may_plan.wait()
        raise errors.Unsupported("no such plan")

    core_s.plan = refused  # type: ignore[method-assign, assignment]
    core_s.may_plan.clear()
    async with shots.running((120, 40), core_s) as (control, pilot):
        await failed_jobs(control)
        room = control.screen
        burst(control, "r", *typed("2 see"))
        await waiting.until(lambda: control.meanwhile.waits, what="keys")
        core_s.may_plan.set()
        await says(control, "no such plan")
        await shots.settled(pilot)
        assert control.screen is room
        await pilot.press("2")
        await waiting.until(lambda: here(control).NAME == "queues", what="the next key works")
