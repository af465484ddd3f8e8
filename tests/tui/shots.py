"""The screen on the simulated core, without a terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from mrtui import app, bindings, start
from mrtui.cli import show
from tests import waiting
from tests.tui import simulated


@asynccontextmanager
async def running(
    size: tuple[int, int] = (80, 24),
    core: simulated.Simulated | None = None,
    clock: simulated.Clock | None = None,
    keymap: bindings.Keymap | None = None,
    **started: Any,
) -> AsyncIterator[tuple[app.ControlRoom, Pilot[int]]]:
    """The screen on a simulated core, inside home."""
    known = core or simulated.Simulated()
    control = app.ControlRoom(
        lambda: known,
        clock=clock or simulated.Clock(),
        keymap=keymap or bindings.Keymap(),
        started=start.Start(place="local", **started),
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
        now = show.text(pilot.app)  # type: ignore[arg-type]
        if now == before:
            return
        before = now
