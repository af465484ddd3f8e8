"""`mrtui do`: exit codes, what is asked and said, approvals, what an interrupt leaves."""

from __future__ import annotations

import argparse
import asyncio
import io
import json

import pytest

from mrcore import catalogue, errors
from mrcore.model import core, plans, wire
from mrtui import cli, link
from mrtui.cli import agreeing, do, following
from tests import waiting
from tests.tui import facts, facts_runs, simulated

REF = "mr://huey/job/emailQueue/8123"
QUEUE = "mr://huey/queue/emailQueue"


class Finishing(simulated.Simulated):
    """Its operations end at once with an outcome."""

    ended: dict[str, object] = {"done": 1}

    async def apply(
        self, plan_id: str, *, reason: str = "", confirm: str = "", break_glass: bool = False
    ) -> core.Operation:
        await super().apply(plan_id, reason=reason, confirm=confirm, break_glass=break_glass)
        return self.operation(plan_id, **{"state": "done", **self.ended})


class Later(simulated.Simulated):
    """Its operations run on, and end as an event says."""

    async def apply(
        self, plan_id: str, *, reason: str = "", confirm: str = "", break_glass: bool = False
    ) -> core.Operation:
        running = await super().apply(plan_id, reason=reason, confirm=confirm)
        self.events.put_nowait(wire.Touched(refs=("x/y/z",)))
        self.finish(plan_id, done=1)
        return running


def options(*argv: str) -> argparse.Namespace:
    return cli.parser("do").taken(argv)


async def doing(client: link.Core, *argv: str) -> int:
    """The exit code of `mrtui do …`."""
    given = options(*argv)
    return await do._run(given, lambda: client, do.selection(given), do.arguments(given.arg))


@pytest.mark.parametrize(
    ("ended", "code", "words"),
    [({"done": 1}, 0, "1 of 1 done"), ({"skipped": 1}, 1, "it had moved on")],
)
async def test_it_applies_and_its_exit_code_is_the_outcome(
    ended: dict[str, object], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Finishing()
    client.ended = ended
    assert await doing(client, "queue.retry", REF, "--reason", "INC-12") == code
    assert words in capsys.readouterr().out
    assert client.applied[0][1] == "INC-12"


async def test_it_waits_until_the_core_says_that_it_has_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await doing(Later(), "queue.retry", REF, "--json") == 0
    assert json.loads(capsys.readouterr().out)["done"] == 1


async def test_with_plan_only_it_says_everything_that_the_dialog_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = simulated.Simulated()
    client.planned_as = {
        "left_out": (plans.LeftOut(why="expired", count=9),),
        "oldest_at": facts.ago(372),
        "newest_at": facts.ago(372),
        "needs_approval": True,
    }
    assert await doing(client, "queue.retry", REF, "--plan") == 0
    said = capsys.readouterr().out
    for words in (
        REF,
        "1 job, 6m12s old",
        "9: expired",
        "~2 e-mails",
        "state still failed",
        "these will fail again",
        "not possible: a job that ran has run",
        "a second login has to approve",
    ):
        assert words in said
    assert client.applied == []


def test_a_plan_without_targets_counts_them_once() -> None:
    plan = asyncio.run(simulated.Simulated().plan("queue.retry", plans.Selection(refs=()), {}))
    plan = plan.model_copy(update={"label": "Retry failed job: 0 targets"})
    assert agreeing.described(plan)[0].startswith("Retry failed job: 0 targets, risk low")


@pytest.mark.parametrize(("planned", "says"), [(True, "1 of 1 done"), (False, "it goes on")])
async def test_the_next_step_of_a_run_is_planned_and_applied(
    capsys: pytest.CaptureFixture[str], *, planned: bool, says: str
) -> None:
    client, found = Finishing(), facts_runs.ready(facts.alerts()[0])
    fix = await client.plan("queue.retry", do.selection(options("queue.retry", REF)), {})
    steps = (found.steps[0].model_copy(update={"plan": fix.plan_id if planned else ""}),)
    entity = found.model_copy(update={"steps": steps})
    client.details[found.ref] = wire.Detail(at=facts.NOW, entity=entity)
    assert await doing(client, "run.next", found.ref, "--yes", "--reason", "INC-12") == 0
    assert says in capsys.readouterr().out
    assert [plan for plan, _ in client.applied][1:] == ([fix.plan_id] if planned else [])


async def test_a_high_risk_needs_yes_where_nobody_can_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = simulated.Simulated()
    client.risk = plans.Risk.HIGH
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(errors.BadRequest, match="--yes"):
        await doing(client, "queue.retry", REF)
    assert client.applied == []


async def test_a_critical_one_says_at_once_all_that_it_wants_and_its_name_confirms_it() -> None:
    client, place = Finishing(), "deploy/colour/green"
    client.planned_as = {"risk": plans.Risk.CRITICAL, "confirm": "green", "needs_reason": True}
    for given, wants in (
        ((), "needs a reason and is of critical risk.* with --reason TEXT --confirm green"),
        (("--yes", "--reason", "x"), "with --confirm green"),
        (("--confirm", "blue", "--reason", "x"), "not confirmed by 'blue'.* --confirm green"),
    ):
        with pytest.raises(errors.BadRequest, match=wants):
            await doing(client, "deploy.switch", place, *given)
    assert client.applied == []
    assert await doing(client, "deploy.switch", place, "--reason", "x", "--confirm", "green") == 0
    assert client.answers == [{"reason": "x", "confirm": "green", "break_glass": False}]


@pytest.mark.parametrize(("typed", "code"), [("y", 0), ("n", 1), ("", 1)])
async def test_on_a_terminal_it_asks(
    typed: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Finishing()
    client.risk = plans.Risk.HIGH
    monkeypatch.setattr("sys.stdin", Terminal(f"{typed}\n"))
    assert await doing(client, "queue.retry", REF) == code
    said = capsys.readouterr().err
    assert "risk high" in said
    assert ("Nothing was done." in said) is (code == 1)
    assert len(client.applied) == 1 - code


async def test_on_a_terminal_the_name_is_asked_for_and_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = Finishing()
    client.planned_as = {"risk": plans.Risk.CRITICAL, "confirm": "green"}
    monkeypatch.setattr("sys.stdin", Terminal("grene\ngreen\n"))
    with pytest.raises(errors.BadRequest, match="'grene' is not 'green'"):
        await doing(client, "deploy.switch", "deploy/colour/green")
    assert client.applied == []
    assert await doing(client, "deploy.switch", "deploy/colour/green") == 0


async def test_everything_of_a_collection_that_matches_is_one_selection() -> None:
    client = Finishing()
    client.ended = {"done": 5}
    argv = ("--all-of", QUEUE, "--in-state", "failed", "--text", "sendotp")
    await doing(client, "queue.retry", *argv)
    chosen = client.wishes[0][1]
    assert (chosen.ref, chosen.collection) == ("huey/queue/emailQueue", "jobs")
    assert (chosen.query.state, chosen.query.text) == ("failed", "sendotp")


@pytest.mark.parametrize("argv", [(), (REF, "--all-of", QUEUE)])
def test_what_to_act_on_is_said_once(argv: tuple[str, ...]) -> None:
    with pytest.raises(errors.BadRequest, match="not both"):
        do.selection(options("queue.retry", *argv))


def test_arguments_are_json_where_they_can_be() -> None:
    assert do.arguments(["minutes=10", "name=x=y", "flag=true"]) == {
        "minutes": 10,
        "name": "x=y",
        "flag": True,
    }
    with pytest.raises(errors.BadRequest, match="NAME=VALUE"):
        do.arguments(["minutes"])


async def test_arming_and_undoing_are_actions_like_all_others() -> None:
    client = Finishing()
    place = "mr://core/environment/prod"
    argv = ("--reason", "INC-12", "--arg", "minutes=10")
    assert await doing(client, "core.arm", place, *argv) == 0
    assert client.wishes[0][2] == {"minutes": 10}
    assert await doing(client, "undo", "mr://core/operation/41") == 0
    assert client.wishes[1][1].refs == ("core/operation/41",)


async def test_revealing_prints_what_is_hidden_otherwise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await doing(simulated.Simulated(), "job.reveal", REF) == 0
    assert "anna@example.org" in capsys.readouterr().out


async def test_a_plan_that_waits_for_a_second_login_has_an_exit_code_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = simulated.Simulated()
    client.refuses = [errors.NeedsApproval("It waits for a second login.")]
    assert await doing(client, "deploy.switch", "deploy/colour/green") == do.WAITS
    assert "waits for a second login" in capsys.readouterr().out


@pytest.mark.parametrize("state", ["approved", "refused"])
async def test_it_can_wait_for_the_second_login(
    state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Finishing()
    fix = "Ask somebody to approve it, then apply again."
    client.refuses = [errors.NeedsApproval("It waits for a second login.", fix=fix)]
    task = asyncio.create_task(
        doing(client, "deploy.switch", "deploy/colour/green", "--wait-approval")
    )
    await waiting.until(lambda: client.made and not client.refuses, what="the first try")
    said = ""
    while "It is applied as soon as somebody approves mr://core/plan/" not in said:
        await asyncio.sleep(0)
        said += capsys.readouterr().err
    assert "apply again" not in said
    name = next(iter(client.made))
    client.tell(facts.waiting(name, "root"))
    client.tell(facts.waiting(name, "root", state=state, by="anna", answer="not now"))
    if state == "approved":
        assert await task == 0
        assert len(client.applied) == 1
    else:
        with pytest.raises(errors.NeedsApproval, match=r"anna has refused the plan: not now\."):
            await task
        assert client.applied == []


class Mortal(simulated.Simulated):
    """A core that ends while an operation runs; `told` is what another one then says of it."""

    told: dict[str, object] | None = None

    async def apply(
        self, plan_id: str, *, reason: str = "", confirm: str = "", break_glass: bool = False
    ) -> core.Operation:
        running = await super().apply(plan_id, reason=reason, confirm=confirm)
        self.tell(running.model_copy(update={"done": 2, "total": 5}))
        self.events.put_nowait(None)
        if self.told is not None:
            self.tell(running.model_copy(update=self.told))
        return running


async def test_it_waits_for_the_end_also_when_the_core_ends_and_comes_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = Mortal()
    client.told = {"state": core.OperationState.DONE, "done": 1}
    assert await doing(client, "queue.retry", REF) == 0
    said = capsys.readouterr()
    assert "1 of 1 done" in said.out
    assert said.err.count("Waiting until it is back.") == 1


@pytest.mark.parametrize("as_json", [False, True])
async def test_what_goes_on_without_us_is_never_green_and_has_a_code_of_its_own(
    as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(following, "AWAY_S", 0.0)
    argv = ("queue.retry", REF, *(["--json"] if as_json else []))
    assert await doing(Mortal(), *argv) == do.GOES_ON == 4
    said = capsys.readouterr()
    if as_json:
        assert json.loads(said.out)["state"] == "running"
    else:
        wanted = "operation 41 goes on without us, 2 of 5 done; see mr://core/operation/41\n"
        assert said.out == wanted
    assert "it ended the stream" in said.err


async def test_what_was_paused_meanwhile_is_left_after_a_while(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(following, "STILL_S", 0.0)
    client = Later()
    client.finish = lambda plan_id, **outcome: None  # type: ignore[method-assign]
    assert await doing(client, "queue.retry", REF) == do.GOES_ON
    assert "did not move" in capsys.readouterr().err
    paused = client.operation("0000c0ffee", state="paused")
    assert "operation 41 is paused" in following.left(paused)


async def test_an_apply_that_was_cut_off_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = Finishing()
    client.refuses = [errors.CoreUnreachable("The core has gone.")]
    assert await doing(client, "queue.retry", REF) == 0
    assert len(client.applied) == 1
    client.refuses = [errors.CoreUnreachable("The core has gone.")]
    monkeypatch.setattr(following, "AWAY_S", 0.0)
    with pytest.raises(errors.CoreUnreachable, match="may have begun"):
        await doing(client, "queue.retry", REF)


async def test_one_that_was_stopped_is_not_green(capsys: pytest.CaptureFixture[str]) -> None:
    client = Finishing()
    client.ended = {"state": "stopped"}
    assert await doing(client, "queue.retry", REF) == 1
    assert capsys.readouterr().out.startswith("▲ stopped, 0 of 1 done · operation 41")


def test_options_may_stand_between_the_action_and_its_refs() -> None:
    given = options("queue.pause", "--plan", QUEUE, "--reason", "x", REF)
    assert (given.action, given.refs, given.reason) == ("queue.pause", [QUEUE, REF], "x")


@pytest.mark.parametrize("number", [1_000, pytest.param(10_000, marks=pytest.mark.proof)])
def test_of_what_it_does_not_know_it_names_a_few(
    capsys: pytest.CaptureFixture[str], number: int
) -> None:
    unknown = [f"--not-{n}{'x' * 100}" for n in range(number)]
    with pytest.raises(SystemExit) as ended:
        options("queue.retry", *unknown, REF)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "--not-0xx" in said
    assert f"and {number - 3:,} more" in said
    assert len(said) < 2_000
    with pytest.raises(SystemExit):
        options("queue.retry", "--why", *[REF] * number)
    assert capsys.readouterr().err.endswith("unrecognized arguments: --why\n")


def test_every_action_is_listed_with_its_risk(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options("--list")
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert "deploy.switch" in said
    assert all(action in said for action in catalogue.ACTIONS)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.Forbidden("You may not.", fix="Ask."), 1),
        (errors.NotArmed("You are not armed."), 1),
        (errors.NeedsApproval("meera has refused it."), 1),
        (errors.TooMany("Too many."), 1),
        (errors.BadRequest("There is no such action."), 2),
        (errors.Unauthenticated("No login."), 2),
        (errors.CoreUnreachable("No core."), 2),
    ],
)
def test_what_a_rule_refuses_has_another_code_than_an_error(
    error: errors.MrError,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(given: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr(do, "run", fail)
    assert cli.main(["do", "queue.retry", REF]) == code
    assert capsys.readouterr().err == f"mrtui: {error}\n"
    assert cli.main(["do", "queue.retry", REF, "--json"]) == code
    said = json.loads(capsys.readouterr().out)
    assert said == {"code": error.code, "detail": error.sentence, "fix": error.fix}


async def test_an_interrupt_while_planning_stops_it(capsys: pytest.CaptureFixture[str]) -> None:
    client = simulated.Simulated()
    client.may_plan.clear()
    task = asyncio.create_task(doing(client, "queue.retry", REF))
    await waiting.until(lambda: client.wishes, what="planning")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client.stopped == ["queue.retry"]
    assert "nothing was done" in capsys.readouterr().err


async def test_an_interrupt_while_it_applies_leaves_it_running_and_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = simulated.Simulated()
    task = asyncio.create_task(doing(client, "queue.retry", REF))
    await waiting.until(lambda: client.applied, what="apply")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    said = capsys.readouterr().err
    assert "operation 41 goes on without us" in said
    assert "mrtui do operation.stop mr://core/operation/41" in said


def test_help_explains_the_exit_codes() -> None:
    said = cli.parser("do").format_help()
    assert all(f"\n  {code}  " in said for code in (0, 1, 2, 3, 4))


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


async def test_progress_is_told_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, told in ((Terminal(), True), (io.StringIO(), False)):
        client = Later()
        client.looks = ((340, 1_000),)
        monkeypatch.setattr("sys.stderr", stream)
        assert await doing(client, "queue.retry", REF) == 0
        assert ("planning: 340 of 1,000" in stream.getvalue()) is told


async def test_everything_with_a_fingerprint_is_one_selection() -> None:
    client = Finishing()
    query = ("--in-state", "failed", "--fingerprint", facts.PRINTS[0], "--older-s", "60")
    args = ("--arg", "canary=10", "--yes")
    assert await doing(client, "queue.retry", "--all-of", QUEUE, *query, *args) in (0, 1)
    action, chosen, given = client.wishes[0]
    assert (action, given) == ("queue.retry", {"canary": 10})
    wanted = plans.Query(state="failed", fingerprint=facts.PRINTS[0], older_s=60)
    assert chosen.query == wanted
