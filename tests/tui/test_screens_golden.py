"""Every screen as text at three sizes, over the simulated core; UPDATE_GOLDEN=1 writes them."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

from mrcore.model import plans
from mrtui import app, screens, start
from mrtui.cli import show
from mrtui.screens import jobs
from tests import waiting
from tests.tui import shots, simulated

FOLDER = Path(__file__).parents[1] / "golden"
SIZES = ((40, 10), (80, 24), (120, 40))

SCREENS = {
    **{name: name for name in screens.NAMES if name not in ("jobs", "job", "detail")},
    "jobs": "huey/queue/emailQueue",
    "job": "huey/job/emailQueue/8123",
    "detail": "pg/session/4711/17",
}
PAGES = {
    "jobs": "8123",
    "job": "payload",
    "detail": "facts",
    "redis": "huey.",
    "logs": "pool 3/20",
    "audit": "queue.retry",
    "operations": "38",
}
"""What a screen shows once its page has come."""


def differs(name: str, size: tuple[int, int], shown: str) -> bool:
    """Whether the text is not the golden one."""
    path = FOLDER / f"{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(shown + "\n")
    return not path.exists() or shown + "\n" != path.read_text()


LARGE = (160, 45)
ON_LARGE = ("home", "queues", "job", "logs")
"""Screens that are laid out otherwise where there is much room."""


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_screen_looks_as_it_did(size: tuple[int, int]) -> None:
    core, clock, wrong = simulated.Simulated(), simulated.Clock(), []
    async with shots.running(size, core, clock) as (control, pilot):
        for name, where in SCREENS.items():
            await control.enter(where)
            if name in PAGES:
                await waiting.until(functools.partial(arrived, control, PAGES[name]), what=name)
            await shots.settled(pilot)
            if differs(name, size, show.text(control)):
                wrong.append(name)
            await control.enter("home")
        await pilot.press("question_mark")
        await shots.settled(pilot)
        if differs("help", size, show.text(control)):
            wrong.append("help")
        await pilot.press("escape")
        core.silent, core.down = True, "The core has gone: it ended the stream."
        core.events.put_nowait(None)
        await waiting.until(lambda: not control.world.connected, what="loss")
        clock.forward(14)
        control.repaint()
        await shots.settled(pilot)
        if differs("lost", size, show.text(control)):
            wrong.append("lost")
    assert not wrong, f"not as in tests/golden: {wrong}; UPDATE_GOLDEN=1 accepts them"


def arrived(control: app.ControlRoom, words: str) -> bool:
    """Whether a page is on the screen."""
    return words in show.text(control)


async def test_a_large_terminal_looks_as_it_did() -> None:
    wrong = []
    async with shots.running(LARGE) as (control, pilot):
        for name in ON_LARGE:
            await control.enter(SCREENS[name])
            if name in PAGES:
                await waiting.until(functools.partial(arrived, control, PAGES[name]), what=name)
            await shots.settled(pilot)
            if differs(name, LARGE, show.text(control)):
                wrong.append(name)
            await control.enter("home")
    assert not wrong, f"not as in tests/golden: {wrong}; UPDATE_GOLDEN=1 accepts them"


async def test_dialogs_look_as_they_did() -> None:
    core, wrong = simulated.Simulated(), []
    core.risk = plans.Risk.HIGH
    async with shots.running((80, 24), core, owns_stack=lambda: True) as (control, pilot):
        await control.enter(SCREENS["jobs"])
        await waiting.until(lambda: arrived(control, PAGES["jobs"]), what="jobs")
        for name, key, words in (
            ("plan", "r", "these will fail again"),
            ("quit", "q", "Stop the stack?"),
            ("palette", "ctrl+p", "the stack's processes"),
        ):
            await pilot.press(key)
            await waiting.until(functools.partial(arrived, control, words), what=name)
            await shots.settled(pilot)
            if differs(name, (80, 24), show.text(control)):
                wrong.append(name)
            await pilot.press("escape")
            await waiting.until(lambda: isinstance(control.screen, jobs.Jobs), what="jobs")
    assert not wrong, f"not as in tests/golden: {wrong}; UPDATE_GOLDEN=1 accepts them"


async def test_the_splash_looks_as_it_did() -> None:
    core = simulated.Simulated()
    core.silent = True
    steps = [
        start.Step("postgres", "ready", 0.7),
        start.Step("valkey", "ready", 0.1),
        start.Step("seed", "starting"),
    ]
    control = app.ControlRoom(lambda: core, started=start.Start(place="demo", steps=lambda: steps))
    async with control.run_test(size=(80, 24)) as pilot:
        await waiting.until(lambda: arrived(control, "seed"), what="the steps")
        await shots.settled(pilot)
        assert not differs("splash", (80, 24), show.text(control)), "UPDATE_GOLDEN=1 accepts it"
