"""What keys do to the world: plans, arming, approvals, undo, and why a key does nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest
from textual import events
from textual._compositor import LayoutUpdate
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from mrcore import errors
from mrcore.model import base, core, plans, wire
from mrcore.rights import authority
from mrtui import acting, answers, app, approvals, columns, rights, world
from mrtui.cli import show
from mrtui.columns import fmt
from mrtui.screens import (
    arguments,
    arm,
    confirm,
    dialogs,
    editor,
    leading,
    plan_dialog,
    planning,
    revealed,
)
from mrtui.terminal import title
from tests import thinned, waiting
from tests.tui import facts, shots, simulated
from tests.tui.test_app import failed_jobs, here, rows, says

GREEN = "deploy/colour/green"


async def dialog(control: app.ControlRoom) -> plan_dialog.PlanDialog:
    """The plan that is shown, once it is."""

    def shown() -> plan_dialog.PlanDialog | None:
        found = control.screen
        return found if isinstance(found, plan_dialog.PlanDialog) and found.stands else None

    found = await waiting.until(shown, what="the plan's dialog")
    assert found is not None
    return found


def protected() -> simulated.Simulated:
    """A core of a protected environment."""
    made = simulated.Simulated()
    made.protected = True
    return made


async def coloured(control: app.ControlRoom, core_s: simulated.Simulated) -> None:
    """Go to the colours, the cursor on green."""
    found = tuple(facts.colours())
    core_s.events.put_nowait(wire.Changed(source="deploy", at=facts.NOW, upserts=found))
    await waiting.until(lambda: control.world.table("colour"), what="colours")
    await control.enter("deploy")
    await says(control, "v42")
    grid = here(control).grid
    assert grid is not None
    grid.cursor_ref = GREEN


# Why a key does nothing


async def test_a_key_that_is_not_armed_says_which_key_arms() -> None:
    core_s = protected()
    async with shots.running(core=core_s) as (control, pilot):
        await failed_jobs(control)
        assert "r retry" not in show.text(control)
        assert "not armed" in show.text(control)
        await pilot.press("r")
        await says(control, "r does nothing: not armed: A arms")
        core_s.tell(facts.environment(), facts.arming())
        await says(control, "r retry")
        await says(control, "▲ armed 09:41")
        assert core_s.wishes == []


@pytest.mark.parametrize(
    ("roles", "read_only", "words", "header"),
    [
        (("viewer",), False, "Retry failed job needs the role operator", "viewer"),
        (("auditor",), False, "Retry failed job needs the role operator", "auditor"),
        (("admin",), True, "this screen was started with --read-only", "read-only"),
    ],
)
async def test_a_key_that_may_not_says_why(
    roles: tuple[str, ...], read_only: bool, words: str, header: str
) -> None:
    core_s = simulated.Simulated()
    core_s.roles = roles
    async with shots.running((120, 24), core_s, read_only=read_only) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("r")
        await says(control, words)
        assert header in show.text(control)
        assert "u undo" not in show.text(control)
        await pilot.press("u")
        await says(control, "u undoes nothing now")
        assert core_s.wishes == []


async def test_a_key_says_that_this_row_does_not_offer_it() -> None:
    async with shots.running((120, 24)) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("tab")
        await waiting.until(lambda: rows(control) == ["huey/job/emailQueue/8200"], what="waiting")
        await pilot.press("r")
        await says(control, "as it is (waiting)")


# Everything that is listed


async def test_everything_listed_is_one_selection_with_the_filter() -> None:
    core_s = simulated.Simulated()
    async with shots.running(core=core_s) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("slash", *"sendotp", "enter")
        await waiting.until(lambda: len(rows(control)) == 3, what="the filtered ones")
        await pilot.press("R")
        await waiting.until(lambda: core_s.applied, what="apply")
        action, chosen, _ = core_s.wishes[0]
        assert action == "queue.retry"
        assert (chosen.ref, chosen.collection) == ("huey/queue/emailQueue", "jobs")
        assert (chosen.query.state, chosen.query.text) == ("failed", "sendotp")
        await pilot.press("escape", "tab", "R")
        await shots.settled(pilot)
        assert len(core_s.wishes) == 1, "what waits is not retried"


async def test_on_queues_it_is_everything_failed_of_the_queue() -> None:
    core_s = simulated.Simulated()
    async with shots.running(core=core_s) as (control, pilot):
        await pilot.press("2")
        await says(control, "R retry all failed")
        await pilot.press("R")
        await waiting.until(lambda: core_s.wishes, what="a plan")
        assert core_s.wishes[0][1].ref == "huey/queue/emailQueue"
        assert core_s.wishes[0][1].query == plans.Query(state="failed")


async def test_the_queue_of_jobs_is_paused_from_its_jobs() -> None:
    core_s = simulated.Simulated()
    async with shots.running((120, 24), core_s) as (control, pilot):
        queue = next(q for q in facts.queues() if q.ref.endswith("/emailQueue"))
        offers = queue.model_copy(update={"actions": ("queue.pause",)})
        core_s.events.put_nowait(wire.Changed(source="huey", at=facts.NOW, upserts=(offers,)))
        await failed_jobs(control)
        await says(control, "P pause")
        await pilot.press("P")
        await waiting.until(lambda: core_s.wishes, what="a plan")
        assert core_s.wishes[0][:2] == ("queue.pause", plans.Selection(refs=(queue.ref,)))


# Plans


@pytest.mark.parametrize("chord", [False, True])
async def test_what_has_to_be_typed_is_asked_for_before_anything_is_applied(chord: bool) -> None:
    core_s = simulated.Simulated()
    core_s.planned_as = {
        "risk": plans.Risk.CRITICAL,
        "confirm": "green",
        "needs_reason": True,
    }
    async with shots.running((120, 40), core_s) as (control, pilot):
        await coloured(control, core_s)
        await pilot.press("S")
        shown = await dialog(control)

        async def applies() -> None:
            if chord:
                await pilot.press("ctrl+y")
            else:
                shown.query_one("#apply", Button).press()

        assert "^y apply" in show.text(control)
        await applies()
        await says(control, "needs a reason")
        shown.query_one("#reason", Input).value = "INC-12"
        await applies()
        await says(control, "Type green to confirm.")
        shown.query_one("#confirm", Input).value = "green"
        shown.query_one("#confirm", Input).focus()
        await pilot.press("enter")
        await shots.settled(pilot)
        assert core_s.applied == [], "Enter in a line applies nothing"
        await applies()
        await waiting.until(lambda: core_s.answers, what="apply")
        assert core_s.answers[0] == {"reason": "INC-12", "confirm": "green", "break_glass": False}


async def test_on_few_lines_risk_and_undo_are_seen_whatever_is_scrolled() -> None:
    core_s = simulated.Simulated()
    core_s.planned_as = {"risk": plans.Risk.HIGH, "undoable": False, "confirm": "green"}
    async with shots.running((40, 10), core_s) as (control, pilot):

        def seen() -> bool:
            shown = show.text(control)
            return "high · cannot be undone" in shown and "Cancel" in shown

        await failed_jobs(control)
        await pilot.press("r")
        await dialog(control)
        for key in ("up", "down", *["pagedown"] * 4):
            await pilot.press(key)
            await waiting.until(seen, what="risk, undo and Cancel")
        control.screen.query_one("#apply", Button).press()
        await says(control, "Type green to confirm.")
        await waiting.until(seen, what="risk, undo and Cancel")


async def test_on_few_lines_who_approves_sees_risk_and_undo_where_it_fits_only_once() -> None:
    for size, apart in (((40, 10), True), ((120, 40), False)):
        core_s = simulated.Simulated()
        core_s.planned_as = {"risk": plans.Risk.CRITICAL, "undoable": False}
        chosen = plans.Selection(refs=(GREEN,))
        core_s.made["9f2cc0ffee"] = await core_s.plan("deploy.switch", chosen)
        async with shots.running(size, core_s) as (control, pilot):
            core_s.tell(facts.waiting("9f2cc0ffee", "anna"))
            await waiting.until(lambda: control.world.table("plan"), what="the plan")
            await control.enter("plans")
            await pilot.press("enter")
            shown = await dialog(control)
            await says(control, "Approve")
            await shots.settled(pilot)
            assert ("critical · cannot be undone" in show.text(control)) is apart
            assert apart or "not possible" in show.text(control)
            assert shown.query("#approve")


async def test_a_plan_that_has_expired_says_so_and_can_be_made_again() -> None:
    core_s, clock = simulated.Simulated(), simulated.Clock()
    core_s.risk = plans.Risk.HIGH
    async with shots.running((120, 40), core_s, clock) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("r")
        shown = await dialog(control)
        clock.forward(61)
        shown.show()
        await says(control, "This plan has expired; nothing was done.")
        assert not shown.query_one("#apply", Button).display
        shown.query_one("#again", Button).press()
        await waiting.until(lambda: len(core_s.wishes) == 2, what="another plan")
        assert core_s.applied == []


async def test_targets_are_paged_and_only_one_answer_of_the_core_is_kept() -> None:
    core_s = simulated.Simulated()
    samples = tuple(plans.Target(ref=f"huey/job/q/{n}", label=f"sample {n}") for n in range(50))
    core_s.planned_as = {"risk": plans.Risk.HIGH, "total": 1_204, "samples": samples}
    async with shots.running((120, 40), core_s) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("r")
        shown = await dialog(control)
        await pilot.press(*["pagedown"] * 5)
        await says(control, "41 to 48 of 1,204")
        assert core_s.first_targets == [], "the samples are known already"
        await pilot.press("pagedown")
        await says(control, "49 to 56 of 1,204")
        assert core_s.first_targets == [48]
        assert shown._pages.held == 500
        await pilot.press("pageup")
        await says(control, "41 to 48 of 1,204")
        await pilot.press(*["pageup"] * 6)
        await says(control, "1 to 8 of 1,204")


async def test_planning_that_takes_long_shows_how_far_it_is_and_esc_stops_it() -> None:
    core_s = simulated.Simulated()
    core_s.looks = ((34_000, 100_000),)
    core_s.may_plan.clear()
    async with shots.running(core=core_s) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("r")
        await says(control, "planning: 34,000 of 100,000")
        await pilot.press("escape")
        await waiting.until(lambda: core_s.stopped == ["queue.retry"], what="the stop")
        await says(control, "nothing was done")
        await waiting.until(lambda: not control.acting.pending, what="nothing pending")
        await pilot.press("r")
        await says(control, "planning: 34,000")
        core_s.may_plan.set()
        await waiting.until(lambda: core_s.applied, what="apply")
        await waiting.until(
            lambda: not isinstance(control.screen, planning.Planning), what="no panel"
        )


def test_planning_tells_rate_and_what_is_left() -> None:
    told = planning.told(34_000, 100_000, 2.8)
    assert told == "planning: 34,000 of 100,000 · 12.1k/s · ETA 5s · esc stops"
    assert planning.told(0, None, 0.0) == "planning: 0 · esc stops"


async def test_what_is_revealed_is_shown_until_it_is_closed() -> None:
    core_s = simulated.Simulated()
    core_s.become("8123", actions=("queue.retry", "job.reveal"))
    async with shots.running((120, 40), core_s) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("V")
        await says(control, "anna@example.org")
        assert isinstance(control.screen, revealed.Revealed)
        await pilot.press("escape")
        await waiting.until(lambda: "anna@" not in show.text(control), what="it to be forgotten")


# Arming


async def test_arming_asks_for_minutes_and_a_reason_and_disarming_asks_too() -> None:
    core_s = protected()
    async with shots.running((120, 24), core_s) as (control, pilot):
        core_s.tell(facts.environment())
        await waiting.until(lambda: control.rights.environment, what="the environment")
        await pilot.press("A")
        await waiting.until(lambda: isinstance(control.screen, arm.ArmDialog), what="the question")
        await pilot.press("enter")
        await says(control, "Arming needs a reason.")
        await pilot.press(*"INC-12", "enter")
        await waiting.until(lambda: core_s.applied, what="apply")
        action, chosen, args = core_s.wishes[0]
        assert (action, chosen.refs) == ("core.arm", ("core/environment/local",))
        assert args == {"minutes": 15}
        assert core_s.answers[0]["reason"] == "INC-12"
        core_s.tell(facts.arming())
        await says(control, "▲ armed 09:41 INC-12")
        await pilot.press("A")
        await waiting.until(lambda: isinstance(control.screen, confirm.Question), what="asked")
        await pilot.press("y")
        await waiting.until(lambda: len(core_s.applied) == 2, what="disarm")
        assert core_s.wishes[1][:2] == (
            "core.disarm",
            plans.Selection(refs=("core/arming/root",)),
        )


async def test_where_nothing_is_protected_there_is_nothing_to_arm() -> None:
    async with shots.running() as (control, pilot):
        await pilot.press("A")
        await says(control, "local is not protected")
        assert "armed" not in show.text(control)


async def test_arming_counts_down_and_ends() -> None:
    core_s, clock = protected(), simulated.Clock()
    async with shots.running((120, 24), core_s, clock) as (control, _):
        core_s.tell(facts.environment(), facts.arming(seconds=3))
        await says(control, "armed 00:03")
        clock.forward(2)
        control.repaint()
        await says(control, "armed 00:01")
        clock.forward(2)
        control.repaint()
        await says(control, "not armed")


@pytest.mark.parametrize(
    "name", thinned.every_second(["calm", "light", "contrast", "amber", "ansi"])
)
async def test_every_theme_says_armed_in_a_word_and_a_colour(name: str) -> None:
    core_s = protected()
    async with shots.running((120, 24), core_s, theme=name) as (control, _):
        core_s.tell(facts.environment(), facts.arming())
        await says(control, "▲ armed 09:41 INC-12")


def test_the_terminals_title_is_ours_only_while_there_is_something_to_say() -> None:
    written: list[str] = []
    named = title.Title(None, {"TERM": "xterm"})  # type: ignore[arg-type]
    named.put("", written.append)
    assert written == []
    named.put("armed 9 min \x1b]0;evil\x07", written.append)
    named.put("armed 9 min \x1b]0;evil\x07", written.append)
    assert written == ["\x1b[22;2t\x1b]2;armed 9 min ␛]0;evil␇\x1b\\"]
    named.put("", written.append)
    assert written[1:] == ["\x1b]2;\x1b\\\x1b[23;2t"]


@pytest.mark.parametrize("term", ["dumb", "", "linux"])
def test_a_terminal_without_titles_is_given_none(term: str) -> None:
    class Driver:
        def write(self, text: str) -> None:
            raise AssertionError(text)

    class Stub:
        _driver = Driver()

    title.Title(Stub(), {"TERM": term}).show("armed")  # type: ignore[arg-type]


# A second login


async def test_a_plan_that_needs_a_second_login_is_asked_for_and_told_when_it_is_answered() -> None:
    core_s = simulated.Simulated()
    core_s.planned_as = {"risk": plans.Risk.CRITICAL, "needs_approval": True}
    core_s.refuses = [errors.NeedsApproval("A second login has to approve.")]
    async with shots.running((120, 40), core_s) as (control, pilot):
        await coloured(control, core_s)
        await pilot.press("S")
        shown = await dialog(control)
        button = shown.query_one("#apply", Button)
        assert str(button.label) == "Ask for approval"
        button.press()
        await says(control, "plan 0000 waits for a second login (:plans)")
        fresh = {"created_at": facts.ago(-1)}
        core_s.tell(facts.waiting("0000c0ffee", "root", **fresh))
        await waiting.until(lambda: control.world.table("plan"), what="the plan")
        assert "1 plan waits" not in show.text(control), "not for oneself"
        core_s.tell(
            facts.waiting("0000c0ffee", "root", **fresh, state="refused", by="anna", answer="no")
        )
        await says(control, "✖ plan 0000 was refused by anna: no")
        core_s.tell(facts.waiting("1111c0ffee", "root", **fresh, state="approved", by="anna"))
        await says(control, "plan 1111 was approved by anna; apply it in :plans")
        core_s.tell(facts.waiting("2222c0ffee", "anna"))
        await says(control, "1 plan waits")


@pytest.mark.parametrize(
    ("button", "reason", "action"),
    [("#approve", "", "plan.approve"), ("#refuse", "not on Friday", "plan.refuse")],
)
async def test_the_plan_of_another_is_answered_in_the_same_dialog(
    button: str, reason: str, action: str
) -> None:
    core_s = simulated.Simulated()
    core_s.made["9f2cc0ffee"] = await core_s.plan("deploy.switch", plans.Selection(refs=(GREEN,)))
    core_s.wishes.clear()
    async with shots.running((120, 40), core_s) as (control, pilot):
        core_s.tell(facts.waiting("9f2cc0ffee", "anna"))
        await says(control, "1 plan waits")
        await control.enter("plans")
        await pilot.press("enter")
        shown = await dialog(control)
        assert isinstance(control.focused, Button)
        assert control.focused.id == "cancel"
        assert not shown.query("#apply")
        shown.query_one("#refuse", Button).press()
        await says(control, "Refuse needs a reason.")
        shown.query_one("#reason", Input).value = reason
        shown.query_one(button, Button).press()
        await waiting.until(lambda: core_s.applied, what="the answer")
        assert core_s.wishes[0][:2] == (action, plans.Selection(refs=("core/plan/9f2cc0ffee",)))
        assert core_s.applied[0][1] == reason


@pytest.mark.parametrize("approved", [True, False])
async def test_the_planner_applies_once_it_is_approved_or_breaks_the_glass(approved: bool) -> None:
    core_s = simulated.Simulated()
    core_s.planned_as = {"confirm": "green", "approved_by": "anna" if approved else ""}
    plan = await core_s.plan("deploy.switch", plans.Selection(refs=(GREEN,)))
    async with shots.running((120, 40), core_s) as (control, pilot):
        state = "approved" if approved else "waiting"
        core_s.tell(facts.waiting(plan.plan_id, "root", state=state))
        await waiting.until(lambda: control.world.table("plan"), what="the plan")
        await control.enter("plans")
        await pilot.press("enter")
        shown = await dialog(control)
        assert shown.query_one("#apply", Button).disabled is not approved
        assert bool(shown.query("#break")) is not approved
        shown.query_one("#reason", Input).value = "INC-12"
        shown.query_one("#confirm", Input).value = "green"
        shown.query_one("#apply" if approved else "#break", Button).press()
        await waiting.until(lambda: core_s.answers, what="apply")
        expected = {"reason": "INC-12", "confirm": "green", "break_glass": not approved}
        assert core_s.answers[0] == expected


async def test_only_an_admin_may_break_the_glass() -> None:
    core_s = simulated.Simulated()
    core_s.roles = ("operator",)
    plan = await core_s.plan("deploy.switch", plans.Selection(refs=(GREEN,)))
    assert answers.waiting(plan, mine=True, answers=True, breaks=False) == [
        answers.Choice("Apply to 1", answers.Verb.APPLY, enabled=False)
    ]


async def test_broken_glass_is_news_on_every_screen_and_only_once() -> None:
    core_s = simulated.Simulated()
    async with shots.running((120, 24), core_s) as (control, pilot):
        await pilot.press("2")
        core_s.tell(facts.under_way(50, broke_glass=True, login="anna"))
        await says(control, "✖ GLASS BROKEN by anna")
        await pilot.press("s")
        await waiting.until(lambda: "GLASS" not in show.text(control), what="the next key")
        core_s.tell(facts.under_way(50, broke_glass=True, login="anna", done=9_000))
        await waiting.until(
            lambda: getattr(control.world.get("core/operation/50"), "done", 0) == 9_000, what="it"
        )
        await shots.settled(pilot)
        assert "GLASS" not in show.text(control)


def test_old_broken_glass_is_no_news() -> None:
    known = world.World()
    old = facts.under_way(9, broke_glass=True, started_at=facts.ago(3_600))
    known.apply(wire.Changed(source="core", at=facts.NOW, upserts=(old,)))
    assert approvals.Watch().news(rights.Rights(None, known, facts.NOW)) == []


# Undo and operations


async def test_u_undoes_the_operation_of_the_row_else_my_newest() -> None:
    core_s = simulated.Simulated()
    undoable = {"actions": ("undo",), "undo_until": facts.ago(-3_600)}
    core_s.operations = [
        facts.under_way(42, login="anna", **undoable),
        core_s.operations[0].model_copy(update=undoable),
        *core_s.operations[1:],
    ]
    async with shots.running((120, 24), core_s) as (control, pilot):
        await pilot.press("u")
        await waiting.until(lambda: core_s.wishes, what="a plan")
        assert core_s.wishes[0][:2] == ("undo", plans.Selection(refs=("core/operation/40",)))
        await control.enter("operations")
        await says(control, "anna")
        await pilot.press("u")
        await waiting.until(lambda: len(core_s.wishes) == 2, what="another")
        assert core_s.wishes[1][1].refs == ("core/operation/42",)
        await pilot.press("down", "down", "u")
        await says(control, "operation 39 cannot be undone: a job that ran has run")


async def test_without_anything_to_undo_that_is_said() -> None:
    async with shots.running() as (control, pilot):
        await pilot.press("u")
        await says(control, "nothing of yours can be undone")


async def test_an_operation_is_paused_and_stopped_by_its_keys() -> None:
    core_s = simulated.Simulated()
    core_s.operations.insert(0, facts.under_way(41))
    async with shots.running((120, 24), core_s) as (control, pilot):
        await control.enter("operations")
        await says(control, "P pause")
        await pilot.press("P")
        await waiting.until(lambda: core_s.wishes, what="pause")
        await pilot.press("X")
        await waiting.until(lambda: len(core_s.wishes) == 2, what="stop")
        assert [wish[0] for wish in core_s.wishes] == ["operation.pause", "operation.stop"]


@pytest.mark.parametrize("name", ["audit", "operations"])
async def test_what_was_done_meanwhile_appears_by_itself(name: str) -> None:
    core_s = simulated.Simulated()
    async with shots.running((120, 24), core_s) as (control, _):
        await control.enter(name)
        await says(control, "root")
        core_s.asked.clear()
        core_s.tell(facts.under_way(41))
        await waiting.until(
            lambda: ("core/core/self", name) in [asked[:2] for asked in core_s.asked], what=name
        )


def test_what_needs_no_arming_is_what_the_core_says() -> None:
    assert rights.UNARMED == authority.UNARMED
    assert rights.STOPPING == authority.STOPPING


async def test_a_plan_that_was_refused_before_does_not_wait_again() -> None:
    core_s = simulated.Simulated()
    core_s.planned_as = {"needs_approval": True}
    core_s.refuses = [errors.NeedsApproval("anna has refused this plan: not now")]
    async with shots.running((120, 40), core_s) as (control, pilot):
        await coloured(control, core_s)
        await pilot.press("S")
        shown = await dialog(control)
        made = core_s.made[shown.plan.plan_id]
        core_s.made[made.plan_id] = made.model_copy(update={"refused_by": "anna"})
        shown.query_one("#apply", Button).press()
        await says(control, "✖ anna has refused this plan: not now")


def test_rights_are_those_of_the_role_and_the_arming() -> None:
    known = world.World()
    upserts = (facts.environment(), facts.arming("anna"))
    known.apply(wire.Changed(source="core", at=facts.NOW, upserts=upserts))

    def may(login: str, *roles: str) -> rights.Rights:
        me = core.Me(
            login=login,
            roles=roles,
            via="token",
            environment="local",
            protected=True,
            core_version="0",
            core_pid=1,
            started_at=facts.NOW,
        )
        return rights.Rights(me, known, facts.NOW)

    assert may("anna", "operator").refusal("queue.retry") == ""
    assert may("root", "admin").refusal("queue.retry") == "not armed: A arms"
    assert may("root", "admin").refusal("core.arm") == ""
    assert "needs the role admin" in may("anna", "operator").refusal("deploy.switch")
    assert "needs the role operator" in may("anna", "auditor").refusal("queue.retry")
    assert may("anna", "viewer").refusal("nothing.known") != ""


# One dialog, ever


def modals(control: app.ControlRoom) -> int:
    """How many dialogs are open."""
    return sum(isinstance(screen, ModalScreen) for screen in control.screen_stack)


async def test_action_keys_begin_nothing_else_while_a_plan_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planning, "AFTER_S", 60.0)  # its panel would hear the keys
    core_s = simulated.Simulated()
    core_s.risk = plans.Risk.HIGH
    core_s.become("8123", actions=("queue.retry", "job.remove", "job.quarantine"))
    core_s.become("8122", actions=("queue.retry", "job.remove"))
    core_s.may_plan.clear()
    async with shots.running((120, 40), core_s) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("X", "X", "Q", "down", "X")
        core_s.may_plan.set()
        await dialog(control)
        await pilot.press("X", "X", "X")
        await shots.settled(pilot)
        assert modals(control) == 1
        assert [wish[0] for wish in core_s.wishes] == ["job.remove"]
        await pilot.press("escape", "escape", "escape")
        await shots.settled(pilot)
        assert modals(control) == 0
        assert core_s.applied == []


async def test_esc_drops_a_plan_that_is_not_there_yet_and_stays() -> None:
    core_s = simulated.Simulated()
    core_s.risk = plans.Risk.HIGH
    core_s.may_plan.clear()
    async with shots.running((120, 40), core_s) as (control, pilot):
        await failed_jobs(control)
        before = control.screen
        await pilot.press("r", "escape")
        await says(control, "planning was stopped; nothing was done")
        assert control.screen is before
        await waiting.until(lambda: core_s.stopped == ["queue.retry"], what="the stop")
        core_s.may_plan.set()
        await shots.settled(pilot)
        assert modals(control) == 0
        await pilot.press("r")
        await dialog(control)


async def test_a_plan_is_shown_over_no_other_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "AFTER_S", 60.0)
    core_s = simulated.Simulated()
    core_s.risk = plans.Risk.HIGH
    core_s.may_plan.clear()
    async with shots.running((120, 40), core_s) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("r", "3")
        control.visits.go("queues")
        core_s.may_plan.set()
        await says(control, "the plan was dropped, nothing was done")
        assert here(control).NAME == "queues", "nor does a key that was typed for it do anything"
        assert modals(control) == 0
        assert core_s.applied == []


async def test_arming_twice_asks_once() -> None:
    core_s = protected()
    async with shots.running((120, 24), core_s) as (control, pilot):
        core_s.tell(facts.environment())
        await waiting.until(lambda: control.rights.environment, what="the environment")
        await pilot.press("A", "A")
        await waiting.until(lambda: isinstance(control.screen, arm.ArmDialog), what="the question")
        await shots.settled(pilot)
        assert modals(control) == 1


async def test_screens_over_screens_are_drawn_whatever_changed_of_them() -> None:
    chance = random.Random(1)  # with Textual's own way it recurses at the 121st
    async with shots.running((80, 24)) as (control, pilot):
        over = [confirm.Question(f"number {n}", "", "Yes") for n in range(5)]
        for each in over:
            await control.push_screen(each)
            await pilot.pause()
        for _ in range(300):
            changed = chance.choice(over)
            what = chance.randrange(3)
            if what == 0:
                changed._set_dirty()
            elif what == 1:
                changed._layout_cache.clear()
            else:
                grounds = control._background_screens
                update = control.screen._compositor.render_update(True, grounds)
                assert isinstance(update, LayoutUpdate)
                assert "number 4" in update.render_segments(control.console)
        await pilot.press(*["escape"] * 6)
        await waiting.until(lambda: modals(control) == 0, what="no dialog")


async def test_a_dialog_is_answered_once() -> None:
    async with shots.running((80, 24)) as (control, _):
        below, above = (confirm.Question(name, "", "Yes") for name in ("below", "above"))
        await control.push_screen(below)
        await control.push_screen(above)
        below.dismiss(True)
        assert control.screen is above


async def test_a_dialog_that_was_left_hears_its_button_and_its_clock_and_does_nothing() -> None:
    core_s = simulated.Simulated()
    core_s.risk = plans.Risk.HIGH
    async with shots.running((80, 24), core_s) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("r")
        left: list[dialogs.Dialog[Any]] = [await dialog(control)]
        await pilot.press("escape")
        queue = plans.Selection(refs=("huey/queue/emailQueue",))
        made: dialogs.Dialog[Any]
        for made in (
            arm.ArmDialog("local"),
            arguments.ArgumentsDialog("job.delay", queue, {}),
            editor.EditDialog("job", {"to": "anna"}),
            planning.Planning(facts.NOW),
            leading.Leading([("queue", "huey/queue/emailQueue")]),
        ):
            await control.push_screen(made)
            left.append(made)
            made.dismiss(None)
        await waiting.until(lambda: modals(control) == 0, what="no dialog")
        await waiting.until(lambda: not any(one.query("*") for one in left), what="no widgets")
        shown, armed, given, edited, counting, lead = left
        for each, button in ((shown, "apply"), (armed, "arm"), (given, "plan"), (edited, "plan")):
            each.on_button_pressed(Button.Pressed(Button(id=button)))  # type: ignore[attr-defined]
        shown._scrolled()  # type: ignore[attr-defined]
        counting.heard(1, 2)  # type: ignore[attr-defined]
        lead.action_move(1)  # type: ignore[attr-defined]
        assert modals(control) == 0


async def test_marks_survive_a_cancel_and_go_with_an_apply() -> None:
    core_s = simulated.Simulated()
    core_s.risk = plans.Risk.HIGH
    async with shots.running((120, 40), core_s) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("space", "space", "r")
        await dialog(control)
        await pilot.press("escape")
        await waiting.until(lambda: modals(control) == 0, what="no dialog")
        grid = here(control).grid
        assert grid is not None
        assert len(grid.marked) == 2
        await pilot.press("r")
        (await dialog(control)).query_one("#apply", Button).press()
        await waiting.until(lambda: core_s.applied, what="apply")
        await waiting.until(lambda: not grid.marked, what="no marks")


async def test_a_job_that_was_removed_is_gone_at_once_and_leaves() -> None:
    core_s, clock = simulated.Simulated(), simulated.Clock()
    core_s.become("8123", actions=("queue.retry", "job.remove"))
    async with shots.running((120, 40), core_s, clock) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("X")
        await waiting.until(lambda: core_s.applied, what="apply")
        del core_s.jobs["8123"]
        done = {"action": "job.remove", "label": "Remove job", "state": "done", "done": 1}
        core_s.tell(core_s.operation(core_s.applied[0][0], **done))
        await says(control, "gone")
        assert "X remove" not in show.text(control)
        await pilot.press("X")
        await says(control, "job 8123 sendOtp is gone")
        assert len(core_s.wishes) == 1
        clock.forward(acting.GONE_S + 1)
        await waiting.until(
            lambda: "huey/job/emailQueue/8123" not in rows(control), what="it to leave"
        )


async def test_a_job_that_others_removed_says_that_it_is_gone() -> None:
    core_s = simulated.Simulated()
    async with shots.running((120, 40), core_s) as (control, pilot):
        await failed_jobs(control)
        await pilot.press("r")
        await waiting.until(lambda: core_s.applied, what="apply")
        del core_s.jobs["8123"]
        await says(control, "gone")
        await waiting.until(
            lambda: "huey/job/emailQueue/8123" not in rows(control), what="it to leave"
        )


async def test_keys_typed_in_one_go_reach_the_line_that_the_focus_goes_to() -> None:
    core_s = simulated.Simulated()
    core_s.planned_as = {"risk": plans.Risk.CRITICAL, "confirm": "green", "needs_reason": True}
    async with shots.running((120, 40), core_s) as (control, pilot):
        await coloured(control, core_s)
        await pilot.press("S")
        shown = await dialog(control)
        burst = [*["tab"] * 2, *"INC x", "backspace", "1", "enter", *"green"]
        for key in burst:
            name, character = {"tab": ("tab", None), "enter": ("enter", None)}.get(key, (key, key))
            character = None if key == "backspace" else " " if key == " " else character
            control.post_message(events.Key("space" if key == " " else name, character))
        await waiting.until(
            lambda: shown.query_one("#confirm", Input).value == "green", what="every letter"
        )
        assert shown.query_one("#reason", Input).value == "INC 1"


async def test_undo_says_which_operation_it_passes_over() -> None:
    core_s = simulated.Simulated()
    undoable = {"actions": ("undo",), "undo_until": facts.ago(-3_600)}
    core_s.operations[1] = core_s.operations[1].model_copy(update=undoable)
    async with shots.running((120, 30), core_s) as (control, pilot):
        await pilot.press("u")
        await dialog(control)
        await says(control, "operation 40 cannot be undone: a job that ran has run")
        shown = await dialog(control)
        assert shown.plan.warnings[0].endswith("; this undoes operation 39")


async def test_a_token_that_was_revoked_is_said_and_not_a_lost_core() -> None:
    core_s = simulated.Simulated()
    async with shots.running((120, 24), core_s) as (control, _):
        control.say("arming needs the role operator", "warn")
        core_s.revoked = True
        core_s.events.put_nowait(None)
        await waiting.until(lambda: control.world.refused, what="the refusal")
        await says(control, "✖ your token was revoked or has expired")
        assert "core lost" not in show.text(control)
        assert "arming needs" not in show.text(control)


async def test_who_asks_for_approval_and_why_is_said_in_full() -> None:
    core_s = simulated.Simulated()
    core_s.made["9f2cc0ffee"] = await core_s.plan("deploy.switch", plans.Selection(refs=(GREEN,)))
    why = "INC-77: blue loses sessions since the last release and support has forty calls"
    async with shots.running((120, 40), core_s) as (control, pilot):
        core_s.tell(facts.waiting("9f2cc0ffee", "anna").model_copy(update={"reason": why}))
        await says(control, "1 plan waits")
        await control.enter("plans")
        await pilot.press("enter")
        await dialog(control)
        shown = " ".join(show.text(control).replace("│", " ").split())
        assert f"asked by anna: {why}" in shown


async def test_an_approval_that_comes_while_the_plan_is_open_lets_it_be_applied() -> None:
    core_s = simulated.Simulated()
    plan = await core_s.plan("deploy.switch", plans.Selection(refs=(GREEN,)))
    async with shots.running((120, 40), core_s) as (control, pilot):
        core_s.tell(facts.waiting(plan.plan_id, "root"))
        await waiting.until(lambda: control.world.table("plan"), what="the plan")
        await control.enter("plans")
        await pilot.press("enter")
        shown = await dialog(control)
        assert shown.query_one("#apply", Button).disabled
        core_s.tell(facts.waiting(plan.plan_id, "root", state="approved", by="anna", answer="go"))
        await says(control, "● by anna: go")
        assert not shown.query_one("#apply", Button).disabled
        assert not shown.query_one("#break", Button).display
        shown.query_one("#apply", Button).press()
        await waiting.until(lambda: core_s.applied, what="apply")


async def test_a_plan_of_more_than_its_samples_is_not_planned_again_from_the_waiting_ones() -> None:
    core_s, clock = simulated.Simulated(), simulated.Clock()
    samples = tuple(plans.Target(ref=f"huey/job/q/{n}", label=f"job {n}") for n in range(50))
    core_s.planned_as = {"total": 1_204, "samples": samples}
    plan = await core_s.plan("queue.retry", plans.Selection(refs=("huey/job/emailQueue/8123",)))
    async with shots.running((120, 40), core_s, clock) as (control, pilot):
        core_s.tell(facts.waiting(plan.plan_id, "root"))
        await waiting.until(lambda: control.world.table("plan"), what="the plan")
        await control.enter("plans")
        await pilot.press("enter")
        shown = await dialog(control)
        clock.forward(3_600)
        shown.show()
        await says(control, "This plan has expired")
        assert shown.query_one("#again").has_class("-away")


async def test_a_word_that_is_no_command_is_said_and_the_next_begins_anew() -> None:
    for size in ((40, 10), (80, 24), (120, 40)):
        async with shots.running(size) as (control, pilot):
            await pilot.press("colon", *"foo", "enter")
            await says(control, "there is no :foo")
            await pilot.press("colon", *"queues", "enter")
            await waiting.until(lambda: here(control).NAME == "queues", what="queues")


async def test_why_a_row_offers_nothing_is_said_where_it_can_be_seen() -> None:
    core_s = simulated.Simulated()
    async with shots.running((120, 24), core_s) as (control, pilot):
        await coloured(control, core_s)
        grid = here(control).grid
        assert grid is not None
        live = next(colour for colour in facts.colours() if colour.live)
        grid.cursor_ref = live.ref
        await pilot.press("S")
        await says(control, f"S does nothing: colour {live.name} is live already")


async def test_while_a_list_is_asked_for_a_key_says_so() -> None:
    core_s = simulated.Simulated()
    async with shots.running((120, 24), core_s) as (control, pilot):
        await failed_jobs(control)
        core_s.may_page.clear()
        await pilot.press("slash", *"otp", "enter", "R")
        await says(control, "R does nothing: the list is still being asked for")
        core_s.may_page.set()


def test_broken_glass_says_against_whose_refusal() -> None:
    why = "anna has broken the glass against meera's refusal: not now."
    verdict = base.Verdict(level=base.Level.WARN, code="broke_glass", why=why)
    found = facts.under_way(50, broke_glass=True, login="anna", verdict=verdict)
    assert "without approval, against meera's refusal: not now" in approvals.broken(found)


def test_an_instant_of_another_day_has_its_date() -> None:
    assert fmt.moment(facts.NOW, facts.NOW).endswith("Z")
    assert len(fmt.moment(facts.NOW, facts.NOW)) == len("14:02:11Z")
    assert fmt.moment(facts.ago(-86_400), facts.NOW).startswith(f"{facts.ago(-86_400):%Y-%m-%d} ")


def test_no_word_is_said_twice_of_an_entity() -> None:
    assert columns.named(facts.under_way(4)) == "operation 4"
    assert columns.named(facts.waiting("1b7cc0ffee", "ravi")) == "plan 1b7c"
