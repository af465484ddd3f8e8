"""A schedule that is registered with another interval than it declares, and registered again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mrcore import scheduler, sources
from mrcore.model import base, plans, queue, ref
from mrcore.sources import base as source_base
from tests.core import journals

ASHA = plans.By(login="asha", reason="it floods", operation=1)
OF = ref.make("huey", "schedule", "slots")
Planned = tuple[list[plans.Target], list[str]]


@pytest.fixture
def desk(redis_url: str) -> Iterator[journals.Desk]:
    with journals.desk(redis_url) as made:
        made.huey.task(name="digest")(lambda: None)
        yield made


def opened(url: str, now: source_base.Now = source_base.utc_now) -> source_base.Source:
    return sources.build("huey", {"url": url}, now=now)[0]


async def seen(source: source_base.Source) -> queue.Schedule:
    (row,) = [e for e in (await source.sample()).entities if isinstance(e, queue.Schedule)]
    return row


async def plan(source: source_base.Source, action: str) -> Planned:
    """Targets, and why others are left out."""
    selection = plans.Selection(refs=(OF,))
    parts = [p async for p in source.plan(action, selection, {}, lambda looked, total: None)]
    targets = [part for part in parts if isinstance(part, plans.Target)]
    return targets, [part.why for part in parts if isinstance(part, plans.LeftOut)]


async def act(source: source_base.Source, action: str) -> list[plans.Undoable]:
    targets, _ = await plan(source, action)
    (outcome,) = await source.apply(action, targets, {}, ASHA)
    assert outcome.outcome is plans.Outcome.DONE, outcome
    (again,) = await source.apply(action, targets, {}, ASHA)
    assert again == outcome, "the same operation asks again"
    assert outcome.memento is not None
    return [plans.Undoable(target=targets[0], memento=outcome.memento)]


async def undo(source: source_base.Source, action: str, done: list[plans.Undoable]) -> plans.Target:
    """What its plan said."""
    (target,) = [part async for part in source.plan_undo(action, done)]
    assert isinstance(target, plans.Target)
    undoable = [one.model_copy(update={"target": target}) for one in done]
    (outcome,) = await source.undo(action, undoable, ASHA)
    assert outcome.outcome is plans.Outcome.DONE, outcome
    return target


async def test_a_schedule_that_is_registered_again_is_observed_anew(
    redis_url: str, desk: Any
) -> None:
    every = timedelta(minutes=15)
    declared = scheduler.Declared("slots", "emailQueue", "digest", every, says=timedelta(days=1))
    clock = [datetime.now(UTC) - 3 * every]
    made = scheduler.Scheduler(
        {"emailQueue": desk.huey}, [declared], owner="a", now=lambda: clock[0]
    )
    for _ in range(4):
        made.tick()
        clock[0] += every
    async with opened(redis_url) as source:
        assert (await seen(source)).verdict.why == "declared every 24 h, runs every 15 min"
        await act(source, "schedule.remove")
        await act(source, "schedule.register")
        row = await seen(source)
        assert row.observed_s is None
        start, _, end = row.verdict.why.partition("; registered again at ")
        assert start == "declared every 24 h, registered every 15 min"
        assert end.endswith(" UTC, not observed yet")


async def test_what_a_schedule_declares_wins_over_what_its_code_registers(
    redis_url: str, desk: Any
) -> None:
    every, day, hour = timedelta(minutes=15), timedelta(days=1), timedelta(hours=1)
    tomorrow = datetime.now(UTC) + day
    clock = [tomorrow.replace(hour=12, minute=0, second=0, microsecond=0)]
    midnight = clock[0] + 12 * hour

    def scheduled(says: timedelta) -> scheduler.Scheduler:
        declared = scheduler.Declared("slots", "emailQueue", "digest", every, says=says)
        hueys = {"emailQueue": desk.huey}
        return scheduler.Scheduler(hueys, [declared], owner="a", now=lambda: clock[0])

    def ticked(made: scheduler.Scheduler) -> int:
        clock[0] += every
        return made.tick()

    made = scheduled(day)
    assert made.tick() == 1
    async with opened(redis_url, lambda: clock[0]) as source:
        row = await seen(source)
        assert row.verdict.why == "declared every 24 h, registered every 15 min"
        assert "schedule.register" in row.actions
        (target,), said = await plan(source, "schedule.register")
        assert (target.note, said) == ("every 15 min → every 24 h", [])
        done = await act(source, "schedule.register")
        assert (await seen(source)).verdict == base.OK
        assert [ticked(made) for _ in range(8)] == [0] * 8, "its scheduler obeys"
        assert ticked(scheduled(day)) == 0, "and the next one"
        row = await seen(source)
        assert "schedule.register" not in row.actions
        assert row.next_at == midnight
        _, (left,) = await plan(source, "schedule.register")
        assert left == "It is registered."
        back = await undo(source, "schedule.register", done)
        assert back.note == "every 24 h → every 15 min"
        assert (await seen(source)).verdict.code == "interval_off"
        assert [ticked(made) for _ in range(4)] == [1] * 4, "by its code again"
        assert (await seen(source)).missed == 0, "what it obeyed meanwhile has missed nothing"
        await act(source, "schedule.register")
        assert ticked(scheduled(hour)) == 1, "the code declares another: that is not obeyed"
        row = await seen(source)
        assert (row.interval_s, row.verdict.code) == (3_600, "interval_off")
        assert "schedule.register" in row.actions
