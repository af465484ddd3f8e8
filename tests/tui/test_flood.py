"""Keys faster than screens: every key of the table in random order, on a real app."""

from __future__ import annotations

import asyncio
import random

import pytest
from textual import events

from mrtui import app, bindings, keys
from mrtui.cli import show
from mrtui.screens import detail, home, postgres, room, schedules
from tests import thinned, waiting
from tests.tui import shots, simulated

ROUND = 20
"""How many keys come before the app is let to catch up."""

STAYING = bindings.Keymap([entry for entry in keys.TABLE if entry.id != "app.quit"])
"""The table without leaving, which would end the test."""

MOVES = ("up", "down", "pageup", "pagedown", "home", "end", "j", "k", "left", "right", "x")
WORDS = ("a", "1", "backspace", "enter", "escape")


def every_key() -> list[str]:
    """All keys of the table, and those of the widgets."""
    table = [key for entry in STAYING.table for key in entry.keys]
    return sorted({*table, *MOVES, *WORDS})


def typed(control: app.ControlRoom, key: str) -> None:
    """A key as the driver sends it: nothing waits for what it does."""
    known = {"slash": "/", "colon": ":", "question_mark": "?", "minus": "-", "space": " "}
    character = known.get(key) or (key if len(key) == 1 else None)
    control.post_message(events.Key(key, character))


@pytest.mark.parametrize(
    "presses", [300, pytest.param(2_000, marks=(pytest.mark.proof, pytest.mark.timeout(600)))]
)
async def test_no_flood_of_keys_crashes_it(presses: int) -> None:
    core, dice, sent = simulated.Simulated(), random.Random(7), every_key()
    async with shots.running((80, 24), core, keymap=STAYING) as (control, pilot):
        for _ in range(presses // ROUND):
            for key in dice.choices(sent, k=ROUND):
                typed(control, key)
            await pilot.pause()
            assert control._exception is None
        await pilot.press("escape", "escape", "escape")
        await waiting.until(lambda: control.screen.is_current, what="a screen")
        assert control.is_running


async def test_screens_one_after_the_other_without_waiting() -> None:
    async with shots.running() as (control, pilot):
        for key in "23451234543213" * 3:
            typed(control, key)
        await waiting.until(lambda: isinstance(control.screen, postgres.Postgres), what="postgres")
        await shots.settled(pilot)
        assert isinstance(control.screen, postgres.Postgres)
        assert len(control.screen_stack) == 3  # splash, home, postgres


async def test_a_command_typed_at_once_with_what_follows_it_acts_on_nothing_else() -> None:
    core = simulated.Simulated()
    async with shots.running(core=core) as (control, _):
        await control.enter("huey/queue/emailQueue")
        await waiting.until(lambda: "ECONNRESET" in show.text(control), what="jobs")
        for key in ("colon", *"redis", "enter", "colon", *"sched", "enter", "s"):
            typed(control, key)
        await waiting.until(lambda: isinstance(control.screen, schedules.Schedules), what="it")
        await waiting.until(lambda: "sorted by next" in show.text(control), what="s")
        assert core.applied == [], "the r of redis retried a job"


async def test_keys_typed_at_a_palette_that_closes_leave_home_where_it_is() -> None:
    for pauses in range(6):
        async with shots.running() as (control, pilot):
            await pilot.press("ctrl+p")
            for key in ("down", "enter", "enter", "escape", "escape"):
                typed(control, key)
                for _ in range(pauses):
                    await asyncio.sleep(0)
            await shots.settled(pilot)
            assert isinstance(control.screen_stack[1], home.Home)


async def test_enter_typed_ahead_opens_a_row_of_the_screen_that_comes() -> None:
    async with shots.running() as (control, pilot):
        typed(control, "4")
        typed(control, "enter")
        await waiting.until(lambda: isinstance(control.screen, detail.Detail), what="a key")
        assert control.screen.ref.startswith("redis/key/")  # type: ignore[attr-defined]
        await shots.settled(pilot)


@pytest.mark.parametrize(
    "sequence",
    thinned.every_second(
        [
            "2 enter enter escape escape",
            "2 minus minus minus",
            "5 escape",
            "4 enter escape",
            "slash s p space",
            "1 2 3 4 5 minus minus 1",
        ]
    ),
)
async def test_screens_that_are_left_before_they_are_there_break_nothing(sequence: str) -> None:
    async with shots.running() as (control, pilot):
        for pauses in range(4):
            for key in sequence.split():
                typed(control, key)
                for _ in range(pauses):
                    await asyncio.sleep(0)
            await pilot.pause()
            assert control._exception is None
        for key in sequence.split():
            typed(control, key)
        control.exit(0)
    assert control._exception is None
    assert control.return_code == 0


async def test_a_room_that_was_left_before_it_was_composed_does_nothing() -> None:
    async with shots.running() as (control, pilot):
        control.visits.go("queues")
        queues = control.screen
        assert isinstance(queues, room.Room)
        control.visits.back()
        await waiting.until(lambda: isinstance(control.screen, home.Home), what="home")
        await shots.settled(pilot)
        assert not queues.stands
        queues.repaint()
        queues.on_screen_resume(events.ScreenResume())
        queues.on_live_table_cursor_moved()
        assert not await queues.key(events.Key("s", "s"))
        await queues.do("filter")
