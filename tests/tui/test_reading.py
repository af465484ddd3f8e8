"""A text is wrapped to the size that its box has, from its first paint on."""

from __future__ import annotations

from typing import Any

import pytest

from mrtui import app
from mrtui.cli import show
from mrtui.screens import detail
from tests import waiting
from tests.tui import facts, facts_runs, shots, simulated

WIDE = (160, 45)
STEP = "failures by fingerprint                           31 × 535"
"""A step as it is on a wide screen: cut nowhere, and its reason beside it."""


async def test_the_first_paint_of_a_run_has_the_width_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    widths: list[int] = []
    put = detail.Detail.put

    def noted(self: detail.Detail, selector: str, lines: Any) -> None:
        if selector == "#text":
            widths.append(self.query_one("#sections").size.width)
        put(self, selector, lines)

    monkeypatch.setattr(detail.Detail, "put", noted)
    core_s = simulated.Simulated()
    async with shots.running(WIDE, core_s) as (control, _):
        await opened(control, core_s)
        assert set(widths) == {156}, "it was wrapped before it had a size"


async def test_a_run_is_wrapped_anew_without_waiting_for_the_next_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "TICK_S", 3600.0)
    core_s = simulated.Simulated()
    async with shots.running((50, 45), core_s) as (control, pilot):
        await opened(control, core_s, "failures by fing")
        # As in a terminal that tells its size late: the screen has it before its widgets do.
        monkeypatch.setattr(type(control.screen), "repaint", lambda self: None)
        await pilot.resize_terminal(*WIDE)
        await shots.settled(pilot)
        assert STEP not in show.text(control)
        monkeypatch.undo()
        await pilot.resize_terminal(159, 45)
        await waiting.until(lambda: STEP[:30] in show.text(control), what="the steps, wide")


async def opened(control: app.ControlRoom, core_s: simulated.Simulated, step: str = STEP) -> None:
    """Open the run that is under way."""
    found = facts_runs.runs()[0]
    core_s.tell(*facts.alerts(), found)
    await waiting.until(lambda: control.world.get(found.ref), what="the run")
    await control.enter(found.ref)
    await waiting.until(lambda: step in show.text(control), what="its steps")
