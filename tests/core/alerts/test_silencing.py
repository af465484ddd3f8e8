"""What a person does with alerts: acknowledges and silences them, and takes that back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mrcore import errors
from mrcore.alerts import acking, silencing
from mrcore.model import alert, plans
from tests.core.alerts import dependent, room


async def test_an_acknowledged_alert_does_not_escalate(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        await dependent.fires(here)
        ack = acking.Ack(here.book, here.now)
        await dependent.do(ack, dependent.WEDGED, minutes="20")
        assert here.alerts()[0].acked_by == "anna"
        again = await ack.plan(dependent.WEDGED, {})
        assert isinstance(again, plans.LeftOut)
        assert again.why == "anna has acknowledged it already."
        dependent.node(here, ok=False)
        await here.look(1000)
        assert await here.told() == [("fired", dependent.WEDGED)]
        dependent.node(here, ok=False)
        await here.look(200)
        assert (await here.told())[1:] == [("still", dependent.WEDGED)]
        dependent.node(here, ok=False)
        await here.look(900)
        assert (await here.told())[2:] == [("escalated", dependent.WEDGED)]


@pytest.mark.parametrize("back", ["unack", "undo"])
async def test_what_is_nobodys_again_escalates_again(tmp_path: Path, back: str) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        await dependent.fires(here)
        here.at += timedelta(minutes=15)
        await here.glance()
        ack = acking.Ack(here.book, here.now)
        done = await dependent.do(ack, dependent.WEDGED)
        if back == "undo":
            assert (await ack.undo(done, dependent.BY)).outcome is plans.Outcome.DONE
        else:
            await dependent.do(acking.Unack(here.book, here.now), dependent.WEDGED)
        for seconds, told in ((899, 1), (1, 2)):
            here.at += timedelta(seconds=seconds)
            await here.glance()
            assert (await here.told())[1:] == [("escalated", dependent.WEDGED)] * told


@pytest.mark.parametrize(("again", "told"), [(False, [("still", dependent.ALERT)]), (True, [])])
async def test_who_comes_after_an_acknowledgement_that_expired_unseen_is_at_it(
    tmp_path: Path, again: bool, told: list[tuple[str, str]]
) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        await dependent.stuck(here)
        ack = acking.Ack(here.book, here.now)
        await dependent.do(ack, dependent.ALERT, minutes=1)
        dependent.node(here, ok=False)
        await here.look(60)
        await here.look(1)
        if again:
            await dependent.do(ack, dependent.ALERT)
        dependent.node(here, ok=True)
        before = await here.told()
        await here.look(1)
        assert (await here.told())[len(before) :] == [*told, ("resolved", dependent.WEDGED)][::-1]


@pytest.mark.parametrize("minutes", [0, 1441, "soon", True, 1.5])
async def test_an_acknowledgement_is_for_some_minutes(tmp_path: Path, minutes: object) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        with pytest.raises(errors.BadRequest, match="1 to 1,440"):
            await acking.Ack(here.book, here.now).plan(dependent.WEDGED, {"minutes": minutes})  # type: ignore[dict-item]


async def test_a_silence_hides_expires_and_is_told_then(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        await dependent.fires(here)
        await dependent.do(
            silencing.Silence(here.book, here.ledger, here.now), dependent.WEDGED, minutes=10
        )
        silence = next(e for e in here.book.entities() if isinstance(e, alert.Silence))
        assert (silence.login, silence.reason, silence.firing) == ("anna", "INC-9", 1)
        dependent.node(here, ok=False)
        await here.look(599)
        assert here.alerts()[0].hidden == "silenced"
        at = here.at
    async with room.opened(tmp_path, dependent.KNOWN, at=at) as here:
        await dependent.fires(here)
        assert here.alerts()[0].silenced_by == silence.ref
        dependent.node(here, ok=False)
        await here.look(1)
        assert await here.told() == [("fired", dependent.WEDGED), ("still", dependent.WEDGED)]
        assert here.alerts()[0].told_why == "its silence has expired, and it still fires"
        assert [e for e in here.book.entities() if e.kind == "silence"] == []


async def test_a_maintenance_window_begins_later_and_is_for_everything(tmp_path: Path) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        await dependent.fires(here)
        silence = silencing.Silence(here.book, here.ledger, here.now)
        await dependent.do(silence, dependent.WEDGED, minutes=10, in_minutes=5, scope="all")
        dependent.node(here, ok=True)
        await here.look(250)
        dependent.queues(here)
        await here.look(65)
        assert next((e.rule, e.hidden) for e in here.alerts()) == ("no_worker", "silenced")
        assert await here.told() == [("fired", dependent.WEDGED), ("resolved", dependent.WEDGED)]
        dependent.queues(here)
        await here.look(600)
        assert (await here.told())[2:] == [("fired", dependent.ALERT)]


@pytest.mark.parametrize(
    ("minutes", "in_minutes", "taken"),
    [(60, 0, False), (61, 0, True), (9, 70, True), (9, 90, False)],
)
async def test_a_silence_leaves_room_before_and_after_it(
    tmp_path: Path, minutes: int, in_minutes: int, taken: bool
) -> None:
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        await dependent.fires(here)
        silence = silencing.Silence(here.book, here.ledger, here.now)
        await dependent.do(silence, dependent.WEDGED, minutes=30, in_minutes=60)
        found = await silence.plan(dependent.WEDGED, {"minutes": minutes, "in_minutes": in_minutes})
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
    async with room.opened(tmp_path, dependent.KNOWN) as here:
        await dependent.fires(here)
        silence = silencing.Silence(here.book, here.ledger, here.now)
        args: plans.Args = {"scope": "all"}
        second = await silence.plan(dependent.WEDGED, args)
        assert isinstance(second, plans.Target)
        await dependent.do(silence, dependent.WEDGED, scope="all")
        found = await silence.apply(
            second, args, dependent.BY.model_copy(update={"operation": operation})
        )
        assert (found.outcome, found.why) == (plans.Outcome.SKIPPED, why)
