"""Time in which no core looked at its alerts brings nothing nearer that they wait for."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from mrcore.alerts import book, rule
from tests.core.alerts import dependent, room


def since(here: room.Room) -> tuple[datetime | None, datetime | None]:
    """Of the first alert that is shown: since when it waits, and when it fired."""
    found = here.alerts()[0]
    return found.since, found.fired_at


async def test_what_waits_waits_on_after_a_core_was_away(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        dependent.queues(here)
        await here.look()
        began = here.at
        assert await here.look(10) == [("no_worker", "pending")]
        at = here.at
    for _ in range(4):
        at += timedelta(seconds=100)
        async with room.opened(tmp_path, dependent.KNOWN, at=at) as here:
            dependent.queues(here)
            await here.look()
            assert await here.look(10) == [("no_worker", "pending")]
            at = here.at
    async with room.opened(tmp_path, dependent.KNOWN, at=at + timedelta(seconds=100)) as here:
        dependent.queues(here)
        assert await here.look() == [("no_worker", "pending")]
        assert await here.look(9) == [("no_worker", "pending")]
        assert await here.look(1) == [("no_worker", "firing")]
        assert since(here) == (began + timedelta(seconds=500), here.at)
        at = here.at
    async with room.opened(tmp_path, dependent.KNOWN, at=at + timedelta(hours=9)) as here:
        dependent.queues(here)
        assert await here.look() == [("no_worker", "firing")]
        assert since(here) == (began + timedelta(seconds=500), at)
        assert await here.told() == [("fired", dependent.ALERT)]


async def test_the_start_of_sources_is_no_time_in_which_it_was_seen(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        dependent.queues(here)
        await here.look()
        await here.look(50)
        at = here.at
    async with room.opened(tmp_path, dependent.KNOWN, at=at) as here:
        assert await here.look(30) == [("no_worker", "pending")]  # nothing was sampled yet
        dependent.queues(here)
        await here.look(1)
        assert await here.look(9) == [("no_worker", "pending")]
        assert await here.look(1) == [("no_worker", "firing")]


async def test_of_a_time_in_which_a_core_was_suspended_no_more_counts_than_usual(
    tmp_path: Path,
) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        dependent.queues(here)
        await here.look()
        await here.look(10)
        here.at += timedelta(hours=1)
        await here.glance()
        assert here.shown() == [("no_worker", "pending")]
        left = timedelta(seconds=50) - book.USUAL
        assert await here.look(left.total_seconds() - 1) == [("no_worker", "pending")]
        assert await here.look(1) == [("no_worker", "firing")]


async def test_a_core_that_is_slow_at_every_look_fires_all_the_same(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        dependent.queues(here)
        await here.look()
        looks = 0
        while here.shown() == [("no_worker", "pending")]:
            here.at += 3 * book.USUAL
            await here.glance()
            looks += 1
        assert looks == timedelta(minutes=1) / book.USUAL
        assert here.shown() == [("no_worker", "firing")]


async def test_what_recovers_has_to_be_seen_well_for_its_time(tmp_path: Path) -> None:
    known = rule.read(dependent.RULES.replace('for = "1m"', 'keep_firing_for = "1m"'), "rules")
    async with room.opened(tmp_path, known) as here:
        dependent.queues(here)
        await here.look()
        dependent.queues(here, workers=1)
        assert await here.look(1) == [("no_worker", "recovering")]
        assert await here.look(30) == [("no_worker", "recovering")]
        at = here.at
    async with room.opened(tmp_path, known, at=at + timedelta(hours=1)) as here:
        dependent.queues(here, workers=1)
        assert await here.look() == [("no_worker", "recovering")]
        assert await here.look(29) == [("no_worker", "recovering")]
        assert await here.look(1) == [("no_worker", "resolved")]
        assert await here.told() == [("fired", dependent.ALERT), ("resolved", dependent.ALERT)]


async def test_what_was_suppressed_is_told_when_it_was_seen_not_to_recover(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        dependent.queues(here)
        dependent.node(here, ok=False)
        await here.look()
        await here.look(60)
        dependent.node(here, ok=True)
        await here.look(1)
        await here.look(40)
        assert await here.told() == [("fired", dependent.WEDGED), ("resolved", dependent.WEDGED)]
        at = here.at
    async with room.opened(tmp_path, dependent.KNOWN, at=at + timedelta(hours=1)) as here:
        dependent.queues(here)
        dependent.node(here, ok=True)
        await here.look()
        await here.look(19)
        assert await here.told() == [("fired", dependent.WEDGED), ("resolved", dependent.WEDGED)]
        await here.look(1)
        assert (await here.told())[2:] == [("fired", dependent.ALERT)]
