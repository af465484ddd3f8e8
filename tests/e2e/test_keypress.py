"""From the alert on the screen to the verified recovery in at most six keys."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mrcore.gameday import debts, scenario
from mrcore.model import run
from tests.e2e import families, person, running, terminal

MOST = 6
PLAY_S = 600


def _by_keys(what: scenario.Scenario) -> bool:
    """Whether a person at the screen alone can mend it."""
    recovers = what.outcome is run.RunState.RECOVERED
    return bool(what.runbook) and not what.operators and recovers


def played(name: str, stack: running.Stack, data: Path) -> tuple[dict[str, Any], person.Person]:
    """Play a scenario to its end, mended by who reads the screen; the score, and who did."""
    argv = [*running.MRCORE, "gameday", "play", name, "--state", str(stack.state)]
    env = {**os.environ, "XDG_DATA_HOME": str(data)}
    with terminal.attached(stack.state, columns=80, rows=24) as screen:
        who = person.Person(screen)
        pipe = subprocess.PIPE
        with subprocess.Popen(argv, stdout=pipe, stderr=pipe, text=True, env=env) as game:
            try:
                assert game.stderr is not None
                told = iter(game.stderr.readline, "")
                assert any("waiting for" in line for line in told), "the fault was not injected"
                ended = who.mend(families.SHIPPED[name].runbook)
                said, wrong = game.communicate(timeout=PLAY_S)
            finally:
                game.terminate()  # what is broken is mended first
        assert ended == "recovered", screen.text
    assert said, wrong
    return _score(env)[name], who


def _score(env: dict[str, str]) -> dict[str, Any]:
    """Every card that is kept, by its scenario."""
    argv = [*running.MRCORE, "gameday", "score", "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60, env=env)
    return {card["scenario"]: card for card in json.loads(done.stdout)["scores"]}


def _judge(card: dict[str, Any], who: person.Person, tell: Callable[[str, object], None]) -> None:
    tell("measured", f"{card['scenario']}: {len(who.pressed)} keys ({' '.join(who.pressed)})")
    assert [f"{e['what']}: {e['why']}" for e in card["expectations"] if not e["held"]] == []
    assert card["keypresses"] == len(who.pressed) <= MOST, who.pressed
    assert card["wrong_actions"] == 0


@pytest.mark.gameday
@pytest.mark.timeout(PLAY_S)
def test_a_wedged_redis_is_mended_in_six_keys(
    calm: running.Stack, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    _judge(*played("J", calm, tmp_path), record_property)
    assert not (calm.state / debts.FILE).exists()


@pytest.mark.gameday
@pytest.mark.timeout(2 * PLAY_S)
@families.of(_by_keys)
def test_every_fault_without_a_manual_step_is_mended_in_six_keys(
    family: running.Stack,
    name: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    _judge(*played(name, family, tmp_path), record_property)
