"""A screen as text: the one place that looks into Textual's compositor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from mrtui import app, keys
from tests import waiting
from tests.tui import simulated


def text(control: app.ControlRoom) -> str:
    """What is on the screen, a line a row, without trailing spaces."""
    strips = control.screen._compositor.render_strips()
    return "\n".join("".join(part.text for part in strip).rstrip() for strip in strips)


@asynccontextmanager
async def running(
    size: tuple[int, int] = (80, 24),
    core: simulated.Simulated | None = None,
    clock: simulated.Clock | None = None,
    **started: Any,
) -> AsyncIterator[tuple[app.ControlRoom, Pilot[int]]]:
    """The screen on a simulated core, inside home."""
    known = core or simulated.Simulated()
    control = app.ControlRoom(
        lambda: known,
        clock=clock or simulated.Clock(),
        keymap=keys.Keymap(),
        started=app.Start(place="local", **started),
    )
    async with control.run_test(size=size) as pilot:
        await waiting.until(lambda: control.inside.is_set(), what="home")
        await settled(pilot)
        yield control, pilot


async def settled(pilot: Pilot[int]) -> None:
    """Wait until nothing more is painted by itself."""
    before = ""
    for _ in range(50):
        await pilot.pause()
        now = text(pilot.app)  # type: ignore[arg-type]
        if now == before:
            return
        before = now
