"""The incident of `mrtui demo --scenario`, with a player that breaks nothing."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from mrcore import errors
from mrcore.cli import gameday
from mrtui import incident, start
from mrtui.cli import demo

PLAYER = """
import os, signal, sys
def mend(*_):
    open(sys.argv[-1] + '/mended', 'w').close()
    sys.exit()
signal.signal(signal.SIGTERM, mend)
open(sys.argv[-1] + '/told', 'w').write(' '.join(sys.argv[1:]))
while True:
    signal.pause()
"""


def plays(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(incident, "_GAMEDAY", (sys.executable, "-S", "-c", code))


@pytest.fixture
def stack(tmp_path: Path) -> start.Stack:
    (tmp_path / "logs").mkdir()
    return start.Stack(tmp_path, None, keep=False)


def test_a_scenario_that_there_is_not_is_refused_with_those_that_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listed = tmp_path / "listed"
    listed.write_text(CliRunner().invoke(gameday.command, ["list", "--json"]).stdout)
    plays(monkeypatch, f"print(open({str(listed)!r}).read())")
    incident.check("b-STALE")
    with pytest.raises(errors.SettingsError, match="no scenario 'B-stal'") as caught:
        incident.check("B-stal")
    assert "B-stale, " in caught.value.fix


def test_no_stack_is_started_for_a_scenario_that_there_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plays(monkeypatch, """print('{"scenarios": []}')""")
    monkeypatch.setattr(start, "stack", lambda *_: pytest.fail("it is started"))
    with pytest.raises(errors.SettingsError):
        demo.run(options(tmp_path))


def test_what_is_left_before_its_stack_is_ready_has_broken_nothing(
    monkeypatch: pytest.MonkeyPatch, stack: start.Stack
) -> None:
    plays(monkeypatch, PLAYER)
    broken = incident.Incident(stack, "B")
    broken.begin()
    broken.end()
    assert "incident" not in {each.name for each in threading.enumerate()}
    (stack.state / "stack.json").write_text("{}")
    broken._play()  # as the stack is ready in that very moment
    assert list((stack.state / "logs").iterdir()) == []


def test_what_is_under_way_is_mended_before_it_ends(
    monkeypatch: pytest.MonkeyPatch, stack: start.Stack
) -> None:
    plays(monkeypatch, PLAYER)
    os.mkfifo(stack.state / "told")
    broken = incident.Incident(stack, "B")
    broken.begin()
    (stack.state / "stack.json").write_text("{}")
    assert (stack.state / "told").read_text() == f"play B --state {stack.state}"
    assert not (stack.state / "mended").exists()
    broken.end()
    assert (stack.state / "mended").exists()
    assert "incident" not in {each.name for each in threading.enumerate()}


def test_it_is_ended_however_the_demo_ends_and_before_its_stack(
    monkeypatch: pytest.MonkeyPatch, stack: start.Stack
) -> None:
    told: list[str] = []

    def breaks(_: start.Stack) -> int:
        raise errors.StackError("the boot went wrong")

    monkeypatch.setattr(incident, "check", told.append)
    monkeypatch.setattr(incident.Incident, "begin", lambda _: told.append("begun"))
    monkeypatch.setattr(incident.Incident, "end", lambda _: told.append("ended"))
    monkeypatch.setattr(start, "stack", lambda *_: stack)
    monkeypatch.setattr(start.Stack, "owned", True)
    monkeypatch.setattr(start.Stack, "stop", lambda *_: told.append("stopped"))
    monkeypatch.setattr(demo, "_facts", breaks)
    with pytest.raises(errors.StackError, match="went wrong"):
        demo.run(options(stack.state))
    assert told == ["B", "begun", "ended", "stopped"]


def options(state: Path) -> argparse.Namespace:
    return argparse.Namespace(
        state=state, command="demo", scenario="B", seed=None, scale="small", keep=False
    )
