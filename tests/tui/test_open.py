"""`:open` takes every ref, however it was pasted, and says when it leads nowhere."""

from __future__ import annotations

import pytest

from mrcore.model import wire
from tests import thinned, waiting
from tests.e2e import terminal
from tests.tui import facts, shots, simulated
from tests.tui.test_copying import screen as screen
from tests.tui.test_screens_golden import arrived


@pytest.mark.parametrize(
    ("ref", "room"),
    thinned.every_second(
        [
            ("huey/queue/emailQueue", "jobs"),
            ("huey/job/emailQueue/8123", "job"),
            ("pg/session/4711/17", "detail"),
            ("core/operation/40", "operation"),
            ("core/audit/2", "detail"),
            ("core/environment/local", "detail"),
            ("core/plan/9f2cc0ffee", "plans"),
            ("deploy/colour/green", "detail"),
            ("logs/search/pool", "logs"),
        ]
    ),
)
async def test_a_ref_of_every_kind_leads_somewhere(ref: str, room: str) -> None:
    core = simulated.Simulated()
    colour = facts.colours()[0]
    ref = colour.ref if "colour" in ref else ref
    async with shots.running((120, 40), core) as (control, pilot):
        core.tell(facts.waiting("9f2cc0ffee", "anna"))
        core.events.put_nowait(wire.Changed(source="deploy", at=facts.NOW, upserts=(colour,)))
        await waiting.until(lambda: control.world.get(colour.ref), what="colours")
        await pilot.press(":")
        await pilot.press(*f'open "mr://{ref}" ', "enter")
        await waiting.until(lambda: getattr(control.screen, "NAME", "") == room, what=room)
        if room == "plans":
            await waiting.until(lambda: control.cursor_ref == ref, what="its row")


@pytest.mark.parametrize(
    ("ref", "says"),
    [
        ("huey/worker/nobody", "mr://huey/worker/nobody leads nowhere: There is no"),
        ("core/plan/0000", "mr://core/plan/0000 leads nowhere"),
        ("nosuch/thing/1", "leads nowhere"),
        ("huey", "is not a ref"),
        ("", "takes a ref"),
    ],
)
async def test_a_ref_that_leads_nowhere_says_so_and_stays(ref: str, says: str) -> None:
    async with shots.running((120, 40)) as (control, pilot):
        await pilot.press(":")
        await pilot.press(*f"open {ref}", "enter")
        await waiting.until(lambda: arrived(control, says), what=says)
        assert control.screen.NAME == "home"  # type: ignore[attr-defined]


async def test_while_the_core_is_away_a_ref_is_shown_and_asked_for_when_it_is_back() -> None:
    core = simulated.Simulated()
    async with shots.running((120, 40), core) as (control, _):
        core.down = "The core has gone."
        core.events.put_nowait(None)
        await waiting.until(lambda: not control.world.connected, what="loss")
        await control.enter("pg/session/4711/99")
        await waiting.until(lambda: arrived(control, "does not answer"), what="the reason")


def test_what_is_pasted_over_several_lines_is_one_ref(screen: terminal.Terminal) -> None:
    screen.press(":")
    screen.until(r"\n :")
    screen.press("open ")
    screen.press("\x1b[200~\r\n  <mr://huey/job/email\r\nQueue/8123>\r\n\x1b[201~")
    screen.until(r":open <mr://huey/job/emailQueue/8123>")
    screen.press("enter")
    screen.until(r"▸ emailQueue ▸ 8123 sendOtp")
