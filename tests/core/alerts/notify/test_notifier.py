"""Who is told of what fires: over failures, restarts, groups, diagnoses and escalations."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from mrcore.alerts import acking
from mrcore.alerts.notify import telltale
from mrcore.model import run
from tests.core.alerts import dependent
from tests.core.alerts.notify import post
from tests.core.expr import recorded

KNOWN = dependent.KNOWN
ALL = post.routes(phone=(post.P1, post.P2, post.P3))
FIRED, RESOLVED = ("fired", "redis_wedged", "main"), ("resolved", "redis_wedged", "main")


async def wedge(here: post.Post, ok: bool = False, after_s: float = 0) -> None:
    """The node takes writes, or does not."""
    dependent.node(here.room, ok=ok)
    await here.look(after_s)


async def section(here: post.Post, of: str = dependent.WEDGED) -> list[tuple[str, object]]:
    found = await telltale.section(here.room.ledger, of)
    return [(field.name, field.value) for field in found.fields]


async def test_what_fires_is_told_once_and_its_end_after_it(tmp_path: Path) -> None:
    phone = post.Phone()
    async with post.opened(tmp_path, KNOWN, {"phone": phone}, ALL) as here:
        await wedge(here)
        await wedge(here, after_s=1)
        await wedge(here, ok=True, after_s=1)
        assert phone.said == [FIRED, RESOLVED]
        first, last = phone.heard
        assert first.title == "[test] P1 firing: redis_wedged on main"
        assert "why: it fires; P1 goes to phone" in first.text
        assert "mr://core/alert/redis_wedged/" in first.text
        assert (last.ended, first.ended) == (True, False)
        assert first.key != last.key
        assert await section(here) == [
            ("2026-01-01 12:00:02 resolved", "phone: sent 12:00:02"),
            ("2026-01-01 12:00:00 fired", "phone: sent 12:00:00"),
        ]
        assert here.touched == [dependent.WEDGED] * 2


async def test_a_channel_that_fails_is_tried_again_ever_more_seldom(tmp_path: Path) -> None:
    phone = post.Phone()
    phone.away = True
    async with post.opened(tmp_path, KNOWN, {"phone": phone}, ALL) as here:
        await wedge(here)
        assert await section(here) == [
            (
                "2026-01-01 12:00:00 fired",
                "phone: failed once: nobody answers. next try 12:00:05",
            )
        ]
        await here.notifier.look()
        assert here.notifier.checks()[0].verdict.code == "not_told"
        for pause_s, tries in ((4, 1), (1, 2), (9, 2), (1, 3), (19, 3), (1, 4)):
            await wedge(here, after_s=pause_s)
            assert len(phone.tries) == tries
        phone.away = False
        await wedge(here, ok=True, after_s=1)
        assert phone.said == []  # its end does not overtake its beginning
        await wedge(here, ok=True, after_s=40)
        assert phone.said == [FIRED, RESOLVED]
        assert {told.key for told in phone.tries[:5]} == {phone.heard[0].key}
        await here.notifier.look()
        assert here.notifier.checks()[0].verdict.code == ""


async def test_a_restart_sends_what_was_not_sent_and_nothing_twice(tmp_path: Path) -> None:
    phone = post.Phone()
    phone.away = True
    async with post.opened(tmp_path, KNOWN, {"phone": phone}, ALL) as here:
        await wedge(here)
        at = here.room.at
    phone.away = False
    async with post.opened(
        tmp_path, KNOWN, {"phone": phone}, ALL, at=at + timedelta(seconds=9)
    ) as here:
        await wedge(here)
        assert phone.said == [FIRED]
        assert phone.heard == phone.tries[:1]  # the same bytes, under the same key
        at = here.room.at
    async with post.opened(tmp_path, KNOWN, {"phone": phone}, ALL, at=at) as here:
        await wedge(here, after_s=600)
        assert phone.said == [FIRED]


async def test_one_channel_that_is_away_holds_up_no_other(tmp_path: Path) -> None:
    phone, pager = post.Phone(), post.Phone()
    phone.away = True
    to = post.routes(phone=(post.P1,), pager=(post.P1, post.P2))
    async with post.opened(tmp_path, KNOWN, {"phone": phone, "pager": pager}, to) as here:
        await wedge(here)
        here.room.fail("redis")
        await here.look(4)
        assert pager.said == [FIRED, ("fired", "collector_blind", "redis")]
        assert {item.rule for told in phone.tries for item in told.items} == {"redis_wedged"}


async def test_many_alerts_of_one_cause_are_one_message(tmp_path: Path) -> None:
    phone = post.Phone()
    to = ALL._replace(group_wait_s=10.0)
    names = [f"queue{n}" for n in range(12)]
    async with post.opened(tmp_path, KNOWN, {"phone": phone}, to) as here:
        for after_s in (0, 60, 9):
            here.room.sample("huey", [recorded.a_queue(name, workers=0) for name in names])
            await here.look(after_s)
        assert phone.heard == []
        await here.look(1)
        assert len(phone.heard) == 1
        assert len(phone.heard[0].items) == 12
        assert phone.heard[0].title == "[test] P1 firing: no_worker on queue0, and 11 more"


async def test_what_turns_out_to_come_from_something_goes_with_it(tmp_path: Path) -> None:
    phone = post.Phone()
    to = ALL._replace(group_wait_s=10.0)
    async with post.opened(tmp_path, KNOWN, {"phone": phone}, to) as here:
        dependent.queues(here.room)
        await here.look()
        await here.look(60)
        await wedge(here, after_s=5)
        await wedge(here, after_s=10)
        assert [len(told.items) for told in phone.heard] == [2]
        assert phone.heard[0].group == "redis/redis_wedged"
        dependent.queues(here.room, workers=1)
        await wedge(here, ok=True, after_s=1)
        assert sorted(phone.said[2:]) == [("resolved", "no_worker", "emailQueue"), RESOLVED]


def a_run(at: datetime) -> run.Run:
    """A run about the node that looks for its cause since then."""
    return run.Run(
        ref="core/run/1",
        id=1,
        runbook="J",
        title="Redis",
        state=run.RunState.DIAGNOSING,
        login="core",
        alert=dependent.WEDGED,
        began_at=at,
    )


def diagnosed(of: run.Run, at: datetime) -> run.Run:
    """The same run when it has found that."""
    return of.model_copy(update={"diagnosis": "maxmemory is reached", "diagnosed_at": at})


async def test_a_first_notification_waits_for_its_diagnosis_and_not_for_ever(
    tmp_path: Path,
) -> None:
    phone = post.Phone()
    async with post.opened(tmp_path, KNOWN, {"phone": phone}, ALL) as here:
        under_way = a_run(here.room.at)
        here.room.sample("core", [under_way])
        await wedge(here)
        assert phone.heard == []
        here.room.sample("core", [diagnosed(under_way, here.room.at)])
        await wedge(here, after_s=1)
        assert phone.heard[0].items[0].diagnosis == "maxmemory is reached"
        assert "found: maxmemory is reached" in phone.heard[0].text
        await wedge(here, ok=True, after_s=1)
        again = under_way.model_copy(update={"began_at": here.room.at + timedelta(seconds=1)})
        here.room.sample("core", [again])
        await wedge(here, after_s=1)
        await wedge(here, after_s=29)
        assert len(phone.heard) == 2
        await wedge(here, after_s=1)
        assert phone.heard[2].items[0].diagnosis == "runbook J is still looking (run 1)"


async def test_what_nobody_acknowledges_goes_to_its_own_channel(tmp_path: Path) -> None:
    phone, boss = post.Phone(), post.Phone()
    to = post.routes(phone=(post.P1,), boss=())._replace(escalate_to=("boss",))
    async with post.opened(tmp_path, KNOWN, {"phone": phone, "boss": boss}, to) as here:
        await wedge(here)
        await wedge(here, after_s=900)
        await wedge(here, ok=True, after_s=1)
        assert phone.said == [FIRED, RESOLVED]
        assert boss.said == [("escalated", "redis_wedged", "main"), RESOLVED]
        assert "nobody has acknowledged it for 15 min; what nobody acknowledges goes to boss" in (
            boss.heard[0].text
        )


async def test_flapping_a_lapsed_acknowledgement_and_no_data_are_told(tmp_path: Path) -> None:
    phone = post.Phone()
    async with post.opened(tmp_path, KNOWN, {"phone": phone}, ALL) as here:
        await wedge(here)
        await dependent.do(acking.Ack(here.room.book, here.room.now), dependent.WEDGED)
        await wedge(here, after_s=1801)
        assert phone.said == [FIRED, ("still", "redis_wedged", "main")]
        assert "acknowledgement has expired" in phone.heard[1].text
        for _ in range(3):
            await wedge(here, ok=True, after_s=1)
            await wedge(here, after_s=1)
        assert ("flapping", "redis_wedged", "main") in phone.said
        await wedge(here, ok=True, after_s=1)  # else its no data would come from that
        dependent.queues(here.room, workers=1)
        await here.look(1)
        dependent.queues(here.room, workers=None)
        await here.look(1)
        await here.look(60)
        assert phone.said[-1] == ("fired", "no_worker", "huey")


async def test_what_is_for_a_channel_that_is_gone_is_dropped_and_said(tmp_path: Path) -> None:
    phone = post.Phone()
    phone.away = True
    async with post.opened(tmp_path, KNOWN, {"phone": phone}, ALL) as here:
        await wedge(here)
        at = here.room.at
    async with post.opened(tmp_path, KNOWN, {}, post.routes(), at=at) as here:
        await wedge(here)
        assert await section(here) == [
            ("2026-01-01 12:00:00 fired", "phone: not sent: There is no channel phone any more.")
        ]
