"""Queues on the screen: groups, canary, everything marked, arguments, edit, diff, search."""

from __future__ import annotations

from textual.widgets import Button, TextArea

from mrcore.model import plans, queue, wire
from mrtui import app, finding
from mrtui.cli import show
from mrtui.screens import editor, found, job, jobs
from tests import waiting
from tests.tui import facts, shots, simulated
from tests.tui.test_app import failed_jobs, here, rows, says
from tests.tui.test_deeds import dialog

EMAIL = "huey/queue/emailQueue"
FIRST = f"huey/group/emailQueue/{facts.PRINTS[0]}"
JOB = "huey/job/emailQueue/8123"


async def groups(control: app.ControlRoom) -> None:
    """Go to the failures of emailQueue."""
    await control.enter(EMAIL)
    await says(control, "[groups 3]")


def offers(core: simulated.Simulated, identity: str, *actions: str, **other: object) -> None:
    """Let a job offer actions."""
    core.become(identity, actions=actions, **other)


async def test_enter_on_a_group_lists_its_jobs_and_esc_leads_back_to_it() -> None:
    core = simulated.Simulated()
    async with shots.running((120, 24), core) as (control, pilot):
        await groups(control)
        assert rows(control) == [group.ref for group in core.groups]
        assert "✚ 535-5.7.8" in show.text(control)
        assert "new since 13:5" in show.text(control)
        await pilot.press("down", "enter")
        await waiting.until(
            lambda: rows(control) == ["huey/job/emailQueue/8122", "huey/job/emailQueue/8119"],
            what="its jobs",
        )
        asked = core.asked[-1][2]
        assert (asked.state, asked.fingerprint) == ("failed", facts.PRINTS[1])
        await says(control, "esc leads back")
        await pilot.press("escape")
        await says(control, "[groups 3]")
        assert here(control).cursor_ref == core.groups[1].ref


async def test_a_group_is_retried_as_a_canary_or_whole_and_waits_meanwhile() -> None:
    core = simulated.Simulated()
    async with shots.running((120, 24), core) as (control, pilot):
        await groups(control)
        await says(control, "C canary retry 10")
        wanted = plans.Query(state="failed", fingerprint=facts.PRINTS[0])
        for key, args in (("C", {"canary": 10}), ("R", {}), ("r", {}), ("X", {}), ("Q", {})):
            core.wishes.clear()
            await pilot.press(key)
            await waiting.until(lambda: core.wishes, what=key)
            action, chosen, given = core.wishes[0]
            assert (chosen.ref, chosen.collection, chosen.query) == (EMAIL, "jobs", wanted)
            assert given == args
            await waiting.until(lambda: len(core.applied) == len(core.made), what="apply")
        assert action == "job.quarantine"
        assert FIRST in control.acting.pending


async def test_groups_fill_while_they_are_looked_at() -> None:
    core = simulated.Simulated()
    async with shots.running((120, 24), core) as (control, pilot):
        await groups(control)
        more = core.groups[0].model_copy(update={"jobs": 9_999})
        far = wire.Looked(scanned=9_999, total=20_000, complete=False)
        core.news.put_nowait(wire.Page(at=facts.NOW, rows=(more,), looked=far))
        await says(control, "looked at 9,999 of 20,000")
        assert rows(control) == [more.ref]
        assert pilot.app is control


async def test_everything_that_matches_can_be_marked_and_is_one_selection() -> None:
    core = simulated.Simulated()
    for known in list(core.jobs):
        offers(core, known, "queue.retry", "job.remove")
    async with shots.running((120, 24), core) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("slash", *"otp", "enter")
        await waiting.until(lambda: len(rows(control)) == 3, what="the filtered ones")
        await pilot.press("asterisk")
        await says(control, "▣ all 37 failed that match are marked")
        await pilot.press("X")
        await waiting.until(lambda: core.wishes, what="a plan")
        _, chosen, _ = core.wishes[0]
        assert chosen.refs == ()
        assert (chosen.query.state, chosen.query.text) == ("failed", "otp")
        await waiting.until(lambda: core.applied, what="apply")
        assert "▣" not in show.text(control)


async def test_an_argument_is_asked_for_as_the_catalogue_explains_it() -> None:
    core = simulated.Simulated()
    offers(core, "8123", "job.delay")
    async with shots.running((80, 24), core) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("z")
        await says(control, "run it so many seconds from now")
        await pilot.press(*"90", "enter")
        await waiting.until(lambda: core.wishes, what="a plan")
        assert core.wishes[0] == ("job.delay", plans.Selection(refs=(JOB,)), {"by_s": 90})


async def test_a_queue_is_cleaned_with_the_state_of_the_tab_and_drained_by_its_name() -> None:
    core = simulated.Simulated()
    found = next(q for q in facts.queues() if q.ref == EMAIL)
    both = found.model_copy(update={"actions": ("queue.clean", "queue.drain")})
    async with shots.running((80, 40), core) as (control, pilot):
        core.events.put_nowait(wire.Changed(source="huey", at=facts.NOW, upserts=(both,)))
        await waiting.until(lambda: control.world.get(EMAIL) == both, what="the queue")
        await failed_jobs(control)
        await pilot.press("W")
        await says(control, "ended so many seconds ago")
        await pilot.press("enter", *"60", "enter")
        await waiting.until(lambda: core.wishes, what="a plan")
        clean = ("queue.clean", plans.Selection(refs=(EMAIL,)), {"state": "failed", "older_s": 60})
        assert core.wishes[0] == clean
        core.planned_as = {"risk": plans.Risk.CRITICAL, "confirm": "emailQueue"}
        await waiting.until(lambda: isinstance(control.screen, jobs.Jobs), what="jobs")
        await pilot.press("Z", "enter")
        await dialog(control)
        await says(control, "type emailQueue to confirm")
        assert core.wishes[1][2] == {}


async def test_an_edit_is_planned_as_the_smallest_patch_and_tags_are_kept() -> None:
    core = simulated.Simulated()
    offers(core, "8123", "job.edit")
    async with shots.running((120, 40), core) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("E")

        def shown() -> TextArea | None:
            over = control.screen
            stands = isinstance(over, editor.EditDialog) and over.stands
            return over.query_one(TextArea) if stands else None

        area = await waiting.until(shown, what="the editor")
        assert area is not None
        assert control.screen.query_one("#plan", Button).disabled
        was = area.text
        area.text = was.replace("email:7f3a91", "cc email:7f3a91")
        await says(control, "stands for a value that is hidden")
        area.text = was.replace('"otp"', '"otp')
        await says(control, "This is no JSON")
        area.text = was.replace('"otp"', '"reminder"')
        await says(control, '/template → "reminder"')
        control.screen.query_one("#plan", Button).press()
        await waiting.until(lambda: core.wishes, what="a plan")
        ops = [{"op": "replace", "path": "/template", "value": "reminder"}]
        assert core.wishes[0] == ("job.edit", plans.Selection(refs=(JOB,)), {"patch": ops})


async def test_typing_into_the_editor_edits() -> None:
    core = simulated.Simulated()
    offers(core, "8123", "job.edit")
    async with shots.running((80, 24), core) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("E")
        await says(control, "nothing is changed")
        await pilot.press("down", "down", "end", "left", "left", *"q2r")
        await says(control, '/template → "otpq2r"')
        await pilot.press("escape")
        await waiting.until(lambda: isinstance(control.screen, jobs.Jobs), what="jobs")
        assert core.wishes == []


async def test_a_job_is_compared_with_one_that_succeeded() -> None:
    async with shots.running((120, 40)) as (control, pilot):
        await control.enter(JOB)
        await says(control, "3 of 3")
        await pilot.press("d")
        await says(control, '+  "expiresAt": "14:06:02Z"')
        assert '-  "cc": null' in show.text(control)
        await pilot.press("d")
        await says(control, "3 of 3")


async def test_what_a_job_leads_to_is_chosen_and_opens() -> None:
    async with shots.running((120, 40)) as (control, pilot):
        await control.enter(JOB)
        await says(control, "3 of 3")
        await pilot.press("enter")
        await says(control, "it leads to")
        await pilot.press("down", "enter")
        await says(control, "8001")
        assert isinstance(control.screen, job.Job)
        assert control.screen.ref == simulated.GOOD


def _pages(core: simulated.Simulated, *far: int, total: int = 1_204_331) -> None:
    """What a search gets page by page, a hit on each."""
    hits = list(core.jobs.values())
    core.pages = [
        wire.Page(
            at=facts.NOW,
            rows=(hits[place],),
            cursor=str(place),
            looked=wire.Looked(scanned=scanned, total=total, complete=False),
        )
        for place, scanned in enumerate(far)
    ]


async def test_a_search_streams_hits_says_how_far_it_looked_and_goes_on() -> None:
    core = simulated.Simulated()
    _pages(core, 3_000, finding.LOOKED)
    async with shots.running((120, 24), core) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("F", *"email", "enter")
        await says(control, "2 hits · newest 20,000 of 1,204,331 looked at · n goes on")
        room = here(control)
        assert isinstance(room, found.Found)
        assert room.owner == EMAIL
        assert all(query.text == "email" for _, name, query in core.asked if name == "found")
        await pilot.press("n")
        await says(control, "all 6 jobs looked at")
        assert len(rows(control)) == 6
        await pilot.press("enter")
        await waiting.until(lambda: isinstance(control.screen, job.Job), what="the job")


async def test_esc_stops_a_search_and_then_leaves() -> None:
    core = simulated.Simulated()
    async with shots.running((120, 24), core) as (control, pilot):
        core.may_page.clear()
        await pilot.press("colon", *"search x", "enter")
        await says(control, "esc stops")
        await pilot.press("escape")
        await says(control, "n goes on")
        assert isinstance(here(control), found.Found)
        await pilot.press("escape")
        await waiting.until(lambda: not isinstance(control.screen, found.Found), what="home")


async def test_a_search_over_all_queues_says_which_it_cannot_search() -> None:
    core = simulated.Simulated()
    core.unsearchable = "huey/queue/missOzone"
    async with shots.running((120, 24), core) as (control, _):
        await control.enter(finding.address("sendOtp"))
        await says(control, "missOzone is not searched: no journal")
        assert {of for of, name, _ in core.asked if name == "found"} == set(
            control.world.table("queue")
        )


async def test_states_that_are_rare_have_a_tab_only_while_they_hold_something() -> None:
    core = simulated.Simulated()
    known = next(q for q in facts.queues() if q.ref == EMAIL)
    assert isinstance(known, queue.Queue)
    counts = known.counts.model_copy(update={"prioritized": 5})
    core.become("8200", state=queue.JobState.PRIORITIZED, priority=3)
    async with shots.running((120, 24), core) as (control, pilot):
        await groups(control)
        assert "prioritized" not in show.text(control)
        upsert = known.model_copy(update={"counts": counts})
        core.events.put_nowait(wire.Changed(source="huey", at=facts.NOW, upserts=(upsert,)))
        await says(control, " prioritized 5")
        await pilot.press("shift+tab")
        await says(control, "[prioritized 5]")
        wanted = ["huey/job/emailQueue/8200"]
        await waiting.until(lambda: rows(control) == wanted, what="the job")
        assert "prio " in show.text(control)
