"""Slots and trails on the screen: what is listed, what W and R act on, what is looked for."""

from __future__ import annotations

import json

import pytest

from mrcore.model import plans
from mrtui import app, cli
from mrtui.cli import find, show
from tests import waiting
from tests.tui import facts_slots, shots, simulated

WIDE = (120, 40)


def offered(control: app.ControlRoom) -> set[str]:
    """Ids of the keys that work here."""
    return {entry.id for entry in control.screen.active()}  # type: ignore[attr-defined]


async def shown(control: app.ControlRoom, words: str) -> None:
    await waiting.until(lambda: words in show.text(control), what=words)


async def test_what_is_stale_is_cleaned_from_a_mentors_row_too() -> None:
    core = facts_slots.Simulated()
    core.risk = plans.Risk.HIGH
    async with shots.running(WIDE, core) as (control, pilot):
        await control.enter("slots")
        await shown(control, "Ravi Menon")
        assert control.cursor_ref == facts_slots.ALL
        await pilot.press("down")
        assert control.cursor_ref == facts_slots.ASHA
        assert {"slots.clean", "slots.enqueue"} <= offered(control)
        await pilot.press("W")
        await waiting.until(lambda: core.wishes, what="the plan")
        assert core.wishes == [("slots.clean", plans.Selection(refs=(facts_slots.ALL,)), {})]
        await shown(control, "Delete expired unbooked slots")


async def test_enter_lists_slots_and_tab_leads_through_the_filters() -> None:
    core = facts_slots.Simulated()
    async with shots.running(WIDE, core) as (control, pilot):
        await control.enter("slots")
        await shown(control, "Ravi Menon")
        await pilot.press("down")
        await pilot.press("enter")
        await shown(control, "[unbooked 37]")
        await shown(control, "2026-03-11 13:02Z")
        await pilot.press("tab")
        await shown(control, "[available 310]")
        await waiting.until(
            lambda: (facts_slots.ASHA, "slots", plans.Query(state="available")) in core.asked,
            what="the available ones",
        )
        assert "slots.clean" in offered(control)


async def test_trails_look_for_what_was_typed_and_a_row_reveals() -> None:
    core = facts_slots.Simulated()
    async with shots.running(WIDE, core) as (control, pilot):
        await control.screen.do("trails asha@mrmentor.example")  # type: ignore[attr-defined]
        await shown(control, "master_login")
        asked = plans.Query(name="asha@mrmentor.example")
        assert (facts_slots.ALL, "trails", asked) in core.asked
        assert "trail.reveal" in offered(control)
        await pilot.press("enter")
        await waiting.until(lambda: getattr(control.screen, "NAME", "") == "detail", what="it")


async def test_without_such_a_source_the_screens_say_so() -> None:
    async with shots.running(WIDE, simulated.Simulated()) as (control, _):
        for name, words in (("slots", "no slots of mentors"), ("trails", "no audit trails")):
            await control.enter(name)
            await shown(control, words)


async def test_the_command_line_finds_rows_of_trails(capsys: pytest.CaptureFixture[str]) -> None:
    core = facts_slots.Simulated()

    async def finding(*argv: str) -> int:
        return await find._run(cli.parser("find").taken(["INV-2026-0041", *argv]), lambda: core)

    assert await finding("--trails", "--json") == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["trail"] for row in found] == ["login_logs", "gst_audit_log"]
    asked = plans.Query(name="INV-2026-0041", state="gst_audit_log", limit=300)
    assert await finding("--trails", "--in-state", "gst_audit_log") == 0
    assert core.asked[-1] == (facts_slots.ALL, "trails", asked)
    told = capsys.readouterr()
    assert "email:7f3a91  update gst_paise  pay_9 INV-2026-0041  18000 → 36000" in told.out
    assert told.err == "2 rows, all looked at\n"
