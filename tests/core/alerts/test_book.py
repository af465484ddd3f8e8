"""The alerts of a core: over restarts, sources that are away, silences and a full ledger."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from mrcore import errors
from mrcore.alerts import acking, finding, rule, silencing
from mrcore.alerts import state as states
from mrcore.model import alert, plans, redis
from mrcore.sources import own
from mrcore.store import alerts as store
from tests import waiting
from tests.core.alerts import room
from tests.core.expr import recorded

RULES = """
[[rule]]
id = "collector_blind"
expr = "source.failing_s > 3s"
severity = "P2"
summary = "{name} gives no samples"

[[rule]]
id = "redis_wedged"
expr = "not redis.canary_ok"
severity = "P1"
escalate_after = "15m"
summary = "{name} takes no writes"

[[rule]]
id = "no_worker"
expr = "queue.workers == 0"
for = "1m"
severity = "P1"
depends_on = ["redis_wedged"]
summary = "{name} has {queue.workers} workers"
"""
KNOWN = rule.read(RULES, "rules")
QUEUE = "huey/queue/emailQueue"
ALERT = finding.Key("no_worker", "condition", QUEUE).ref
WEDGED = finding.Key("redis_wedged", "condition", "redis/node/main").ref
BY = plans.By(login="anna", reason="INC-9", operation=7)


def queues(here: room.Room, workers: int | None = 0) -> None:
    here.sample("huey", [recorded.a_queue(workers=workers)])


def node(here: room.Room, ok: bool) -> None:
    here.sample("redis", [redis.RedisNode(ref="redis/node/main", version="8", canary_ok=ok)])


async def test_it_waits_fires_is_told_and_resolves(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        queues(here)
        assert await here.look() == [("no_worker", "pending")]
        queues(here)
        assert await here.look(60) == [("no_worker", "firing")]
        shown = here.alerts()[0]
        assert (shown.summary, shown.name) == ("emailQueue has 0 workers", "emailQueue")
        assert shown.verdict.level.value == "bad"
        assert "alert.ack" in shown.actions
        queues(here, workers=1)
        assert await here.look(1) == [("no_worker", "resolved")]
        assert await here.told() == [("fired", ALERT), ("resolved", ALERT)]
        assert here.news == 3


async def test_what_fires_does_not_change_at_every_look(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        queues(here)
        await here.look()
        queues(here)
        await here.look(60)
        before = here.alerts()
        queues(here)
        await here.look(1)
        assert here.alerts() == before
        assert here.news == 2


async def test_a_restart_neither_tells_again_nor_forgets_the_wait(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        queues(here)
        await here.look()
        assert await here.look(50) == [("no_worker", "pending")]
        at = here.at
    async with room.opened(tmp_path, KNOWN, at=at) as here:
        assert await here.look() == [("no_worker", "pending")]  # nothing was sampled yet
        queues(here)
        await here.look()
        assert await here.look(10) == [("no_worker", "firing")]
        at = here.at
    async with room.opened(tmp_path, KNOWN, at=at + timedelta(seconds=5)) as here:
        assert await here.look() == [("no_worker", "firing")]
        queues(here)
        assert await here.look(1) == [("no_worker", "firing")]
        assert await here.told() == [("fired", ALERT)]


async def test_what_has_gone_resolves_and_what_is_not_seen_does_not(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        queues(here)
        await here.look()
        queues(here)
        await here.look(60)
        here.fail("huey")
        found = await here.look(600)
        assert ("no_worker", "firing") in found
        here.sample("huey", [])
        assert ("no_worker", "resolved") in await here.look(1)


async def test_a_source_that_is_away_is_told_once_for_all_that_is_not_known(
    tmp_path: Path,
) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        queues(here, workers=1)
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
        queues(here, workers=1)
        await here.look(1)
        assert {each.phase.value for each in here.alerts()} == {"resolved"}


async def test_a_value_that_is_not_said_any_more_is_an_alert_of_its_own(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        queues(here, workers=None)
        assert await here.look() == []  # it never was
        queues(here, workers=1)
        await here.look(1)
        queues(here, workers=None)
        await here.look(1)
        queues(here, workers=None)
        assert await here.look(60) == [("no_worker", "firing")]
        assert [(e.about, e.summary) for e in here.alerts()] == [
            ("nodata", f"no_worker cannot tell: no data: queue.workers of {QUEUE}")
        ]
        queues(here, workers=1)
        assert await here.look(1) == [("no_worker", "resolved")]


async def test_what_a_rule_depends_on_is_why_it_has_no_data_too(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        queues(here, workers=1)
        await here.look()
        for after_s in (1, 60):
            node(here, ok=False)
            queues(here, workers=None)
            await here.look(after_s)
        hidden = {(each.rule, each.about): each.suppressed_by for each in here.alerts()}
        assert hidden == {("redis_wedged", "condition"): "", ("no_worker", "nodata"): WEDGED}
        assert await here.told() == [("fired", WEDGED)]


async def test_a_rule_that_cannot_be_reckoned_is_an_alert_of_its_own(tmp_path: Path) -> None:
    text = RULES.replace("queue.workers == 0", "queue.workers@emailQueue == 0")
    text = text.replace("{queue.workers}", "no")
    async with room.opened(tmp_path, rule.read(text, "rules")) as here:
        queues(here, workers=1)
        assert await here.look() == []
        twice = [
            recorded.a_queue(),
            recorded.a_queue().model_copy(update={"ref": "huey/queue/b/emailQueue"}),
        ]
        here.sample("huey", twice)
        assert await here.look(1) == [("no_worker", "firing")]
        assert here.alerts()[0].about == "error"
        assert "write its ref in quotes" in here.alerts()[0].summary
        queues(here, workers=1)
        assert await here.look(1) == [("no_worker", "resolved")]


async def test_what_an_alert_depends_on_hides_it_until_that_is_well(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        queues(here)
        node(here, ok=True)
        await here.look()
        queues(here)
        node(here, ok=False)
        found = await here.look(60)
        assert sorted(found) == [("no_worker", "firing"), ("redis_wedged", "firing")]
        assert await here.told() == [("fired", WEDGED)]
        node(here, ok=True)
        queues(here)
        await here.look(1)
        await here.look(59)
        assert (await here.told())[1:] == [("resolved", WEDGED)]
        await here.look(1)
        assert (await here.told())[2:] == [("fired", ALERT)]


async def test_an_end_of_what_was_told_is_told_also_when_it_is_suppressed(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        queues(here)
        await here.look()
        queues(here)
        await here.look(60)
        node(here, ok=False)
        queues(here, workers=1)
        await here.look(1)
        assert [kind for kind, of in await here.told() if of == ALERT] == ["fired", "resolved"]


async def fires(here: room.Room) -> None:
    """The node takes no writes."""
    node(here, ok=False)
    await here.look()


async def do(act: own.UndoableAct, of: str, by: plans.By = BY, **args: object) -> plans.Undoable:
    """Plan and apply; what the door keeps to undo it."""
    target = await act.plan(of, dict(args))  # type: ignore[arg-type]
    assert isinstance(target, plans.Target), target
    done = await act.apply(target, dict(args), by)  # type: ignore[arg-type]
    assert done.outcome is plans.Outcome.DONE, done
    assert done.memento is not None
    return plans.Undoable(target=target, memento=done.memento)


async def test_an_acknowledged_alert_does_not_escalate(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        await fires(here)
        ack = acking.Ack(here.book, here.now)
        await do(ack, WEDGED, minutes="20")
        assert here.alerts()[0].acked_by == "anna"
        again = await ack.plan(WEDGED, {})
        assert isinstance(again, plans.LeftOut)
        assert again.why == "anna has acknowledged it already."
        node(here, ok=False)
        await here.look(1000)
        assert await here.told() == [("fired", WEDGED)]
        node(here, ok=False)
        await here.look(200)
        assert (await here.told())[1:] == [("still", WEDGED)]
        node(here, ok=False)
        await here.look(900)
        assert (await here.told())[2:] == [("escalated", WEDGED)]


@pytest.mark.parametrize("back", ["unack", "undo"])
async def test_what_is_nobodys_again_escalates_again(tmp_path: Path, back: str) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        await fires(here)
        here.at += timedelta(minutes=15)
        await here.glance()
        ack = acking.Ack(here.book, here.now)
        done = await do(ack, WEDGED)
        if back == "undo":
            assert (await ack.undo(done, BY)).outcome is plans.Outcome.DONE
        else:
            await do(acking.Unack(here.book, here.now), WEDGED)
        for seconds, told in ((899, 1), (1, 2)):
            here.at += timedelta(seconds=seconds)
            await here.glance()
            assert (await here.told())[1:] == [("escalated", WEDGED)] * told


@pytest.mark.parametrize(("again", "told"), [(False, [("still", ALERT)]), (True, [])])
async def test_who_comes_after_an_acknowledgement_that_expired_unseen_is_at_it(
    tmp_path: Path, again: bool, told: list[tuple[str, str]]
) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        queues(here)
        await here.look()
        await here.look(60)
        ack = acking.Ack(here.book, here.now)
        await do(ack, ALERT, minutes=1)
        node(here, ok=False)
        await here.look(60)
        await here.look(1)
        if again:
            await do(ack, ALERT)
        node(here, ok=True)
        before = await here.told()
        await here.look(1)
        assert (await here.told())[len(before) :] == [*told, ("resolved", WEDGED)][::-1]


@pytest.mark.parametrize("minutes", [0, 1441, "soon", True, 1.5])
async def test_an_acknowledgement_is_for_some_minutes(tmp_path: Path, minutes: object) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        with pytest.raises(errors.BadRequest, match="1 to 1,440"):
            await acking.Ack(here.book, here.now).plan(WEDGED, {"minutes": minutes})  # type: ignore[dict-item]


async def test_a_silence_hides_expires_and_is_told_then(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        await fires(here)
        await do(silencing.Silence(here.book, here.ledger, here.now), WEDGED, minutes=10)
        silence = next(e for e in here.book.entities() if isinstance(e, alert.Silence))
        assert (silence.login, silence.reason, silence.firing) == ("anna", "INC-9", 1)
        node(here, ok=False)
        await here.look(599)
        assert here.alerts()[0].hidden == "silenced"
        at = here.at
    async with room.opened(tmp_path, KNOWN, at=at) as here:
        await fires(here)
        assert here.alerts()[0].silenced_by == silence.ref
        node(here, ok=False)
        await here.look(1)
        assert await here.told() == [("fired", WEDGED), ("still", WEDGED)]
        assert here.alerts()[0].told_why == "its silence has expired, and it still fires"
        assert [e for e in here.book.entities() if e.kind == "silence"] == []


async def test_a_maintenance_window_begins_later_and_is_for_everything(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        await fires(here)
        silence = silencing.Silence(here.book, here.ledger, here.now)
        await do(silence, WEDGED, minutes=10, in_minutes=5, scope="all")
        node(here, ok=True)
        await here.look(250)
        queues(here)
        await here.look(65)
        assert next((e.rule, e.hidden) for e in here.alerts()) == ("no_worker", "silenced")
        assert await here.told() == [("fired", WEDGED), ("resolved", WEDGED)]
        queues(here)
        await here.look(600)
        assert (await here.told())[2:] == [("fired", ALERT)]


@pytest.mark.parametrize(
    ("minutes", "in_minutes", "taken"),
    [(60, 0, False), (61, 0, True), (9, 70, True), (9, 90, False)],
)
async def test_a_silence_leaves_room_before_and_after_it(
    tmp_path: Path, minutes: int, in_minutes: int, taken: bool
) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        await fires(here)
        silence = silencing.Silence(here.book, here.ledger, here.now)
        await do(silence, WEDGED, minutes=30, in_minutes=60)
        found = await silence.plan(WEDGED, {"minutes": minutes, "in_minutes": in_minutes})
        assert isinstance(found, plans.LeftOut) is taken


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (7, "The silence that this has just begun is for it too."),
        (8, "anna has silenced it meanwhile."),
    ],
)
async def test_one_silence_of_everything_is_for_all_that_were_marked(
    tmp_path: Path, operation: int, why: str
) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        await fires(here)
        silence = silencing.Silence(here.book, here.ledger, here.now)
        args: plans.Args = {"scope": "all"}
        second = await silence.plan(WEDGED, args)
        assert isinstance(second, plans.Target)
        await do(silence, WEDGED, scope="all")
        found = await silence.apply(second, args, BY.model_copy(update={"operation": operation}))
        assert (found.outcome, found.why) == (plans.Outcome.SKIPPED, why)


async def test_a_full_ledger_hides_nothing_and_loses_nothing(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        await here.look()
        await here.ledger.read(lambda c: c.execute("PRAGMA query_only = 1").fetchall())
        node(here, ok=False)
        with pytest.raises(errors.StoreError):
            await here.look(1)
        assert [each.rule for each in here.alerts()] == ["redis_wedged"]
        await here.ledger.read(lambda c: c.execute("PRAGMA query_only = 0").fetchall())
        await here.look(1)
        assert await here.told() == [("fired", WEDGED)]


async def test_a_rule_that_is_no_more_ends_its_alerts(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        await fires(here)
        at = here.at
    left = {key: value for key, value in KNOWN.items() if key == "collector_blind"}
    async with room.opened(tmp_path, left, at=at + timedelta(seconds=1)) as here:
        assert await here.look() == [("redis_wedged", "resolved")]
        assert await here.told() == [("fired", WEDGED), ("resolved", WEDGED)]
        await here.look(3600)
        assert here.alerts() == []
        assert await here.ledger.read(store.remembered) == {}


async def test_a_source_that_is_no_more_ends_its_alerts(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        queues(here)
        await here.look()
        queues(here)
        await here.look(60)
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
    async with room.opened(tmp_path, KNOWN, at=at) as here:
        here.sources = ("renamed", "core")
        assert {phase for _, phase in await here.look()} == {"resolved"}
        told = [each for _, each in await here.ledger.read(store.notices)]
        blind = finding.Key("collector_blind", "condition", "core/source/huey").ref
        assert [(each.kind, each.alert, each.why) for each in told[2:]] == [
            ("resolved", blind, "it is gone"),
            ("resolved", ALERT, "its source is not in the settings any more"),
        ]


async def test_it_looks_by_itself_when_a_source_was_sampled(tmp_path: Path) -> None:
    async with room.opened(tmp_path, KNOWN) as here:
        here.hub.listen(here.book.heard)
        running = asyncio.create_task(here.book.run())
        node(here, ok=False)
        here.publish()
        await waiting.until(lambda: bool(here.alerts()))
        running.cancel()
        await asyncio.wait({running})
        assert [e.phase for e in here.alerts()] == [states.Phase.FIRING]
