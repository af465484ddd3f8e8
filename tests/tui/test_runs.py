"""`b` leads from what is wrong to the run of its runbook, and is a key only where it leads."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

from mrcore import errors, folder
from mrcore.gameday import keypresses
from mrcore.model import plans, run, wire
from mrtui import app, counting, runs, world
from mrtui.cli import show
from tests import waiting
from tests.tui import facts, facts_runs, shots, simulated, test_arguments


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


async def test_home_leads_to_the_run_that_it_names_until_a_person_chooses_a_row() -> None:
    core = simulated.Simulated()
    worst = facts.alerts()[0]
    its = facts_runs.ready(worst)
    of_row = facts_runs.runs()[0].model_copy(update={"alert": "", "id": 44, "ref": "core/run/44"})
    assert of_row.subject == worst.subject
    async with shots.running((80, 24), core) as (control, pilot):
        core.tell(*facts.alerts(), its, of_row)
        await waiting.until(lambda: "b: runbook A diagnosed" in shown(control), what="its name")
        await pilot.press("down", "up")
        await waiting.until(lambda: "b: runbook A" not in shown(control), what="the row's own")
        await pilot.press("b")
        await waiting.until(lambda: room(control) == of_row.ref, what="the row's run")
    async with shots.running((80, 24), core) as (control, pilot):
        core.tell(*facts.alerts(), its, of_row)
        await waiting.until(lambda: "b: runbook A diagnosed" in shown(control), what="its name")
        await pilot.press("b")
        await waiting.until(lambda: room(control) == its.ref, what="the named run")


async def test_n_shows_the_plan_of_the_step_that_waits_and_applies_it_there() -> None:
    core = simulated.Simulated()
    found = facts_runs.ready(facts.alerts()[0])
    fix = await core.plan("queue.retry", plans.Selection(refs=("huey/job/emailQueue/8123",)))
    planned = found.steps[0].model_copy(update={"plan": fix.plan_id})
    entity = found.model_copy(update={"steps": (planned,)})
    after = found.steps[0].model_copy(update={"id": "retry", "title": "retry what failed"})
    core.details[found.ref] = wire.Detail(at=facts.NOW, entity=entity)
    async with shots.running((80, 24), core) as (control, pilot):
        core.tell(*facts.alerts(), found)
        await waiting.until(lambda: "b: runbook A diagnosed, fix ready" in shown(control), what="b")
        await pilot.press("b")
        await waiting.until(lambda: "▶ n plans" in shown(control), what="what is next")
        await pilot.press("n")
        await waiting.until(lambda: len(core.applied) == 1, what="the plan's plan")
        core.tell(core.operation(core.applied[0][0], action="run.next", state="done", done=1))
        await waiting.until(lambda: "expires" in shown(control), what="the plan")
        await pilot.press("right", "enter")
        await waiting.until(lambda: len(core.applied) == 2, what="the fix")
        assert core.applied[1][0] == fix.plan_id
        assert len(core.wishes) == 2
        core.tell(found.model_copy(update={"waits": "retry", "steps": (planned, after)}))
        await waiting.until(lambda: len(core.wishes) == 3, what="the next fix, by itself")
        assert core.wishes[-1][0] == "run.next"
        assert "n plans" not in shown(control)


async def test_a_run_that_goes_on_in_another_says_which_key_leads_there() -> None:
    core = simulated.Simulated()
    way = run.Step(id="way", kind="decide", title="which way", state="passed", found="J")
    before = facts_runs.ready(facts.alerts()[0]).model_copy(
        update={"waits": "", "steps": (way,), "actions": ("run.abort",), "alerts": ()}
    )
    after = facts_runs.runs()[1].model_copy(
        update={"id": 44, "ref": "core/run/44", "state": run.RunState.WAITING, "ended_at": None}
    )
    async with shots.running((120, 40), core) as (control, pilot):
        core.tell(before)
        await waiting.until(lambda: control.world.get(before.ref), what="the run")
        await control.enter(before.ref)
        await waiting.until(lambda: "which way" in shown(control), what="its steps")
        assert "goes on in" not in shown(control)
        core.tell(after)
        await waiting.until(lambda: "▶ b goes on in runbook J" in shown(control), what="the key")
        await pilot.press("n")
        await waiting.until(
            lambda: "n does nothing: b goes on in runbook J" in shown(control), what="why"
        )
        await pilot.press("b")
        await waiting.until(lambda: room(control) == after.ref, what="the run that goes on")


async def test_b_begins_the_run_of_an_alert_and_shows_it() -> None:
    core = simulated.Simulated()
    found = facts.alerts()[0]
    async with shots.running((80, 24), core) as (control, pilot):
        core.tell(*facts.alerts(), *facts_runs.books())
        await pilot.press("6")
        await waiting.until(lambda: control.cursor_ref == found.ref, what="the alert")
        await waiting.until(lambda: "b runbook" in shown(control), what="the key")
        await pilot.press("b")
        await waiting.until(lambda: len(core.applied) == 1, what="the start")
        begun = ("runbook.start", plans.Selection(refs=("core/runbook/A",)), {"subject": found.ref})
        assert core.wishes[-1] == begun
        core.tell(
            facts_runs.ready(found),
            core.operation(core.applied[0][0], action="runbook.start", state="done", done=1),
        )
        await waiting.until(lambda: control.screen.NAME == "run", what="its run")  # type: ignore[attr-defined]


async def test_a_run_that_was_about_nothing_is_begun_anew_on_what_a_person_says() -> None:
    core = simulated.Simulated()
    wants = "subject: runbook A is about a queue."
    core.refuses_plans = [errors.BadRequest(wants)]
    over = facts_runs.ready(facts.alerts()[0]).model_copy(
        update={"state": run.RunState.RECOVERED, "subject": "", "alert": "", "alerts": ()}
    )
    async with shots.running((80, 24), core) as (control, pilot):
        core.tell(over, *facts_runs.books())
        await waiting.until(lambda: control.world.get(over.ref), what="the run")
        await control.enter(over.ref)
        await pilot.press("b")
        shown_ = await test_arguments.form(control)
        assert shown_.focused is test_arguments.line(shown_, "subject")
        assert wants in shown(control)
        await pilot.press(*"huey", "enter", "enter")
        await waiting.until(lambda: len(core.wishes) == 2, what="another plan")
        chosen = plans.Selection(refs=("core/runbook/A",))
        assert core.wishes[-1] == ("runbook.start", chosen, {"subject": "huey"})


def test_an_alert_that_fires_anew_has_no_run_yet() -> None:
    known, found = world.World(), facts.alerts()[0]
    ended = facts_runs.ready(found).model_copy(
        update={"state": run.RunState.RECOVERED, "waits": "", "ended_at": facts.ago(7_000)}
    )
    books = facts_runs.books()
    known.apply(wire.Changed(source="core", at=facts.NOW, upserts=(found, ended, *books)))
    assert runs.led(known, found.ref) is None
    assert runs.begins(known, found.ref) == runs.Begin("core/runbook/A", found.ref)
    assert runs.begins(known, ended.ref) == runs.Begin("core/runbook/A", found.ref)
    later = ended.model_copy(update={"ended_at": facts.NOW})
    known.apply(wire.Changed(source="core", at=facts.NOW, upserts=(later,)))
    assert runs.led(known, found.subject) == later


def test_a_run_that_only_leads_on_is_passed_by_unless_it_waits_or_they_lead_to_each_other() -> None:
    known, found = world.World(), facts.alerts()[0]
    ready = facts_runs.ready(found)

    def way(to: str) -> tuple[run.Step, ...]:
        return (run.Step(id="way", kind="decide", title="which way", state="passed", found=to),)

    leads = ready.model_copy(update={"waits": "", "steps": way("J")})
    goes_on = ready.model_copy(
        update={"id": 44, "ref": "core/run/44", "runbook": "J", "alerts": (), "alert": ""}
    )
    known.apply(wire.Changed(source="core", at=facts.NOW, upserts=(found, leads, goes_on)))
    assert runs.led(known, found.ref) == goes_on
    waits = ready.model_copy(update={"steps": (*ready.steps, *way("J"))})
    known.apply(wire.Changed(source="core", at=facts.NOW, upserts=(waits,)))
    assert runs.led(known, found.ref) == waits
    back = goes_on.model_copy(update={"waits": "", "steps": way(leads.runbook)})
    known.apply(wire.Changed(source="core", at=facts.NOW, upserts=(leads, back)))
    assert runs.led(known, found.ref) in (leads, back)
    over = goes_on.model_copy(update={"state": run.RunState.RECOVERED, "ended_at": facts.NOW})
    known.apply(wire.Changed(source="core", at=facts.NOW, upserts=(over,)))
    assert runs.led(known, found.ref) == leads


def test_a_key_counts_only_while_a_game_day_is_played_and_since_its_alert(tmp_path: Path) -> None:
    clock, there = itertools.count(facts.NOW.timestamp()), tmp_path / counting.FILE
    counter = counting.Counter(tmp_path, now=lambda: next(clock))
    counter.press()
    assert not there.exists()
    with keypresses.Keypresses(folder.StateFolder(tmp_path)) as counted:
        for _ in range(3):
            counter.press()
        assert counted.since(facts.NOW) == 3
        assert counted.since(facts.NOW + timedelta(seconds=1)) == 2
    assert not there.exists()


def room(control: app.ControlRoom) -> str:
    """What the screen on top is about."""
    return str(getattr(control.screen, "ref", ""))


def shown(control: app.ControlRoom) -> str:
    """What is on the screen."""
    return show.text(control)
