"""Link: events reach the World, notes are coalesced, a lost core is tried again for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from mrcore import errors
from mrcore.model import wire
from mrtui import link, world
from tests import waiting
from tests.tui import facts, simulated


@asynccontextmanager
async def linked(
    core: simulated.Simulated, clock: simulated.Clock
) -> AsyncIterator[tuple[link.Link, list[world.Difference]]]:
    notes: list[world.Difference] = []
    made = link.Link(world.World(), lambda: core, clock, notes.append)
    task = asyncio.create_task(made.run())
    try:
        yield made, notes
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_many_events_are_one_note() -> None:
    core = simulated.Simulated()
    async with linked(core, simulated.Clock()) as (made, notes):
        await waiting.until(lambda: notes, what="the snapshot's note")
        before = len(notes)
        for number in range(500):
            core.events.put_nowait(wire.Touched(refs=(f"huey/job/q/{number}",)))
        await waiting.until(lambda: len(notes) > before, what="a note")
        await waiting.until(core.events.empty, what="all events")
        await waiting.until(lambda: made._flush is None, what="the last note")
        told = [ref for note in notes[before:] for ref in note.touched]
        assert len(told) == 500
        assert len(notes) - before <= 3


async def test_a_core_that_is_not_there_yet_is_waited_for() -> None:
    core = simulated.Simulated()
    core.down = "No core runs for /tmp/x."
    async with linked(core, simulated.Clock()) as (made, _):
        await waiting.until(lambda: made.world.lost_at, what="the first failure")
        assert made.world.why_lost == "No core runs for /tmp/x."
        assert made.world.lost_at == facts.NOW
        core.down = ""
        await waiting.until(lambda: made.world.connected, what="the connection")
        assert made.world.lost_at is None
        assert made.me is not None


async def test_without_a_connection_asking_is_refused_in_a_sentence() -> None:
    core = simulated.Simulated()
    core.down = "gone"
    async with linked(core, simulated.Clock()) as (made, _):
        await waiting.until(lambda: made.world.lost_at, what="the first failure")
        with suppress(errors.CoreUnreachable):
            made.client  # noqa: B018
            raise AssertionError("a client was given although there is no connection")


async def test_clocks_that_differ_do_not_make_everything_stale() -> None:
    clock = simulated.Clock()
    clock.forward(-3600)
    async with linked(simulated.Simulated(), clock) as (made, _):
        await waiting.until(lambda: made.world.connected, what="the connection")
        assert clock() + made.world.skew == facts.NOW
