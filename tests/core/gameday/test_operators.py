"""A person acts on the simulated consoles of a play that is under way."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import ANY

import pytest
from click.testing import CliRunner

from mrcore import errors, folder
from mrcore.cli import gameday as cli
from mrcore.gameday import consoles, faults, operators, scenario
from tests.core.gameday import stages
from tests.core.gameday.watched import RULES

REPLICAS = scenario.shipped(faults.KINDS, RULES)["J-replicas"]
REFUSES = "min-replicas-to-write"

DONE = {"step": "replicas", "done": True, "why": ""}


def _silent(sentence: str) -> None:
    pass


async def operate(state: Path, *words: str) -> tuple[int, str]:
    """Run the command; its exit code, and what it said."""
    argv = (sys.executable, "-m", "mrcore", "gameday", "operate", *words, "--state", str(state))
    both = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    process = await asyncio.create_subprocess_exec(*argv, **both)  # type: ignore[arg-type]
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.fixture
def played(state: Path) -> Iterator[folder.StateFolder]:
    """A folder in which a game day is played."""
    where = folder.StateFolder(state).make()
    with where.lock(consoles.LOCK, "taken"):
        yield where


async def test_a_person_plays_a_manual_step_and_the_report_says_so(
    played: folder.StateFolder, redis_url: str
) -> None:
    who = operators.Operators(REPLICAS, _silent)
    async with (
        stages.stage(played.path, redis_url=redis_url) as stage,
        stage.arena.redis() as redis,
    ):
        await redis.config_set(REFUSES, "1")
        async with who.at_work(stage):
            listed = await operate(played.path)
            assert listed == (0, f"J-replicas  {REPLICAS.title}\n  · replicas     redis.config\n")
            assert await operate(played.path, "replicas") == (0, "replicas is done.\n")
            assert (await redis.config_get(REFUSES))[REFUSES] == "0"
            assert "✓ replicas" in (await operate(played.path))[1]
            await redis.config_set(REFUSES, "1")
            again = await operate(played.path, "replicas", "--json")
            assert (again[0], json.loads(again[1])) == (0, DONE)
            steps = json.loads((await operate(played.path, "--json"))[1])["steps"]
            assert steps == [{"step": "replicas", "kinds": ["redis.config"], "done": True}]
            await who.play("replicas", stage)  # as `--auto` does, of what a person has done
            assert (await redis.config_get(REFUSES))[REFUSES] == "1", "once is enough"
            code, said = await operate(played.path, "rotate")
            assert (code, said) == (
                2,
                "mrcore: There is no manual step 'rotate'. There are: replicas.\n",
            )
        await redis.config_set(REFUSES, "0")
    assert who.played == ["replicas: redis.config"]
    assert list((played / consoles.FOLDER).iterdir()) == []


async def test_a_step_whose_part_refuses_is_not_done_and_can_be_tried_again(
    played: folder.StateFolder, redis_url: str
) -> None:
    who = operators.Operators(REPLICAS, _silent)
    async with stages.stage(played.path) as nowhere, who.at_work(nowhere):
        code, said = await operate(played.path, "replicas")
        assert code == 1
        assert said.startswith("replicas could not be done: ")
        code, said = await operate(played.path, "replicas", "--json")
        assert code == 1
        assert json.loads(said) == DONE | {"done": False, "why": ANY}
        assert not consoles.game(played).steps[0].done
    async with stages.stage(played.path, redis_url=redis_url) as stage, who.at_work(stage):
        assert (await operate(played.path, "replicas"))[0] == 0
    assert who.played == ["replicas: redis.config"]


async def test_where_nobody_plays_it_says_so(state: Path) -> None:
    beside = folder.StateFolder(state.parent / "beside").make()
    with beside.lock(consoles.LOCK, "taken"):
        code, said = await operate(state, "replicas")
    assert code == 2
    assert said == (
        f"mrcore: No game day is under way in {state}. One is: --state {beside.path}.\n"
    )
    assert "Name the folder of its stack" in (await operate(state))[1]


def test_a_step_that_was_done_is_done_though_the_play_ends(
    played: folder.StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = (consoles.Step(step="replicas", kinds=("redis.config",), done=True),)
    consoles.publish(played, consoles.Game(scenario="J", title="", steps=steps))
    monkeypatch.setattr(time, "sleep", lambda seconds: consoles.withdraw(played))
    asked = CliRunner().invoke(cli.command, ["operate", "replicas", "--state", str(played.path)])
    assert (asked.exit_code, asked.output) == (0, "replicas was done already.\n")


def test_before_the_fault_and_after_the_end_nothing_is_asked(played: folder.StateFolder) -> None:
    with pytest.raises(errors.StackError, match="nothing to do by hand now"):
        consoles.game(played)
    steps = (consoles.Step(step="replicas", kinds=("redis.config",)),)
    consoles.publish(played, consoles.Game(scenario="J", title="", steps=steps))
    with pytest.raises(errors.StackError, match="ended before that was done"):
        consoles.ask(played, "replicas", pause=lambda seconds: consoles.withdraw(played))
    assert list(consoles.take(played)) == [], "who asked has gone"
    consoles.publish(played, consoles.Game(scenario="J", title="", steps=steps))
    consoles.clear(played)
    with pytest.raises(errors.StackError, match="nothing to do by hand now"):
        consoles.game(played)
