"""Game days as a person plays them: faults in a real stack, and what they must lead to."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mrcore.alerts import rule
from mrcore.gameday import debts, faults, scenario
from tests.e2e import running

SCENARIOS = tuple(scenario.shipped(faults.KINDS, rule.read(rule.shipped(), "rules.toml")))
PLAY_S = 420


def play(*words: str, data: Path) -> tuple[int, dict[str, Any]]:
    """Play it; the exit code, and the score."""
    argv = [*running.MRCORE, "gameday", "play", *words, "--json"]
    env = {**os.environ, "XDG_DATA_HOME": str(data)}
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=PLAY_S, check=False, env=env
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def _why(card: dict[str, Any]) -> list[str]:
    return [f"{e['what']}: {e['why']}" for e in card["expectations"] if not e["held"]]


@pytest.mark.xdist_group("failure")
def test_a_wedged_redis_is_detected_and_mended(calm: running.Stack, tmp_path: Path) -> None:
    code, card = play("J", "--until", "detected", "--state", str(calm.state), data=tmp_path)
    assert (code, _why(card)) == (0, [])
    assert card["story"]["core/alert/redis_wedged/redis%2Fnode%2Fmain"] == ["fired"]
    assert not (calm.state / debts.FILE).exists()


@pytest.mark.proof
@pytest.mark.timeout(2 * PLAY_S)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_is_detected_twice_the_same(name: str, tmp_path: Path) -> None:
    stories = []
    for _ in range(2):
        code, card = play(name, "--until", "detected", data=tmp_path)
        assert (code, _why(card)) == (0, [])
        stories.append(card["story"])
    assert stories[0] == stories[1]


@pytest.mark.proof
@pytest.mark.timeout(2 * PLAY_S)
@pytest.mark.parametrize("name", [each for each in SCENARIOS if each[0] in "AFHJ"])
def test_it_recovers_twice_the_same(name: str, tmp_path: Path) -> None:
    stories = []
    for _ in range(2):
        code, card = play(name, "--auto", data=tmp_path)
        assert (code, _why(card)) == (0, [])
        stories.append(card["story"])
    assert stories[0] == stories[1]


@pytest.mark.proof
@pytest.mark.timeout(PLAY_S)
@pytest.mark.parametrize("name", [each for each in SCENARIOS if each[0] in "FJ"])
def test_without_its_fix_it_does_not_recover(name: str, tmp_path: Path) -> None:
    code, card = play(name, "--withhold", data=tmp_path)
    assert (code, _why(card)) == (0, [])
