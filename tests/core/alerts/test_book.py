"""The alerts of a core: over restarts, sources that are away and a full ledger."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from mrcore import errors
from mrcore.alerts import finding, rule
from mrcore.alerts import state as states
from mrcore.model import alert
from mrcore.store import alerts as store
from tests import waiting
from tests.core.alerts import dependent, room
from tests.core.expr import recorded


async def test_it_waits_fires_is_told_and_resolves(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        dependent.queues(here)
        assert await here.look() == [("no_worker", "pending")]
        dependent.queues(here)
        assert await here.look(60) == [("no_worker", "firing")]
        shown = here.alerts()[0]
        assert (shown.summary, shown.name) == ("emailQueue has 0 workers", "emailQueue")
        assert shown.verdict.level.value == "bad"
        assert "alert.ack" in shown.actions
        dependent.queues(here, workers=1)
        assert await here.look(1) == [("no_worker", "resolved")]
        assert await here.told() == [("fired", dependent.ALERT), ("resolved", dependent.ALERT)]
        assert here.news == 3


async def test_what_fires_does_not_change_at_every_look(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        await dependent.stuck(here)
        before = here.alerts()
        dependent.queues(here)
        await here.look(1)
        assert here.alerts() == before
        assert here.news == 2


async def test_a_restart_neither_tells_again_nor_forgets_the_wait(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        dependent.queues(here)
        await here.look()
        assert await here.look(50) == [("no_worker", "pending")]
        at = here.at
    async with room.opened(tmp_path, dependent.KNOWN, at=at) as here:
        assert await here.look() == [("no_worker", "pending")]  # nothing was sampled yet
        dependent.queues(here)
        await here.look()
        assert await here.look(10) == [("no_worker", "firing")]
        at = here.at
    async with room.opened(tmp_path, dependent.KNOWN, at=at + timedelta(seconds=5)) as here:
        assert await here.look() == [("no_worker", "firing")]
        dependent.queues(here)
        assert await here.look(1) == [("no_worker", "firing")]
        assert await here.told() == [("fired", dependent.ALERT)]


async def test_what_has_gone_resolves_and_what_is_not_seen_does_not(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        await dependent.stuck(here)
        here.fail("huey")
        found = await here.look(600)
        assert ("no_worker", "firing") in found
        here.sample("huey", [])
        assert ("no_worker", "resolved") in await here.look(1)


async def test_a_source_that_is_away_is_told_once_for_all_that_is_not_known(
    tmp_path: Path,
) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        dependent.queues(here, workers=1)
        await here.look()
        here.fail("huey")
        await here.look(4)
        await here.look(60)
        about = {(each.rule, each.about): each for each in here.alerts()}
        nodata = about["no_worker", "nodata"]
        assert (nodata.phase, nodata.severity) == (alert.Phase.FIRING, alert.Severity.P2)
        assert nodata.hidden == "suppressed"
        blind = finding.Key("collector_blind", "condition", "core/source/huey").ref
        assert nodata.suppressed_by == blind
        assert await here.told() == [("fired", blind)]
        dependent.queues(here, workers=1)
        await here.look(1)
        assert {each.phase.value for each in here.alerts()} == {"resolved"}


async def test_a_value_that_is_not_said_any_more_is_an_alert_of_its_own(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        dependent.queues(here, workers=None)
        assert await here.look() == []  # it never was
        dependent.queues(here, workers=1)
        await here.look(1)
        dependent.queues(here, workers=None)
        await here.look(1)
        dependent.queues(here, workers=None)
        assert await here.look(60) == [("no_worker", "firing")]
        assert [(e.about, e.summary) for e in here.alerts()] == [
            ("nodata", f"no_worker cannot tell: no data: queue.workers of {dependent.QUEUE}")
        ]
        dependent.queues(here, workers=1)
        assert await here.look(1) == [("no_worker", "resolved")]


async def test_what_a_rule_depends_on_is_why_it_has_no_data_too(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        dependent.queues(here, workers=1)
        await here.look()
        for after_s in (1, 60):
            dependent.node(here, ok=False)
            dependent.queues(here, workers=None)
            await here.look(after_s)
        hidden = {(each.rule, each.about): each.suppressed_by for each in here.alerts()}
        assert hidden == {
            ("redis_wedged", "condition"): "",
            ("no_worker", "nodata"): dependent.WEDGED,
        }
        assert await here.told() == [("fired", dependent.WEDGED)]


async def test_a_rule_that_cannot_be_reckoned_is_an_alert_of_its_own(tmp_path: Path) -> None:
    text = dependent.RULES.replace("queue.workers == 0", "queue.workers@emailQueue == 0")
    text = text.replace("{queue.workers}", "no")
    async with room.opened(tmp_path, rule.read(text, "rules")) as here:
        dependent.queues(here, workers=1)
        assert await here.look() == []
        twice = [
            recorded.a_queue(),
            recorded.a_queue().model_copy(update={"ref": "huey/queue/b/emailQueue"}),
        ]
        here.sample("huey", twice)
        assert await here.look(1) == [("no_worker", "firing")]
        assert here.alerts()[0].about == "error"
        assert "write its ref in quotes" in here.alerts()[0].summary
        dependent.queues(here, workers=1)
        assert await here.look(1) == [("no_worker", "resolved")]


async def test_what_an_alert_depends_on_hides_it_until_that_is_well(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        dependent.queues(here)
        dependent.node(here, ok=True)
        await here.look()
        dependent.queues(here)
        dependent.node(here, ok=False)
        found = await here.look(60)
        assert sorted(found) == [("no_worker", "firing"), ("redis_wedged", "firing")]
        assert await here.told() == [("fired", dependent.WEDGED)]
        dependent.node(here, ok=True)
        dependent.queues(here)
        await here.look(1)
        await here.look(59)
        assert (await here.told())[1:] == [("resolved", dependent.WEDGED)]
        await here.look(1)
        assert (await here.told())[2:] == [("fired", dependent.ALERT)]


async def test_an_end_of_what_was_told_is_told_also_when_it_is_suppressed(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        await dependent.stuck(here)
        dependent.node(here, ok=False)
        dependent.queues(here, workers=1)
        await here.look(1)
        assert [kind for kind, of in await here.told() if of == dependent.ALERT] == [
            "fired",
            "resolved",
        ]


async def test_a_full_ledger_hides_nothing_and_loses_nothing(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        await here.look()
        await here.ledger.read(lambda c: c.execute("PRAGMA query_only = 1").fetchall())
        dependent.node(here, ok=False)
        with pytest.raises(errors.StoreError):
            await here.look(1)
        assert [each.rule for each in here.alerts()] == ["redis_wedged"]
        await here.ledger.read(lambda c: c.execute("PRAGMA query_only = 0").fetchall())
        await here.look(1)
        assert await here.told() == [("fired", dependent.WEDGED)]


async def test_a_rule_that_is_no_more_ends_its_alerts(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        await dependent.fires(here)
        at = here.at
    left = {key: value for key, value in dependent.KNOWN.items() if key == "collector_blind"}
    async with room.opened(tmp_path, left, at=at + timedelta(seconds=1)) as here:
        assert await here.look() == [("redis_wedged", "resolved")]
        assert await here.told() == [("fired", dependent.WEDGED), ("resolved", dependent.WEDGED)]
        await here.look(3600)
        assert here.alerts() == []
        assert await here.ledger.read(store.remembered) == {}


async def test_a_source_that_is_no_more_ends_its_alerts(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        await dependent.stuck(here)
        here.fail("huey")
        await here.look(4)
        await here.look(60)
        standing = {(each.rule, each.about): each.phase.value for each in here.alerts()}
        rules = [
            ("no_worker", "condition"),
            ("no_worker", "nodata"),
            ("collector_blind", "condition"),
        ]
        assert standing == dict.fromkeys(rules, "firing")
        at = here.at
    async with room.opened(tmp_path, dependent.KNOWN, at=at) as here:
        here.sources = ("renamed", "core")
        assert {phase for _, phase in await here.look()} == {"resolved"}
        told = [each for _, each in await here.ledger.read(store.notices)]
        blind = finding.Key("collector_blind", "condition", "core/source/huey").ref
        assert [(each.kind, each.alert, each.why) for each in told[2:]] == [
            ("resolved", blind, "it is gone"),
            ("resolved", dependent.ALERT, "its source is not in the settings any more"),
        ]


async def test_it_looks_by_itself_when_a_source_was_sampled(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        here.hub.listen(here.book.heard)
        running = asyncio.create_task(here.book.run())
        dependent.node(here, ok=False)
        here.publish()
        await waiting.until(lambda: bool(here.alerts()))
        running.cancel()
        await asyncio.wait({running})
        assert [e.phase for e in here.alerts()] == [states.Phase.FIRING]
