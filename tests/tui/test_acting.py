"""What a person at the keys met on the real stack: jobs in quarantine, news, refusals, bursts."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Button

from mrcore.model import base, core, plans, queue, wire
from mrtui import answers, columns, plan_lines, world
from mrtui.cli import show
from mrtui.columns import operation, table
from mrtui.screens import jobs
from tests import waiting
from tests.tui import facts, shots, simulated
from tests.tui.test_app import here, says
from tests.tui.test_deeds import coloured, dialog, protected

MAIL = "huey/queue/emailQueue"


def watched(core_s: simulated.Simulated, found: base.Entity) -> None:
    """The queues' source reports one."""
    core_s.events.put_nowait(wire.Changed(source="huey", at=facts.NOW, upserts=(found,)))


@pytest.mark.parametrize("state", queue.JobState)
def test_a_job_in_every_state_can_be_shown(state: queue.JobState) -> None:
    job = next(row for row in simulated.Simulated()._rows("jobs") if isinstance(row, queue.Job))
    view = table.View(world.World(), facts.NOW)
    assert columns.of("job").cells(job.model_copy(update={"state": state}), view)


async def test_the_tab_of_the_quarantined_is_there_while_there_are_any() -> None:
    core_s = simulated.Simulated()
    async with shots.running((120, 24), core_s) as (control, pilot):
        await control.enter(MAIL)
        await says(control, "[groups")
        assert "quarantined" not in show.text(control)
        await pilot.press("shift+tab")
        await says(control, "[completed 1,204]")
        found = control.world.get(MAIL)
        assert isinstance(found, queue.Queue)
        counts = found.counts.model_copy(update={"quarantined": 1})
        held = found.model_copy(update={"counts": counts})
        watched(core_s, held)
        await says(control, "quarantined 1")
        await pilot.press("tab")
        await says(control, "[quarantined 1]")
        shown = here(control)
        assert isinstance(shown, jobs.Jobs)
        assert shown.wanted().state == "quarantined"
        watched(core_s, found)
        await says(control, "[quarantined 0]")  # nobody is moved away from what they look at
        await pilot.press("tab")
        await says(control, "[groups")
        assert "quarantined" not in show.text(control)


async def test_how_far_an_operation_is_takes_the_place_of_no_other_news() -> None:
    core_s = simulated.Simulated()
    async with shots.running((120, 24), core_s) as (control, pilot):
        control.acting._open["core/operation/50"] = frozenset()
        core_s.tell(facts.under_way(50, done=100, skipped=0))
        await says(control, "◌ 100 of 10,000 done · operation 50")
        core_s.tell(facts.under_way(50, done=200, skipped=0))
        await says(control, "◌ 200 of 10,000 done · operation 50")
        control.say("✖ the core has refused it", "bad")
        core_s.tell(facts.under_way(50, done=300, skipped=0))
        await waiting.until(lambda: _done(control.world, 50) == 300, what="how far it is")
        await shots.settled(pilot)
        assert "✖ the core has refused it" in show.text(control)
        await pilot.press("2")
        core_s.tell(facts.under_way(50, done=400, skipped=0, state="paused"))
        await says(control, "‖ 400 of 10,000 done, paused · operation 50")
        control.say("◌ plan 9f2c waits for a second login (:plans)", "accent")
        core_s.tell(facts.under_way(50, done=10_000, skipped=0, state="done"))
        await says(control, "● 10,000 of 10,000 done · operation 50: Retry failed job")


def _done(known: world.World, number: int) -> int:
    found = known.get(f"core/operation/{number}")
    return found.done if isinstance(found, core.Operation) else 0


async def test_of_a_plan_that_was_refused_only_the_glass_is_left_and_only_to_an_admin() -> None:
    core_s = simulated.Simulated()
    core_s.planned_as = {"refused_by": "anna", "answer": "not now", "confirm": "green"}
    async with shots.running((120, 40), core_s) as (control, pilot):
        await coloured(control, core_s)
        await pilot.press("S")
        shown = await dialog(control)
        assert "by anna: not now" in show.text(control)
        assert [button.id for button in shown.query(Button)] == ["cancel", "break", "again"]
        assert answers.own(shown.plan, breaks=False) == []


async def test_what_is_typed_right_after_a_complaint_is_all_there_and_enter_presses() -> None:
    core_s = simulated.Simulated()
    core_s.planned_as = {"risk": plans.Risk.CRITICAL, "confirm": "green"}
    async with shots.running((120, 40), core_s) as (control, pilot):
        await coloured(control, core_s)
        await pilot.press("S")
        shown = await dialog(control)
        shown.query_one("#apply", Button).press()
        await waiting.until(lambda: getattr(shown.focused, "id", "") == "confirm", what="focus")
        for key in (*"green", "enter", "right", "enter"):
            control.post_message(events.Key(key, key if len(key) == 1 else None))
        await waiting.until(lambda: core_s.answers, what="apply")
        assert core_s.answers[0]["confirm"] == "green"


async def test_enter_says_what_is_wrong_with_a_line_and_typing_takes_it_back() -> None:
    core_s = simulated.Simulated()
    core_s.planned_as = {"risk": plans.Risk.CRITICAL, "confirm": "green", "needs_reason": True}
    async with shots.running((120, 40), core_s) as (control, pilot):
        await coloured(control, core_s)
        await pilot.press("S")
        shown = await dialog(control)
        shown.query_one("#reason").focus()
        await pilot.press("enter")
        await says(control, "It needs a reason.")
        await pilot.press(*"INC")
        await waiting.until(lambda: "It needs" not in show.text(control), what="it taken back")
        await pilot.press("enter", *"GREEN", "enter")
        await says(control, "That is not green.")
        assert getattr(shown.focused, "id", "") == "confirm"
        await pilot.press(*["backspace"] * 5, *"green")
        await waiting.until(lambda: "That is" not in show.text(control), what="it taken back")
        await pilot.press("enter")
        await waiting.until(lambda: getattr(shown.focused, "id", "") == "cancel", what="next")
        assert core_s.applied == []


async def test_a_complaint_stays_when_what_was_typed_before_it_is_told_late() -> None:
    core_s = protected()
    async with shots.running((120, 40), core_s) as (control, pilot):
        await pilot.press("A")
        await says(control, "Cancel")
        control.post_message(events.Key("space", " "))
        control.post_message(events.Key("enter", None))
        await says(control, "Arming needs a reason.")
        await shots.settled(pilot)
        assert "Arming needs a reason." in show.text(control)
        await pilot.press("x")
        await waiting.until(lambda: "Arming needs" not in show.text(control), what="taken back")


def test_an_operation_that_was_stopped_is_called_so() -> None:
    state = core.OperationState.STOPPED
    found = facts.under_way(7, total=9, done=4, skipped=0, state=state)
    assert operation.sentence(found)[0].startswith("▲ stopped, 4 of 9 done · operation ")
    ended = found.model_copy(update={"state": core.OperationState.DONE})
    assert "stopped" not in operation.sentence(ended)[0]
    error = "10 of 10 failed the same way (550): stopped; 45 not touched."
    canary = found.model_copy(update={"error": error})
    assert operation.sentence(canary)[0].count("stopped") == 1


def test_what_is_undone_is_counted_by_what_it_has_touched() -> None:
    def plan(*refs: str) -> plans.Plan:
        samples = tuple(plans.Target(ref=ref, label=ref) for ref in refs)
        return plans.Plan(
            plan_id="1",
            action="undo",
            label="Undo",
            total=33_698,
            risk=plans.Risk.HIGH,
            samples=samples,
            undoable=False,
            created_at=facts.NOW,
            expires_at=facts.NOW,
            login="root",
        )

    assert plan_lines.what(plan("redis/key/a", "redis/key/b"), facts.NOW) == "33,698 keys"
    mixed = plan("redis/key/a", "huey/job/q/1")
    assert plan_lines.what(mixed, facts.NOW) == "33,698 targets"


async def test_on_few_lines_arming_shows_its_buttons_and_what_is_missing() -> None:
    core_s = protected()
    async with shots.running((40, 10), core_s) as (control, pilot):
        await pilot.press("A")
        await says(control, "Cancel")
        assert "Arm " in show.text(control)
        await pilot.press("enter")
        await says(control, "Arming needs a reason.")
        assert "Cancel" in show.text(control)
