"""How a play is ordered, what its score says then, and how it ends when it is told to."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mrcore import errors, folder
from mrcore.cli import gameday as cli
from mrcore.gameday import debts, own, play, recovering, scenario, score
from mrcore.runbooks import library
from mrcore.sources import base
from tests.core.gameday import stages
from tests.core.gameday.watched import T0, J, seen


class Actor:
    """Says of everything that it held, or did not."""

    def __init__(self, held: bool) -> None:
        self._found = [score.Expectation(what="x", held=held)]

    async def withheld(self, *given: Any, **more: Any) -> list[score.Expectation]:
        return self._found

    misled = recovered = withheld


@pytest.mark.parametrize(
    ("order", "held", "timed"),
    [
        (play.Order(), True, True),
        (play.Order(auto=True), True, True),
        (play.Order(auto=True), False, False),
        (play.Order(withhold=True), True, False),
        (play.Order(misled=True), True, False),
    ],
    ids=["by hand", "auto", "auto in vain", "withheld", "misled"],
)
async def test_a_score_has_the_seconds_to_a_recovery_only_where_there_was_one(
    state: Path, order: play.Order, held: bool, timed: bool
) -> None:
    async with stages.stage(state) as stage:
        (state / "settings.json").write_text("{}")
        what = play.Play(stage.arena, J, order, now=base.utc_now, tell=print)
        with what._keys:
            await what._recover(Actor(held), stage)  # type: ignore[arg-type]
        card = what._card()
    assert (card.recovered_s is not None) is timed
    assert card.played == order.played


@pytest.mark.parametrize(
    ("order", "by_hand"),
    [
        (play.Order(until="diagnosed"), True),
        (play.Order(until="diagnosed", auto=True), False),
        (play.Order(withhold=True), False),
        (play.Order(misled=True), False),
    ],
    ids=["by hand", "auto", "withheld", "misled"],
)
async def test_only_who_plays_by_hand_recovers_it_himself(
    state: Path, order: play.Order, by_hand: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Found(Exception):
        pass

    def made(*given: Any, by_hand: bool) -> None:
        raise Found(by_hand)

    async def nothing(*given: Any) -> None:
        pass

    monkeypatch.setattr(recovering, "Recovery", made)
    monkeypatch.setattr(recovering, "end_others", nothing)
    async with stages.stage(state) as stage:
        (state / "settings.json").write_text("{}")
        game = play.Play(stage.arena, J, order, now=base.utc_now, tell=print)
        for name in ("_break", "_calm", "_inject", "_detect"):
            monkeypatch.setattr(game, name, nothing)
        with pytest.raises(Found) as found:
            await game._acts(None, stage, None)  # type: ignore[arg-type]
    assert found.value.args == (by_hand,)


def test_the_manual_steps_are_said_to_who_plays_by_hand(state: Path) -> None:
    told: list[str] = []
    folder.StateFolder(state).make().write_json("settings.json", {})
    where = stages.arena.Arena(folder.StateFolder(state), {}, {})
    scenarios = cli._scenarios()
    for id_, order in (("J", play.Order()), ("B", play.Order(auto=True)), ("B", play.Order())):
        play.Play(where, scenarios[id_], order, now=base.utc_now, tell=told.append)._tell_by_hand()
    (said,) = told
    assert said.startswith("manual steps here: rotate;")
    assert said.endswith(f"mrcore gameday operate STEP --state {state}")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--withhold", "--misled"), "--withhold and --misled exclude each other"),
        (("--auto", "--withhold"), "--auto and --withhold exclude each other"),
        (("--auto", "--misled"), "--auto and --misled exclude each other"),
        (("--misled", "--until", "detected"), "--misled and --until detected exclude each other"),
        (("--state", "x", "--time-scale", "20"), "start that stack with mrcore up --time-scale"),
    ],
)
def test_ways_of_playing_that_exclude_each_other_are_refused(
    options: tuple[str, ...], why: str
) -> None:
    done = CliRunner().invoke(cli.command, ["play", "J", *options])
    assert done.exit_code == 2
    assert why in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["B"],
            "mrtui --state {0}; manual steps (rotate): mrcore gameday operate STEP --state {0}",
        ),
        (["J", "--json"], "mrtui --state {0}\n"),
        (["J", "--auto"], ""),
        (["J", "--until", "detected"], ""),
    ],
    ids=["steps", "json", "auto", "not so far"],
)
def test_who_plays_by_hand_is_told_where(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "its own"

    @contextlib.asynccontextmanager
    async def stack(*given: Any) -> AsyncIterator[stages.arena.Arena]:
        yield stages.arena.Arena(folder.StateFolder(place).make(), {}, {})

    def ends(*given: Any, **more: Any) -> None:
        raise errors.StackError("it ends here")

    monkeypatch.setattr(own, "stack", stack)
    monkeypatch.setattr(play, "Play", ends)
    done = CliRunner().invoke(cli.command, ["play", *options])
    assert isinstance(done.exception, errors.StackError)
    assert done.stdout == ""
    assert (f"recover it here: {said}".format(shlex.quote(str(place))) in done.stderr) is bool(said)
    assert ("mrtui" in done.stderr) is bool(said)


def test_where_nothing_was_played_the_score_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score, "default_file", lambda: tmp_path / score.FILE)
    assert "no score yet" in CliRunner().invoke(cli.command, ["score"]).stdout
    assert CliRunner().invoke(cli.command, ["score", "--json"]).stdout == '{"scores": []}\n'


def test_a_rule_that_has_to_fire_of_two_things_is_listed_once() -> None:
    listed = CliRunner().invoke(cli.command, ["list"]).stdout
    assert "(turn_bad)" in listed
    assert "turn_bad, turn_bad" not in listed


def test_a_scenario_is_found_whatever_the_case_of_its_letters() -> None:
    assert cli._find("j").id == "J"
    assert cli._find("b-STALE").id == "B-stale"


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.proof),
        pytest.param(signal.SIGHUP, marks=pytest.mark.proof),
    ],
)
def test_a_play_that_is_ended_while_its_stack_boots_says_that_nothing_is_broken(
    number: signal.Signals,
) -> None:
    argv = [sys.executable, "-m", "mrcore", "gameday", "play", "J"]

    def heard() -> None:  # a suite that runs behind nohup hands down that it is ignored
        signal.signal(number, signal.SIG_DFL)

    pipe = subprocess.PIPE
    with subprocess.Popen(
        argv, stdout=pipe, stderr=pipe, text=True, env=os.environ, preexec_fn=heard
    ) as game:
        assert game.stderr is not None
        assert "starting a stack of its own" in game.stderr.readline()
        game.send_signal(number)
        said, wrong = game.communicate(timeout=120)
    assert (game.returncode, said) == (130, "")
    assert wrong == "Interrupted: nothing was broken yet.\n"


def test_what_could_not_be_mended_is_named_at_an_interrupt(state: Path) -> None:
    owed = debts.Debts(folder.StateFolder(state).make())
    owed.owe("queue.paused", {}, {})
    owed.owe("mail.rotated", {}, {})
    said = cli._interrupted(state, broke=True)
    assert said.startswith("Interrupted: queue.paused, mail.rotated could not be mended;")
    assert str(state) in said
    assert cli._interrupted(None, broke=True) == "Interrupted: what was broken is mended."


async def test_something_is_broken_from_the_first_fault_on(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.StateFolder(state).make().write_json("settings.json", {})
    stack = stages.arena.Arena(folder.StateFolder(state), {}, {})
    game = play.Play(stack, _at_once(J), play.Order(), now=base.utc_now, tell=print)
    broke: list[bool] = []

    async def note(*given: Any) -> None:
        broke.append(game.broke)

    monkeypatch.setattr(game, "_break", note)
    assert not game.broke  # nor by what comes before every scenario
    await game._inject(None, None)  # type: ignore[arg-type]
    assert broke == [True]


def _at_once(what: scenario.Scenario) -> scenario.Scenario:
    steps = tuple(scenario.Step(each.kind, each.fault) for each in what.faults)
    return dataclasses.replace(what, faults=steps)


@pytest.mark.parametrize("time_scale", [1.0, 5.0, 20.0])
def test_a_withheld_fix_is_watched_for_many_holds_of_its_runbook(
    state: Path, time_scale: float
) -> None:
    place = folder.StateFolder(state).make()
    place.write_json("settings.json", {"time_scale": time_scale})
    stack = stages.arena.Arena(place, {}, {})
    known = library.load(None)
    for id_, what in cli._scenarios().items():
        game = play.Play(stack, what, play.Order(), now=base.utc_now, tell=print)
        watched_s = recovering.watched_s(game._hold_s())
        hold_s = known[what.runbook].hold_s if what.runbook else 0.0
        assert watched_s >= max(20.0, 5 * hold_s / time_scale), id_
        assert time_scale < 20.0 or watched_s == 20.0, id_


async def test_it_is_not_watched_for_less() -> None:
    watcher, patience = await seen(), []

    async def until(_: Any, timeout_s: float) -> None:
        patience.append(timeout_s)

    watcher.until = until  # type: ignore[method-assign, assignment]
    for what in (J, dataclasses.replace(J, runbook="")):
        actor = recovering.Recovery(None, watcher, what, T0, print, None, by_hand=False)  # type: ignore[arg-type]
        assert [each.held for each in await actor.withheld(360.0)] == [True]
    assert patience == [360.0, 360.0]
