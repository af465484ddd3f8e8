"""The form of an action's arguments: what is wrong with one is said where it was typed."""

from __future__ import annotations

from textual.pilot import Pilot
from textual.widgets import Input

from mrcore import errors
from mrcore.model import plans
from mrtui import app
from mrtui.cli import show
from mrtui.screens import arguments
from tests import waiting
from tests.tui import facts, shots, simulated
from tests.tui.test_app import says
from tests.tui.test_deeds import dialog
from tests.tui.test_meanwhile import burst

WRONG = "minutes is '0': it is 1 to 43,200."


async def form(control: app.ControlRoom, before: object = None) -> arguments.ArgumentsDialog:
    """The form that is open, another one than before."""

    def shown() -> arguments.ArgumentsDialog | None:
        found = control.screen
        if found is before or not isinstance(found, arguments.ArgumentsDialog):
            return None
        return found if found.stands else None

    found = await waiting.until(shown, what="the form")
    assert found is not None
    return found


def line(shown: arguments.ArgumentsDialog, name: str) -> Input:
    return shown.query_one(f"#arg-{name}", Input)


async def typed(control: app.ControlRoom, pilot: Pilot[object]) -> arguments.ArgumentsDialog:
    """The form of a silence of no minutes on everything, planned."""
    await pilot.press("6")
    await says(control, "Z silence")
    await pilot.press("Z")
    shown = await form(control)
    await pilot.press("0", "enter", *"all", "enter", "enter")
    return shown


async def test_a_wrong_argument_is_said_in_the_form_and_nothing_typed_is_lost() -> None:
    core_s = simulated.Simulated()
    core_s.risk = plans.Risk.HIGH
    core_s.refuses_plans = [errors.BadRequest(WRONG, fix="It takes minutes (…).")]
    async with shots.running((80, 24), core_s) as (control, pilot):
        core_s.tell(*facts.alerts())
        first = await typed(control, pilot)
        again = await form(control, first)
        await says(control, WRONG)
        assert {name: line(again, name).value for name in ("minutes", "scope", "in_minutes")} == {
            "minutes": "0",
            "scope": "all",
            "in_minutes": "",
        }
        assert again.focused is line(again, "minutes")
        assert control.news.text == ""
        await pilot.press("backspace")
        await waiting.until(lambda: WRONG not in show.text(control), what="no complaint")
        await pilot.press("5", "enter", "enter", "enter")
        await dialog(control)
        assert core_s.wishes[-1][2] == {"minutes": 5, "scope": "all"}


async def test_the_line_that_is_wrong_has_the_focus() -> None:
    core_s = simulated.Simulated()
    core_s.refuses_plans = [errors.BadRequest("in_minutes is 'minutes': it is 0 to 43,200.")]
    async with shots.running((120, 40), core_s) as (control, pilot):
        core_s.tell(*facts.alerts())
        again = await form(control, await typed(control, pilot))
        assert again.focused is line(again, "in_minutes")


async def test_what_is_typed_behind_a_wrong_form_is_not_written_into_it() -> None:
    core_s = simulated.Simulated()
    core_s.refuses_plans = [errors.BadRequest(WRONG)]
    core_s.may_plan.clear()
    async with shots.running((120, 40), core_s) as (control, pilot):
        core_s.tell(*facts.alerts())
        first = await typed(control, pilot)
        await waiting.until(lambda: core_s.wishes, what="the plan is being made")
        burst(control, *"INC")
        await shots.settled(pilot)
        core_s.may_plan.set()
        again = await form(control, first)
        await says(control, WRONG)
        await shots.settled(pilot)
        assert line(again, "minutes").value == "0"


async def test_a_core_that_cannot_be_reached_is_no_fault_of_the_form() -> None:
    core_s = simulated.Simulated()
    core_s.refuses_plans = [errors.CoreUnreachable("The core does not answer.")]
    async with shots.running((120, 40), core_s) as (control, pilot):
        core_s.tell(*facts.alerts())
        await typed(control, pilot)
        await says(control, "✖ The core does not answer.")
        assert not isinstance(control.screen, arguments.ArgumentsDialog)
