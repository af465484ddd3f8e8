"""Game days as a person plays them: faults in a real stack, and what they must lead to."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mrcore.gameday import debts
from tests.e2e import families, misled, running

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
    assert card["story"]["core/alert/redis_wedged/redis/node/main"] == ["fired"]
    assert not (calm.state / debts.FILE).exists()


@pytest.mark.gameday
@pytest.mark.timeout(2 * PLAY_S)
@families.of()
def test_it_recovers_twice_the_same(family: running.Stack, name: str, tmp_path: Path) -> None:
    stories = []
    for _ in range(2):
        code, card = play(name, "--auto", "--state", str(family.state), data=tmp_path)
        assert (code, _why(card)) == (0, [])
        stories.append(card["story"])
    assert stories[0] == stories[1]
    assert not (family.state / debts.FILE).exists()


@pytest.mark.gameday
@pytest.mark.timeout(PLAY_S)
@families.of(lambda what: bool(what.action or what.operators))
def test_without_its_fix_it_does_not_recover(
    family: running.Stack, name: str, tmp_path: Path
) -> None:
    code, card = play(name, "--withhold", "--state", str(family.state), data=tmp_path)
    assert (code, _why(card)) == (0, [])
    assert (card["played"], card["recovered_s"]) == ("withheld", None)


@pytest.fixture(scope="module")
def misled_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Stack]:
    """A stack whose runbooks blame, for whatever there is, a process that has nothing to do with
    it."""
    folder = tmp_path_factory.mktemp("misled")
    misled.write(folder / "runbooks")
    (folder / "settings.toml").write_text(f'[runbooks]\nfolder = "{folder / "runbooks"}"\n')
    options = ("--time-scale", "20", "--settings", str(folder / "settings.toml"))
    with running.stack(folder / "state", *options) as started:
        yield started


@pytest.mark.gameday
@pytest.mark.timeout(PLAY_S)
@pytest.mark.xdist_group("gameday-misled")
@pytest.mark.parametrize("name", [name for name in families.SHIPPED if name in "ABCDEFGHIJ"])
def test_with_a_wrong_diagnosis_it_stops_at_verify(
    misled_stack: running.Stack, name: str, tmp_path: Path
) -> None:
    code, card = play(name, "--misled", "--state", str(misled_stack.state), data=tmp_path)
    assert (code, _why(card)) == (0, [])
    assert (card["played"], card["recovered_s"]) == ("misled", None)
    (told,) = (fate for about, fate in card["story"].items() if about.startswith("run of "))
    assert told[-1] == "failed"
    assert told[-2] == "innocent failed"


@pytest.mark.gameday
@pytest.mark.timeout(2 * PLAY_S)
def test_a_stack_of_its_own_is_played_in_and_removed(tmp_path: Path) -> None:
    code, card = play("J", "--auto", data=tmp_path)
    assert (code, _why(card)) == (0, [])


@pytest.mark.gameday
@pytest.mark.timeout(2 * PLAY_S)
@pytest.mark.xdist_group("stack")
def test_it_recovers_in_the_running_demo_too(stack: running.Stack, tmp_path: Path) -> None:
    code, card = play("J", "--auto", "--state", str(stack.state), data=tmp_path)
    assert (code, _why(card)) == (0, [])
