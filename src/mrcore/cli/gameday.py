"""`mrcore gameday`: break real parts on purpose, and see that they are detected and mended."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mrcore import errors, folder, quiet
from mrcore.cli import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mrcore.gameday import consoles, scenario, score
    from mrcore.gameday import play as plays

TIME_SCALE = 20.0


@click.group()
def command() -> None:
    """Play scripted faults in a local stack: alerts, diagnosis, fix and recovery must come.

    Example: mrcore gameday play J --auto
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def list_(as_json: bool) -> None:
    """Say which scenarios there are.

    Example: mrcore gameday list
    """
    found = _scenarios().values()
    if as_json:
        rows = [{"id": s.id, "title": s.title, "runbook": s.runbook} for s in found]
        click.echo(plain.document({"scenarios": rows}))
        return
    for each in found:
        alerts = ", ".join(dict.fromkeys(alert.rule for alert in each.alerts))
        click.echo(plain.text(f"{each.id:<12} {each.title}  ({alerts})"))


@command.command()
@click.argument("scenario_id", metavar="SCENARIO")
@click.option("--auto", is_flag=True, help="Confirm the runbook's plans, play its manual steps.")
@click.option("--withhold", is_flag=True, help="Do nothing: it must not recover.")
@click.option("--misled", is_flag=True, help="The runbooks here are wrong: no fix may be proven.")
@click.option(
    "--until",
    type=click.Choice(["injected", "detected", "diagnosed", "recovered"]),
    default="recovered",
    show_default=True,
    help="How far to play.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the score as one line of JSON.")
@click.option("--state", type=click.Path(path_type=Path), help="Play in the stack that runs here.")
@click.option("--seed", type=int, help="Dice of the faults, instead of the scenario's own.")
@click.option(
    "--time-scale",
    type=click.FloatRange(1, 1_000),
    show_default=f"{TIME_SCALE:g}",
    help="How many times as quick a stack of its own is.",
)
def play(
    scenario_id: str,
    auto: bool,
    withhold: bool,
    misled: bool,
    until: score.Until,
    as_json: bool,
    state: Path | None,
    seed: int | None,
    time_scale: float | None,
) -> None:
    """Play one scenario in a stack of its own, or in the one of --state; 0 when everything held.

    What is broken is mended at the end, also after ctrl-C. Only a stack of `mrcore up` is taken.
    Without --auto a person recovers it, at the screen; `mrcore gameday operate` does manual steps.

    Example: mrcore gameday play J --auto --json
    """
    from mrcore.gameday import play as plays  # the rest of this file needs no servers' libraries
    from mrcore.gameday import score

    _refuse_both({"--auto": auto, "--withhold": withhold, "--misled": misled}, until)
    scale = _scale(state, time_scale)
    what = _find(scenario_id)
    order = plays.Order(until=until, auto=auto, seed=seed, withhold=withhold, misled=misled)
    games: list[plays.Play] = []
    try:
        card = asyncio.run(_played(what, order, state, scale, games, as_json=as_json))
    except (asyncio.CancelledError, KeyboardInterrupt):  # a signal; of ctrl-C asyncio says so
        said = _interrupted(state, broke=any(game.broke for game in games))
        click.echo(plain.text(said), err=True)
        sys.exit(quiet.INTERRUPTED)
    score.keep(card, score.default_file())
    for line in [plain.document(card.model_dump(mode="json"))] if as_json else score.lines(card):
        click.echo(line if as_json else plain.text(line))
    sys.exit(0 if card.ok else 1)


@command.command()
@click.argument("step", default="")
@click.option("--state", type=click.Path(path_type=Path), help="State folder (or MR_STATE).")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def operate(step: str, state: Path | None, as_json: bool) -> None:
    """Act on the simulated consoles as the operator of the game day that is under way.

    STEP is a manual step of its scenario. Without one: which there are, and which were done.
    Exit code 1 where the step could not be done.

    Example: mrcore gameday operate rotate --state /tmp/mr
    """
    from mrcore.gameday import consoles

    place = folder.StateFolder(state)
    game = consoles.game(place)
    if not step:
        listed = [plain.document(game.model_dump(mode="json"))] if as_json else _steps(game)
        for line in listed:
            click.echo(line if as_json else plain.text(line))
        return
    already = any(each.step == step and each.done for each in game.steps)
    why = "" if already else consoles.ask(place, step, pause=time.sleep)
    if as_json:
        click.echo(plain.document({"step": step, "done": not why, "why": why}))
    elif why:
        click.echo(plain.text(f"{step} could not be done: {why}"), err=True)
    else:
        click.echo(plain.text(f"{step} {'was done already' if already else 'is done'}."))
    sys.exit(1 if why else 0)


@command.command("score")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def score_(as_json: bool) -> None:
    """Print the newest score of every scenario, of each way in which it was played here.

    Example: mrcore gameday score
    """
    from mrcore.gameday import score

    cards = score.kept(score.default_file()).values()
    if as_json:
        click.echo(plain.document({"scores": [card.model_dump(mode="json") for card in cards]}))
        return
    if not cards:
        click.echo("There is no score yet: mrcore gameday play SCENARIO keeps one.")
    for card in cards:
        for line in score.lines(card):
            click.echo(plain.text(line))


def _scenarios() -> dict[str, scenario.Scenario]:
    from mrcore.alerts import rule
    from mrcore.gameday import faults, scenario

    return scenario.shipped(faults.KINDS, rule.read(rule.shipped(), "rules.toml"))


def _find(scenario_id: str) -> scenario.Scenario:
    known = _scenarios()
    for each in known.values():
        if each.id.casefold() == scenario_id.casefold():
            return each
    raise errors.ScenarioError(
        f"There is no scenario {scenario_id!r}.", fix=f"There are {', '.join(known)}."
    )


def _refuse_both(ways: Mapping[str, bool], until: score.Until) -> None:
    """Raise UsageError where it would be played in two ways, or not so far that one counts."""
    named = [option for option, wanted in ways.items() if wanted]
    if len(named) > 1:
        raise click.UsageError(f"{' and '.join(named)} exclude each other.")
    if named and named != ["--auto"] and until != "recovered":
        raise click.UsageError(f"{named[0]} and --until {until} exclude each other.")


def _scale(state: Path | None, time_scale: float | None) -> float:
    """The time scale of a stack of its own. Raises UsageError where it is said of another."""
    if state is not None and time_scale is not None:
        raise click.UsageError(
            "--state and --time-scale exclude each other: a stack that runs keeps its own. "
            "Leave one out, or start that stack with mrcore up --time-scale."
        )
    return TIME_SCALE if time_scale is None else time_scale


def _where(what: scenario.Scenario, place: Path) -> str:
    """How a person gets to a stack that only this play knows of."""
    at = f"--state {shlex.quote(str(place))}"
    steps = ", ".join(dict.fromkeys(operator.step for operator in what.operators))
    by_hand = f"; manual steps ({steps}): mrcore gameday operate STEP {at}" if steps else ""
    return f"recover it here: mrtui {at}{by_hand}"


def _steps(found: consoles.Game) -> Iterator[str]:
    yield f"{found.scenario}  {found.title}"
    for each in found.steps:
        yield f"  {'✓' if each.done else '·'} {each.step:<12} {', '.join(each.kinds)}"
    if not found.steps:
        yield "  no manual step: the screen does it all"


def _interrupted(state: Path | None, *, broke: bool) -> str:
    """Whether all is mended; a stack of the play's own has gone with what was broken in it."""
    from mrcore.gameday import debts

    owed = debts.Debts(folder.StateFolder(state)).open if state is not None else []
    if not owed:
        mended = "what was broken is mended" if broke else "nothing was broken yet"
        return f"Interrupted: {mended}."
    kinds = ", ".join(debt["kind"] for debt in owed)
    return f"Interrupted: {kinds} could not be mended; the next game day in {state} tries again."


async def _played(
    what: scenario.Scenario,
    order: plays.Order,
    state: Path | None,
    time_scale: float,
    games: list[plays.Play],
    *,
    as_json: bool,
) -> score.Card:
    """The score of a play, which is in `games` once it has a stack."""
    from mrcore.gameday import arena, own
    from mrcore.gameday import play as plays
    from mrcore.sources import base

    def say(sentence: str) -> None:
        with contextlib.suppress(OSError):  # a lost terminal ends nothing
            click.echo(plain.text(f"  … {sentence}"), err=True)

    def tell(sentence: str) -> None:
        if not as_json:
            say(sentence)

    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):  # as ctrl-C: what is broken is mended first
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)

    async def run(stack: arena.Arena) -> score.Card:
        games.append(plays.Play(stack, what, order, now=base.utc_now, tell=tell))
        return await games[-1].run()

    if state is not None:
        return await run(arena.Arena.at(state))
    tell("starting a stack of its own")
    async with own.stack(time_scale, None) as stack:
        if order.played == "by hand" and order.until == "recovered":
            say(_where(what, stack.state.path))
        return await run(stack)
