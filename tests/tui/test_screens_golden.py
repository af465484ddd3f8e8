"""Every screen as text at three sizes, over the simulated core; UPDATE_GOLDEN=1 writes them."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest
from textual.widgets import Button

from mrcore.model import plans, wire
from mrtui import app, finding, screens, start
from mrtui.cli import show
from mrtui.screens import jobs
from tests import waiting
from tests.tui import facts, facts_runs, facts_slots, shots, simulated, test_app

FOLDER = Path(__file__).parents[1] / "golden"
SIZES = ((40, 10), (80, 24), (120, 40))

ELSEWHERE = ("jobs", "job", "detail", "envs", "alerts", "silences", "runbooks", "slots", "trails")
"""What has a ref or a test of its own."""

SCREENS = {
    **{name: name for name in screens.NAMES if name not in ELSEWHERE},
    "jobs": "huey/queue/emailQueue",
    "found": finding.address("sendOtp"),
    "job": "huey/job/emailQueue/8123",
    "detail": "pg/session/4711/17",
}
PAGES = {
    "jobs": "535-5.7.8",
    "found": "8200",
    "job": "payload",
    "detail": "facts",
    "redis": "huey.",
    "logs": "pool 3/20",
    "audit": "queue.retry",
    "operations": "38",
    "tokens": "revoked",
}
"""What a screen shows once its page has come."""


def differs(name: str, size: tuple[int, int], shown: str) -> bool:
    """Whether the text is not the golden one."""
    path = FOLDER / f"{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(shown + "\n")
    return not path.exists() or shown + "\n" != path.read_text()


LARGE = (160, 45)
ON_LARGE = ("home", "queues", "jobs", "job", "schedules", "logs")
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
        await test_app.failed_jobs(control)
        for name, key, words in (
            ("plan", "r", "these will fail again"),
            ("quit", "q", "Stop the stack?"),
            ("palette", "ctrl+p", "of what nobody is told"),
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


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_alerts_look_as_they_did(size: tuple[int, int]) -> None:
    core, wrong = simulated.Simulated(), []
    async with shots.running(size, core) as (control, pilot):
        core.tell(*facts.alerts(), *facts.silences())
        await waiting.until(lambda: control.world.table("silence"), what="silences")
        for name, key in (("alerts", "6"), ("silences", "")):
            await (pilot.press(key) if key else control.enter(name))
            await shots.settled(pilot)
            if differs(name, size, show.text(control)):
                wrong.append(name)
    assert not wrong, f"not as in tests/golden: {wrong}; UPDATE_GOLDEN=1 accepts them"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_runbooks_look_as_they_did(size: tuple[int, int]) -> None:
    core, wrong = simulated.Simulated(), []
    async with shots.running(size, core) as (control, pilot):
        core.tell(*facts_runs.runs(), *facts_runs.books())
        await waiting.until(lambda: control.world.table("run"), what="runs")
        for name, key, says in (
            ("runbooks", "7", "[runs 2]"),
            ("runbooks-all", "tab", "[runbooks 2]"),
            ("run", "tab enter", "run 41"),
            ("run-step", "enter", "esc closes"),
            ("run-why", "escape w", "taken when"),
        ):
            await pilot.press(*key.split())
            await waiting.until(lambda says=says: arrived(control, says), what=says)
            await shots.settled(pilot)
            if differs(name, size, show.text(control)):
                wrong.append(name)
        await pilot.press("escape", "1")
        found = facts.alerts()[0]
        core.tell(*facts.alerts(), facts_runs.ready(found))
        await waiting.until(lambda: arrived(control, "fix ready"), what="the fix")
        for name, key in (("home-fix", "1"), ("alerts-fix", "6"), ("run-fix", "b")):
            await pilot.press(key)
            await waiting.until(
                lambda name=name: name.split("-")[0] == control.screen.NAME, what=name
            )
            await shots.settled(pilot)
            if differs(name, size, show.text(control)):
                wrong.append(name)
    assert not wrong, f"not as in tests/golden: {wrong}; UPDATE_GOLDEN=1 accepts them"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_slots_and_trails_look_as_they_did(size: tuple[int, int]) -> None:
    wrong = []
    async with shots.running(size, facts_slots.Simulated()) as (control, pilot):
        for name, where, says in (
            ("slots", "slots", "Ravi"),
            ("slot_list", facts_slots.ALL, "2026-03"),
            ("trails", "trails", "master_log"),
        ):
            await control.enter(where)
            await waiting.until(functools.partial(arrived, control, says), what=name)
            await shots.settled(pilot)
            if differs(name, size, show.text(control)):
                wrong.append(name)
    assert not wrong, f"not as in tests/golden: {wrong}; UPDATE_GOLDEN=1 accepts them"


LONG_PLAN: dict[str, object] = {
    "risk": plans.Risk.CRITICAL,
    "label": "Retry 1,204 failed jobs of emailQueue",
    "total": 1_204,
    "samples": tuple(
        plans.Target(
            ref=f"huey/job/emailQueue/{n}",
            label=f"sendOtp {n}",
            guard={"state": "failed", "attempts": 3},
            note="535" if n % 2 else "",
        )
        for n in range(50)
    ),
    "left_out": (plans.LeftOut(why="the code has expired: it would mislead", count=9),),
    "confirm": "emailQueue",
    "needs_reason": True,
    "oldest_at": facts.ago(372),
    "newest_at": facts.ago(4),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_plan_looks_as_it_did(size: tuple[int, int]) -> None:
    core, wrong = simulated.Simulated(), []
    core.planned_as = LONG_PLAN
    async with shots.running(size, core) as (control, pilot):
        await test_app.failed_jobs(control)
        await pilot.press("r")
        await waiting.until(lambda: arrived(control, "1,204 jobs"), what="the plan")
        await shots.settled(pilot)
        if differs("plan-long", size, show.text(control)):
            wrong.append("plan-long")
        await pilot.press("pagedown")
        next_one = f"sendOtp {1 if size[1] < 16 else 3 if size[1] < 30 else 8}"
        await waiting.until(lambda: arrived(control, next_one), what="the next targets")
        await waiting.until(lambda: not arrived(control, "sendOtp 0"), what="only those")
        await shots.settled(pilot)
        if differs("plan-paged", size, show.text(control)):
            wrong.append("plan-paged")
        control.screen.query_one("#apply", Button).press()
        await waiting.until(lambda: arrived(control, "needs a reason"), what="the refusal")
        await shots.settled(pilot)
        if differs("plan-reason", size, show.text(control)):
            wrong.append("plan-reason")
    assert not wrong, f"not as in tests/golden: {wrong}; UPDATE_GOLDEN=1 accepts them"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_what_is_acted_upon_looks_as_it_did(size: tuple[int, int]) -> None:
    core, wrong = simulated.Simulated(), []
    core.protected = True
    core.operations.insert(0, facts.under_way(41))
    undo = {"undo_until": facts.ago(-82_800), "actions": ("undo",)}
    core.operations[1] = core.operations[1].model_copy(update=undo)
    core.made["9f2cc0ffee"] = await core.plan("deploy.switch", SWITCH)
    async with shots.running(size, core) as (control, pilot):
        core.tell(facts.environment(), facts.under_way(41))
        core.events.put_nowait(
            wire.Changed(source="deploy", at=facts.NOW, upserts=tuple(facts.colours()))
        )
        await waiting.until(lambda: control.world.table("colour"), what="colours")
        for name, where, words in (
            ("unarmed", "deploy", "green"),
            ("operating", "operations", "3,380"),
            ("operation", "core/operation/41", "progress"),
        ):
            await control.enter(where)
            await waiting.until(functools.partial(arrived, control, words), what=name)
            await shots.settled(pilot)
            if differs(name, size, show.text(control)):
                wrong.append(name)
        core.tell(
            facts.arming(),
            facts.waiting("9f2cc0ffee", "anna"),
            facts.waiting("77aac0ffee", "root", state="approved", by="anna", answer="go"),
        )
        await waiting.until(lambda: arrived(control, "armed"), what="the arming")
        await control.enter("plans")
        await shots.settled(pilot)
        if differs("approvals", size, show.text(control)):
            wrong.append("approvals")
        await pilot.press("enter")
        await waiting.until(lambda: arrived(control, "Approve"), what="the plan")
        await shots.settled(pilot)
        if differs("approve", size, show.text(control)):
            wrong.append("approve")
    assert not wrong, f"not as in tests/golden: {wrong}; UPDATE_GOLDEN=1 accepts them"


SWITCH = plans.Selection(refs=("deploy/colour/green",))


async def test_arming_and_planning_look_as_they_did() -> None:
    core, wrong = simulated.Simulated(), []
    core.looks = ((34_000, 100_000),)
    async with shots.running((80, 24), core) as (control, pilot):
        core.tell(facts.environment(), facts.arming())
        await waiting.until(lambda: arrived(control, "armed"), what="the arming")
        await test_app.failed_jobs(control)
        core.may_plan.clear()
        await pilot.press("r")
        await waiting.until(lambda: arrived(control, "34,000 of 100,000"), what="planning")
        await shots.settled(pilot)
        if differs("planning", (80, 24), show.text(control)):
            wrong.append("planning")
        await pilot.press("escape")
        await waiting.until(lambda: core.stopped, what="the planning to stop")
        await waiting.until(lambda: "was stopped" in control.news[0], what="the news of it")
        core.tell(removes=("core/arming/root",))
        await waiting.until(lambda: arrived(control, "not armed"), what="not armed")
        await pilot.press("A")
        await waiting.until(lambda: arrived(control, "minutes"), what="arming")
        control.repaint()  # the key took the news away; a tick would show that, sooner or later
        await shots.settled(pilot)
        if differs("arm", (80, 24), show.text(control)):
            wrong.append("arm")
    assert not wrong, f"not as in tests/golden: {wrong}; UPDATE_GOLDEN=1 accepts them"
