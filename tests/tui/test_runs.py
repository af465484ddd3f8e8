"""`b` leads from what is wrong to the run of its runbook, and is a key only where it leads."""

from __future__ import annotations

from mrcore.model import wire
from mrtui import runs, world
from tests import waiting
from tests.tui import facts, facts_runs, shots, simulated


def test_the_run_of_a_thing_is_the_one_under_way_else_the_newest() -> None:
    known = world.World()
    waits, ended = facts_runs.runs()
    again = ended.model_copy(
        update={"id": 42, "ref": "core/run/42", "subject": waits.subject, "alert": waits.alert}
    )
    known.apply(wire.Changed(source="core", at=facts.NOW, upserts=(waits, again)))
    assert runs.of(known, waits.alert) == waits
    known.apply(wire.Changed(source="core", at=facts.NOW, upserts=(ended,), removes=(waits.ref,)))
    assert runs.of(known, waits.alert) == again
    assert runs.of(known, ended.subject) == ended
    assert runs.of(known, "huey/queue/kpiQueue") is None
    assert runs.of(known, "") is None


async def test_b_leads_to_the_run_only_where_there_is_one() -> None:
    core = simulated.Simulated()
    found = facts.alerts()[0]
    waits = facts_runs.runs()[0].model_copy(update={"alert": found.ref})
    async with shots.running((120, 40), core) as (control, pilot):
        core.tell(*facts.alerts())
        await pilot.press("6")
        await waiting.until(lambda: control.cursor_ref == found.ref, what="the alert")
        assert "row.runbook" not in [entry.id for entry in control.screen.active()]  # type: ignore[attr-defined]
        core.tell(waits)
        await waiting.until(
            lambda: "row.runbook" in [entry.id for entry in control.screen.active()],  # type: ignore[attr-defined]
            what="the key",
        )
        await pilot.press("b")
        await waiting.until(
            lambda: getattr(control.screen, "ref", "") == waits.ref, what="the run's screen"
        )
        assert getattr(control.screen, "NAME", "") == "run"
