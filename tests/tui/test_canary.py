"""The plan's dialog on any terminal: that it is a canary, what comes first, its own keys."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from mrcore.model import plans
from mrtui import app, plan_lines
from mrtui.cli import show
from mrtui.screens import plan_dialog
from tests import waiting
from tests.tui import facts, shots, simulated
from tests.tui.test_app import failed_jobs, here, says
from tests.tui.test_deeds import dialog

WATCHED = (
    "the first 10 are watched for up to 60 s; the rest follows if at least half end by then and "
    "most of those go well"
)


def canary() -> simulated.Simulated:
    """A core that plans 43 jobs, and leaves many out for many reasons."""
    made = simulated.Simulated()
    left = tuple(plans.LeftOut(why=f"its code has expired {n} min ago", count=1) for n in range(9))
    made.planned_as = {
        "risk": plans.Risk.HIGH,
        "total": 43,
        "left_out": left,
        "causes": (WATCHED,),
        "warnings": ("smtp still answers 535",),
        "samples": tuple(
            plans.Target(ref=f"huey/job/q/{n}", label=f"sendOtp {n}", guard={"attempts": n})
            for n in range(43)
        ),
    }
    return made


async def begun(
    control: app.ControlRoom, pilot: Pilot[int], key: str = "C"
) -> plan_dialog.PlanDialog:
    """The dialog of the plan that a key on the failed jobs asks for."""
    await failed_jobs(control)
    await pilot.press(key)
    return await dialog(control)


@pytest.mark.parametrize("size", [(160, 45), (80, 24), (40, 10)])
async def test_a_canary_says_so_on_every_terminal(size: tuple[int, int]) -> None:
    async with shots.running(size, canary()) as (control, pilot):
        await begun(control, pilot)
        await shots.settled(pilot)
        shown = show.text(control)
        assert "Canary: 10 of 43 first" in shown
        assert "Apply to 10, then 33" in shown
        assert "esc cancel" in shown


async def test_what_all_listed_retries_is_no_canary() -> None:
    core_s = canary()
    async with shots.running((80, 24), core_s) as (control, pilot):
        await begun(control, pilot, "R")
        await shots.settled(pilot)
        assert "Canary" not in show.text(control)
        assert "Apply to 43" in show.text(control)


async def test_on_a_usual_terminal_what_weighs_is_seen_and_the_rest_is_counted() -> None:
    async with shots.running((80, 24), canary()) as (control, pilot):
        shown = await begun(control, pilot)
        await shots.settled(pilot)
        text = show.text(control)
        assert "watched for up to 60 s" in text
        assert "smtp still answers 535" in text
        assert "same attempts" in text
        hidden = shown.hidden_lines
        assert hidden > 0
        assert f"↓{hidden} more" in text
        await pilot.press("down")
        await says(control, f"↓{hidden - 1} more")
        await pilot.press(*["down"] * hidden)

        def ended() -> bool:
            text = show.text(control)
            return "8 min ago" in text and "more" not in text

        await waiting.until(ended, what="the end")


def test_parts_come_in_the_order_of_their_weight() -> None:
    made = plans.Plan(
        plan_id="9f2c",
        action="queue.retry",
        label="Retry",
        created_at=facts.NOW,
        expires_at=facts.NOW,
        login="root",
        total=1,
        samples=(plans.Target(ref="huey/job/q/1", label="1", guard={"state": "failed"}),),
        left_out=(plans.LeftOut(why="expired", count=2),),
        causes=("one e-mail",),
        warnings=("smtp is down",),
        risk=plans.Risk.HIGH,
        undoable=False,
    )
    named = [part.name for part in plan_lines.parts(made, facts.NOW)]
    assert named == ["what", "risk", "undo", "causes", "before", "guards", "left out"]


async def test_letters_go_to_the_reason_wherever_the_focus_is() -> None:
    async with shots.running((80, 24), canary()) as (control, pilot):
        shown = await begun(control, pilot)
        assert getattr(shown.focused, "id", "") == "cancel"
        await pilot.press(*"INC-12")
        assert shown.query_one("#reason", Input).value == "INC-12"


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_who_cancels_is_told_that_nothing_was_done(key: str) -> None:
    core_s = canary()
    async with shots.running((80, 24), core_s) as (control, pilot):
        await begun(control, pilot)
        await pilot.press(key)
        await says(control, "cancelled: nothing was done")
        assert core_s.applied == []
        assert here(control).NAME == "jobs"
