"""ControlRoom on the simulated core: keys, actions, loss and return, what is never shown."""

from __future__ import annotations

import asyncio

import pytest
from textual.widgets import Button

from mrcore.model import log, plans, queue, wire
from mrtui import app, start
from mrtui.cli import show
from mrtui.columns import table
from mrtui.screens import confirm, home, job, jobs, plan_dialog, room
from mrtui.terminal import capabilities
from mrtui.widgets import log_view
from tests import waiting
from tests.tui import facts, shots, simulated

FAILED = "huey/job/emailQueue/8123"


def here(control: app.ControlRoom) -> room.Room:
    """The room on top."""
    screen = control.screen
    assert isinstance(screen, room.Room)
    return screen


def rows(control: app.ControlRoom) -> list[str]:
    """Refs of the rows of the room on top."""
    grid = here(control).grid
    assert grid is not None
    return [row.ref for row in grid.rows]


async def says(control: app.ControlRoom, words: str) -> None:
    """Wait until words are on the screen."""
    await waiting.until(lambda: words in show.text(control), what=repr(words))


async def failed_jobs(control: app.ControlRoom) -> None:
    """Go to the failed jobs of emailQueue."""
    await control.enter("huey/queue/emailQueue")
    await says(control, "groups")
    await here(control).do("tab 1")
    await says(control, "8123")


async def test_r_on_a_failed_job_is_pending_until_the_core_says_so() -> None:
    core = simulated.Simulated()
    async with shots.running(core=core) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("r")
        await waiting.until(lambda: core.applied, what="apply")
        await says(control, "⟳")
        assert FAILED in rows(control)
        core.finish(core.applied[0][0], done=1)
        await says(control, "1 of 1 done · operation 41: Retry failed job")
        await waiting.until(lambda: "⟳" not in show.text(control), what="no mark")


async def test_a_retried_job_stays_in_its_place_until_it_is_final_and_the_cursor_leaves() -> None:
    core = simulated.Simulated()
    async with shots.running((120, 24), core) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("down")
        before, second = rows(control), rows(control)[1]
        await pilot.press("r")
        await waiting.until(lambda: core.applied, what="apply")
        core.finish(core.applied[0][0], done=1)
        await says(control, "→ waiting")
        for state in (queue.JobState.ACTIVE, queue.JobState.COMPLETED):
            core.become("8122", state=state)
            here(control).tick()
            await says(control, f"→ {state.value}")
        assert rows(control) == before
        assert here(control).cursor_ref == second
        core.become("8122", state=queue.JobState.WAITING)
        here(control).tick()
        await shots.settled(pilot)
        assert "→ completed" in show.text(control), "what has ended is asked for no more"
        await pilot.press("down")
        await waiting.until(lambda: second not in rows(control), what="the row to go")
        assert here(control).cursor_ref == before[2]


async def test_marked_jobs_stay_too_and_another_tab_shows_none_of_them() -> None:
    core = simulated.Simulated()
    async with shots.running((120, 24), core) as (control, pilot):
        await failed_jobs(control)
        before = rows(control)
        await pilot.press("space", "space", "r")
        await waiting.until(lambda: core.applied, what="apply")
        core.finish(core.applied[0][0], done=2)
        await waiting.until(lambda: show.text(control).count("→ waiting") == 2, what="both")
        assert rows(control) == before
        await pilot.press("tab", "shift+tab")
        await waiting.until(lambda: rows(control) == before[2:], what="the list as it is")


async def test_a_second_retry_on_another_row_does_not_cut_off_the_first() -> None:
    core = simulated.Simulated()
    async with shots.running((120, 24), core) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("r", "down", "r")
        await waiting.until(lambda: len(core.applied) == 2, what="both")


async def test_a_retried_job_renews_itself_on_its_own_screen() -> None:
    core = simulated.Simulated()
    async with shots.running((120, 24), core) as (control, pilot):
        await control.enter(FAILED)
        await says(control, "3 of 3")
        await pilot.press("r")
        await waiting.until(lambda: core.applied, what="apply")
        core.finish(core.applied[0][0], done=1)
        await says(control, "· waiting 3/3")
        core.become("8123", state=queue.JobState.FAILED, attempts=4)
        here(control).tick()
        await says(control, "4 of 4")
        assert "✖ failed 4/3" in show.text(control)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [({"skipped": 1}, "skipped, it had moved on"), ({"failed": 1, "error": "no"}, "refused, no")],
)
async def test_what_did_not_work_is_said_and_the_row_stays(
    outcome: dict[str, object], words: str
) -> None:
    core = simulated.Simulated()
    async with shots.running((120, 24), core) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("r")
        await waiting.until(lambda: core.applied, what="apply")
        core.finish(core.applied[0][0], **outcome)
        await says(control, words)
        assert FAILED in rows(control)


async def test_marked_jobs_are_retried_in_one_plan() -> None:
    core = simulated.Simulated()
    async with shots.running(core=core) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("space", "space", "r")
        await waiting.until(lambda: core.applied, what="apply")
        core.finish(core.applied[0][0], done=2)
        await says(control, "2 of 2 done")
        assert len(core.applied) == 1


async def test_a_high_risk_shows_its_plan_with_the_focus_on_cancel_and_holds_the_rows() -> None:
    core = simulated.Simulated()
    core.risk = plans.Risk.HIGH
    async with shots.running(core=core) as (control, pilot):
        await failed_jobs(control)
        jobs_room = here(control)
        await pilot.press("r")
        await waiting.until(
            lambda: isinstance(control.screen, plan_dialog.PlanDialog), what="dialog"
        )
        await says(control, "these will fail again")
        assert isinstance(control.focused, Button)
        assert control.focused.id == "cancel"
        assert jobs_room.grid is not None
        assert jobs_room.grid.frozen
        await pilot.press("enter")
        await waiting.until(lambda: control.screen is jobs_room, what="the dialog to close")
        await waiting.until(lambda: not control.acting.pending, what="nothing pending")
        assert core.applied == []
        assert not jobs_room.grid.frozen


async def test_a_high_risk_is_applied_with_its_reason_after_yes() -> None:
    core = simulated.Simulated()
    core.risk = plans.Risk.HIGH
    async with shots.running(core=core) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("r")
        await waiting.until(
            lambda: isinstance(control.screen, plan_dialog.PlanDialog), what="dialog"
        )
        control.screen.query_one("#reason").focus()
        await pilot.press(*"INC-12")
        control.screen.query_one("#apply", Button).press()
        await waiting.until(lambda: core.applied, what="apply")
        assert core.applied[0][1] == "INC-12"


async def test_read_only_has_no_key_for_an_action() -> None:
    core = simulated.Simulated()
    async with shots.running(core=core, read_only=True) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("r")
        await shots.settled(pilot)
        assert core.applied == []
        assert "r retry" not in show.text(control)
        assert "read-only" in show.text(control)


async def test_a_job_that_does_not_offer_the_action_has_no_key_for_it() -> None:
    core = simulated.Simulated()
    async with shots.running(core=core) as (control, pilot):
        await failed_jobs(control)
        assert "r retry" in show.text(control)
        await pilot.press("tab")
        await waiting.until(lambda: rows(control) == ["huey/job/emailQueue/8200"], what="waiting")
        await shots.settled(pilot)
        assert "r retry" not in show.text(control)


async def test_enter_leads_in_esc_back_and_minus_to_the_view_before() -> None:
    async with shots.running() as (control, pilot):
        await pilot.press("2")
        await says(control, "emailQueue")
        await pilot.press("enter")
        await says(control, "ECONNRESET")
        await pilot.press("tab")
        await says(control, "8123")
        await pilot.press("enter")
        await says(control, "SMTPAuthenticationError")
        assert isinstance(control.screen, job.Job)
        await pilot.press("escape")
        await waiting.until(lambda: isinstance(control.screen, jobs.Jobs), what="jobs")
        await pilot.press("1")
        await waiting.until(lambda: isinstance(control.screen, home.Home), what="home")
        await pilot.press("minus")
        await waiting.until(lambda: isinstance(control.screen, jobs.Jobs), what="jobs again")


async def test_attempts_are_walked_from_the_newest_to_the_oldest() -> None:
    async with shots.running() as (control, pilot):
        await control.enter(FAILED)
        await says(control, "3 of 3")
        await pilot.press("left", "left", "left")
        await says(control, "1 of 3")
        await pilot.press("right")
        await says(control, "2 of 3")


async def test_t_shows_the_whole_trace_and_folds_it_again() -> None:
    async with shots.running((120, 40)) as (control, pilot):
        await control.enter(FAILED)
        await says(control, "(+1 library frame)")
        assert 'smtplib.py"' not in show.text(control)
        await pilot.press("t")
        await says(control, 'File "/usr/lib/python3.11/smtplib.py", line 750')
        await pilot.press("t")
        await says(control, "(+1 library frame)")


async def test_the_filter_works_while_it_is_typed_inverts_and_ends_with_esc() -> None:
    async with shots.running() as (control, pilot):
        await pilot.press("2")
        await says(control, "emailQueue")
        await pilot.press("slash", *"email")
        await waiting.until(lambda: rows(control) == ["huey/queue/emailQueue"], what="one row")
        await pilot.press("enter")
        assert rows(control) == ["huey/queue/emailQueue"]
        await pilot.press("escape")
        await waiting.until(lambda: len(rows(control)) == 21, what="all rows")
        await pilot.press("slash", *"!Queue", "enter")
        expected = {"huey/queue/mrlearnSync", "huey/queue/missOzone"}
        await waiting.until(lambda: set(rows(control)) == expected, what="the inverse")


async def test_esc_in_the_prompt_restores_the_filter_before() -> None:
    async with shots.running() as (control, pilot):
        await pilot.press("2", "slash", *"email", "escape")
        await waiting.until(lambda: len(rows(control)) == 21, what="all rows")


async def test_commands_are_found_by_their_beginning_and_mistakes_are_said() -> None:
    async with shots.running() as (control, pilot):
        await pilot.press("colon", *"sched", "enter")
        await says(control, "Asia/Kolkata")
        await pilot.press("colon", *"nonsense", "enter")
        await says(control, "there is no :nonsense")
        await pilot.press("colon", *"open mr://pg/session/4711/17", "enter")
        await says(control, "session 4711")
        await pilot.press("colon", *"open nothing", "enter")
        await says(control, "is not a ref")


async def test_sorting_goes_through_the_orders() -> None:
    async with shots.running() as (control, pilot):
        await pilot.press("2")
        await says(control, "emailQueue")
        await pilot.press("s")
        await says(control, "sorted by name")
        assert rows(control)[0] == "huey/queue/auditQueue"
        await says(control, "queue▲")
        await pilot.press("s")
        await says(control, "▼ active")


async def test_home_is_drawn_at_its_width_before_anything_changes() -> None:
    async with shots.running((160, 45)) as (control, _):
        health = next(pane for pane in control.screen.query(home.Pane) if pane.pane == "health")
        assert health.shown is not None
        kept = table.fit(health.shown.columns, health.grid.size.width)
        assert len(health.grid._layout.columns) == len(kept)
        assert health.grid._layout.columns == tuple(
            table.narrowed(health.shown.columns, kept, health.grid.size.width)
        )


async def test_a_frozen_list_stays_while_the_world_changes() -> None:
    core = simulated.Simulated()
    async with shots.running(core=core) as (control, pilot):
        await pilot.press("2", "p")
        before = rows(control)
        gone = wire.Changed(
            source="huey", at=facts.NOW, removes=("huey/queue/emailQueue", "huey/queue/kpiQueue")
        )
        core.events.put_nowait(gone)
        await waiting.until(lambda: "huey/queue/kpiQueue" not in control.world.table("queue"))
        await shots.settled(pilot)
        assert rows(control) == before
        await pilot.press("p")
        await waiting.until(lambda: len(rows(control)) == 19, what="the latest rows")


async def test_a_lost_core_keeps_what_was_shown_and_comes_back() -> None:
    core, clock = simulated.Simulated(), simulated.Clock()
    async with shots.running((120, 40), core, clock) as (control, _):
        core.down = "The core at /tmp/x has gone."
        core.events.put_nowait(None)
        await says(control, "core lost")
        clock.forward(14)
        control.repaint()
        await says(control, "as of 14:02:10, 14 s old")
        assert "emailQueue" in show.text(control)
        clock.at = facts.NOW
        core.down = ""
        await waiting.until(lambda: control.world.connected, what="the core to come back")
        await says(control, "● live")
        assert "as of" not in show.text(control)
        assert control.is_running


async def test_keys_that_need_a_lost_core_say_why_they_do_nothing() -> None:
    core = simulated.Simulated()
    async with shots.running(core=core) as (control, pilot):
        await failed_jobs(control)
        core.silent, core.down = True, "gone"
        core.events.put_nowait(None)
        await waiting.until(lambda: not control.world.connected, what="loss")
        await pilot.press("r")
        await says(control, "The core does not answer just now")


async def test_foreign_text_reaches_the_screen_only_as_visible_characters() -> None:
    async with shots.running((120, 40)) as (control, pilot):
        for name in ("home", "logs", "huey/queue/emailQueue"):
            await control.enter(name)
            await shots.settled(pilot)
            shown = show.text(control).replace("\n", "")
            assert shown.isprintable(), name
        await pilot.press("tab")
        await says(control, "‹U+202E›")


async def test_every_theme_can_be_changed_to_while_it_runs() -> None:
    async with shots.running() as (control, pilot):
        names = ("light", "ansi", "contrast", "amber", "ansi", "calm", "nope")
        for name in names:
            await pilot.press("colon", *f"theme {name}", "enter")
            await shots.settled(pilot)
            assert control.theme == name or name == "nope"
        await says(control, "themes: ")


@pytest.mark.parametrize("theme", ["", "contrast"])
async def test_it_starts_where_there_are_no_colours(theme: str) -> None:
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "vt100"}):
        found = capabilities.prepare({"TERM": "xterm-256color", **environ})
        assert found.locked_theme == "ansi"
    async with shots.running(theme=theme, locked_theme="ansi") as (control, pilot):
        assert control.theme == "ansi"
        await pilot.press("2", "colon", *"theme contrast", "enter")
        await says(control, "allows the theme ansi only")


async def test_a_list_that_is_filtered_to_nothing_says_so() -> None:
    async with shots.running() as (control, pilot):
        await pilot.press("2", "slash", *"nobody", "enter")
        await says(control, "nothing matches /nobody/")
        assert rows(control) == []


@pytest.mark.parametrize("typed", ["a(b", "(?=x)", "x{1001}"])
async def test_a_filter_that_is_none_is_said_under_the_prompt_and_is_not_taken(typed: str) -> None:
    core = simulated.Simulated()
    async with shots.running((120, 24), core) as (control, pilot):
        for screen in ("queues", "huey/queue/emailQueue", "redis", "logs"):
            await control.enter(screen)
            await shots.settled(pilot)
            core.asked.clear()
            await pilot.press("slash", *typed, "enter")
            await says(control, "is not a regular expression")
            shown = show.text(control).splitlines()
            prompt = next(n for n, line in enumerate(shown) if line.startswith(f" /{typed}"))
            assert "is not a regular expression" in shown[prompt + 1]
            assert all(query.text != typed for _, _, query in core.asked)
            if (grid := here(control).grid) is not None:
                assert not grid.rows, "rows without a filter under a new one"
            await pilot.press("escape")
            await waiting.until(lambda: "is not a regular" not in show.text(control), what="end")
            await control.enter("home")


async def test_a_search_that_backtracks_for_ever_elsewhere_ends_here() -> None:
    async with shots.running((120, 24)) as (control, pilot):
        await control.enter("logs")
        await says(control, "pool 3/20")
        text = "a" * 5_000
        row = log_view.LogRow("logs/line/x/1", "14:02:11", "info", "x", text)
        view = control.screen.query_one(log_view.LogView)
        view.append([row] * 200)
        await pilot.press("slash", *"(.*.*)*zz$", "enter")
        await says(control, "nothing matches /(.*.*)*zz$/")
        assert "pool 3/20" not in show.text(control), "lines without the filter"


async def test_a_filter_lets_go_of_frozen_rows() -> None:
    async with shots.running() as (control, pilot):
        await pilot.press("2", "p", "slash", *"email", "enter")
        await waiting.until(lambda: rows(control) == ["huey/queue/emailQueue"], what="one row")


async def test_an_attempt_stays_open_when_a_newer_one_is_added() -> None:
    core = simulated.Simulated()
    async with shots.running((120, 24), core) as (control, pilot):
        await control.enter(FAILED)
        await says(control, "3 of 3")
        await pilot.press("left")
        await says(control, "attempt 2, failed  2 of 3")
        core.become("8123", attempts=4)
        core.events.put_nowait(wire.Touched(refs=(FAILED,)))
        await says(control, "attempt 2, failed  2 of 4")


async def test_a_delayed_job_says_when_it_is_due() -> None:
    core = simulated.Simulated()
    core.become(
        "8123", state=queue.JobState.DELAYED, due_at=facts.ago(-19), finished_at=None, attempts=4
    )
    async with shots.running((120, 24), core) as (control, _):
        await control.enter(FAILED)
        await says(control, "◷ delayed 4/3 · due in 19s")
        assert "took -" not in show.text(control)


async def test_l_looks_for_what_lines_name_and_for_nothing_else() -> None:
    core = simulated.Simulated()
    async with shots.running((120, 24), core) as (control, pilot):
        await control.enter("audit")
        await says(control, "queue.retry")
        await pilot.press("l")
        await says(control, "/8123/")
        await control.enter("operations")
        await says(control, "Retry failed job")
        core.asked.clear()
        await pilot.press("l")
        await waiting.until(lambda: core.asked, what="lines")
        assert core.asked[-1][2].text == ""


async def test_a_stream_is_found_by_its_name_in_a_source_of_any_name() -> None:
    core = simulated.Simulated()
    async with shots.running((120, 24), core) as (control, pilot):
        there = log.LogStream(ref="files/stream/nginx", name="nginx", path="/var/log/nginx")
        core.events.put_nowait(wire.Changed(source="files", at=facts.NOW, upserts=(there,)))
        await waiting.until(lambda: control.world.get(there.ref), what="the stream")
        await pilot.press("colon", *"logs nginx", "enter")
        await waiting.until(lambda: ("files/stream/nginx", "lines") in asked(core), what="it")
        await pilot.press("colon", *"logs nothing", "enter")
        await says(control, "no source has a log stream 'nothing'")


def asked(core: simulated.Simulated) -> list[tuple[str, str]]:
    """Owners and collections that were asked for."""
    return [(owner, collection) for owner, collection, _ in core.asked]


async def test_leaving_asks_when_it_stops_a_stack() -> None:
    async with shots.running(owns_stack=lambda: True) as (control, pilot):
        await pilot.press("q")
        await says(control, "Stop the stack?")
        await pilot.press("enter")
        await waiting.until(lambda: isinstance(control.screen, home.Home), what="home again")
        await pilot.press("q")
        await says(control, "Stop the stack?")
        await pilot.press("y")
        await waiting.until(lambda: control._exit, what="the end")


async def test_the_splash_shows_each_step_of_a_boot_and_why_one_failed() -> None:
    steps = [
        start.Step("postgres", "ready", 0.7),
        start.Step("valkey", "starting"),
        start.Step("seed", "failed", None, "exit 1: no \x1b[31mspace"),
    ]
    core = simulated.Simulated()
    core.silent = True
    control = app.ControlRoom(
        lambda: core,
        started=start.Start(place="demo", steps=lambda: steps, failed=lambda: "it ended"),
    )
    async with control.run_test(size=(80, 24)) as pilot:
        await shots.settled(pilot)
        await says(control, "✖ it ended")
        shown = show.text(control)
        assert "● postgres       ready      0.7s" in shown
        assert "◌ valkey         starting" in shown
        assert "exit 1: no ␛[31mspace" in shown


async def test_leaving_while_the_stack_boots_asks_too_and_home_waits_for_the_answer() -> None:
    core = simulated.Simulated()
    core.down = "No core runs yet."
    control = app.ControlRoom(
        lambda: core, started=start.Start(place="demo", owns_stack=lambda: True)
    )
    async with control.run_test(size=(80, 24)) as pilot:
        await pilot.press("q")
        await says(control, "Stop the stack?")
        core.down = ""
        await waiting.until(lambda: hasattr(control, "world"), what="what is loaded behind it")
        await waiting.until(lambda: control.world.connected, what="the core")
        await shots.settled(pilot)
        assert isinstance(control.screen, confirm.QuitDialog)
        await pilot.press("escape")
        await waiting.until(lambda: isinstance(control.screen, home.Home), what="home")


async def test_hidden_rooms_ask_for_nothing() -> None:
    core = simulated.Simulated()
    async with shots.running(core=core) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("enter")
        await says(control, "SMTPAuthenticationError")
        asked = len(core.asked)
        core.events.put_nowait(wire.Touched(refs=("huey/queue/emailQueue",)))
        await asyncio.sleep(0)
        await shots.settled(pilot)
        assert len(core.asked) == asked


async def test_what_a_person_has_to_know_is_said_as_soon_as_there_is_a_core() -> None:
    async with shots.running(hint="manual steps: mrcore gameday operate") as (control, _):
        await says(control, "manual steps: mrcore gameday operate")
