"""`mrtui do`: exit codes, what is asked and said, approvals, what an interrupt leaves."""

from __future__ import annotations

import argparse
import asyncio
import io
import json

import pytest

from mrcore import errors
from mrcore.model import core, plans, wire
from mrtui import cli, link
from mrtui.cli import do
from tests import waiting
from tests.tui import facts, simulated

REF = "mr://huey/job/emailQueue/8123"
QUEUE = "mr://huey/queue/emailQueue"


class Finishing(simulated.Simulated):
    """Its operations end at once with an outcome."""

    ended: dict[str, object] = {"done": 1}

    async def apply(
        self, plan_id: str, *, reason: str = "", confirm: str = "", break_glass: bool = False
    ) -> core.Operation:
        await super().apply(plan_id, reason=reason, confirm=confirm, break_glass=break_glass)
        return self.operation(plan_id, state="done", **self.ended)


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
    return cli.parser("do").parse_args(argv)


async def doing(client: link.Core, *argv: str) -> int:
    """The exit code of `mrtui do …`."""
    given = options(*argv)
    return await do._run(given, client, do.selection(given), do.arguments(given.arg))


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
    assert do.described(plan)[0].startswith("Retry failed job: 0 targets, risk low")


async def test_a_high_risk_needs_yes_where_nobody_can_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = simulated.Simulated()
    client.risk = plans.Risk.HIGH
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(errors.BadRequest, match="--yes"):
        await doing(client, "queue.retry", REF)
    assert client.applied == []


async def test_a_critical_one_wants_the_name_also_with_yes() -> None:
    client = Finishing()
    client.planned_as = {"risk": plans.Risk.CRITICAL, "confirm": "green", "needs_reason": True}
    with pytest.raises(errors.BadRequest, match="--reason"):
        await doing(client, "deploy.switch", "deploy/colour/green", "--yes")
    with pytest.raises(errors.BadRequest, match="--confirm"):
        await doing(client, "deploy.switch", "deploy/colour/green", "--yes", "--reason", "x")
    assert client.applied == []
    argv = ("--yes", "--reason", "x", "--confirm", "green")
    assert await doing(client, "deploy.switch", "deploy/colour/green", *argv) == 0
    assert client.answers == [{"reason": "x", "confirm": "green", "break_glass": False}]


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
async def test_it_can_wait_for_the_second_login(state: str) -> None:
    client = Finishing()
    client.refuses = [errors.NeedsApproval("It waits for a second login.")]
    task = asyncio.create_task(
        doing(client, "deploy.switch", "deploy/colour/green", "--wait-approval")
    )
    await waiting.until(lambda: client.made and not client.refuses, what="the first try")
    name = next(iter(client.made))
    client.tell(facts.waiting(name, "root"))
    client.tell(facts.waiting(name, "root", state=state, by="anna", answer="not now"))
    if state == "approved":
        assert await task == 0
        assert len(client.applied) == 1
    else:
        with pytest.raises(errors.NeedsApproval, match="anna has refused the plan: not now"):
            await task
        assert client.applied == []


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
    assert "It goes on without this" in said
    assert "mrtui do operation.stop mr://core/operation/41" in said


def test_help_explains_the_exit_codes() -> None:
    said = cli.parser("do").format_help()
    assert all(f"\n  {code}  " in said for code in (0, 1, 2, 3))


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
