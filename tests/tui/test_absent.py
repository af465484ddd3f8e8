"""Commands where nobody reads on, and where no core runs: one sentence, at once, or none."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mrcore import cli as core_cli
from mrcore import errors
from mrcore.mentor import people
from mrtui import cli, places
from mrtui.cli import reach

CLOSED = [
    ["mrtui", "do", "--list"],
    ["mrtui", "--help"],
    ["mrtui", "--version"],
    ["mrtui", "completion", "bash"],
    ["mrcore", "--help"],
    ["mrcore", "--version"],
    ["mrcore", "audit", "--help"],
]


@pytest.mark.parametrize("argv", CLOSED, ids=" ".join)
def test_a_closed_pipe_ends_a_command_without_a_word(argv: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", *argv], stdout=pipe, stderr=subprocess.PIPE, check=False
        )
    assert done.stderr == b""
    assert done.returncode in (0, 141), "argparse does not tell of its own help"


@pytest.mark.parametrize("program", [cli.main, core_cli.main])
def test_an_interrupt_ends_a_command_without_a_word(
    program: object, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt  # the signal itself is ignored where tests run in the background

    monkeypatch.setattr("importlib.import_module", interrupted)
    monkeypatch.setattr(sys, "argv", ["program", "status" if program is cli.main else "token"])
    with pytest.raises(SystemExit) as ended:
        program()  # type: ignore[operator]
    assert ended.value.code == 130
    assert capfd.readouterr() == ("", "")


def asked(state: Path) -> argparse.Namespace:
    return cli.parser("show").taken(["queues", "--state", str(state)])


def locked(state: Path, name: str) -> int:
    """The lock of a state folder, held as the core holds it."""
    state.mkdir(parents=True, exist_ok=True)
    fd = os.open(state / name, os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of this user's state folders."""
    monkeypatch.setattr("platformdirs.user_state_path", lambda _: tmp_path / "mr")
    monkeypatch.setattr("platformdirs.user_config_path", lambda _: tmp_path / "config")
    return tmp_path / "mr"


@pytest.mark.parametrize("left", [None, {"socket": "/tmp/of-one-that-was-killed"}])
def test_no_core_is_said_before_anything_is_asked(home: Path, left: object) -> None:
    state = home / "local"
    if left is not None:
        os.close(locked(state, "core.lock"))
        (state / "core.json").write_text(json.dumps(left))
    with pytest.raises(errors.CoreUnreachable, match=f"No core runs for {state}") as refusal:
        reach.core(asked(state))
    assert f"mrcore serve --state {state}" in refusal.value.fix
    assert "demo" not in refusal.value.fix


def test_a_demo_that_runs_is_named(home: Path) -> None:
    fd = locked(home / "demo", "core.lock")
    with pytest.raises(errors.CoreUnreachable) as refusal:
        reach.core(asked(home / "local"))
    assert refusal.value.fix.startswith(f"A demo runs: --state {home / 'demo'}.")
    os.close(fd)


@pytest.mark.parametrize("lock", ["core.lock", "stack.lock"])
def test_a_core_that_runs_or_is_starting_is_asked(home: Path, lock: str) -> None:
    fd = locked(home / "local", lock)
    assert reach.core(asked(home / "local"))[0].state == home / "local"
    os.close(fd)


def test_a_folder_that_is_somebody_elses_may_have_a_core(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = home / "local"
    os.close(locked(state, "core.lock"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert not places.nobody_in(state)
    (state / "core.lock").unlink()
    assert not places.nobody_in(state)


def test_the_facts_of_a_stack_that_runs_are_printed_with_its_board(tmp_path: Path) -> None:
    def stack(*argv: str) -> subprocess.CompletedProcess[str]:
        run = [sys.executable, "-m", "mrcore", "stack", "--state", str(tmp_path), *argv]
        return subprocess.run(run, capture_output=True, text=True, check=False)

    line = {
        "control": "http://127.0.0.1:1",
        "socket": "/tmp/s",
        "logs": "/tmp/logs",
        "state": str(tmp_path),
        "switch": "http://127.0.0.1:2",
        "backends": {"blue": "http://127.0.0.1:3"},
        "bull_board": {"username": "admin", "password": "open sesame"},
    }
    (tmp_path / "stack.json").write_text(json.dumps(line))
    assert stack("--json").returncode == 2, "what a stack has left behind that was killed"
    fd = locked(tmp_path, "stack.lock")
    done = stack("--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, line)
    (tmp_path / "seeded.json").write_text(json.dumps({"seed": 7, "scale": "small"}))
    who = people.person(7, 0, people.SMALL).email, people.password(7, 0)
    superadmin = dict(zip(("email", "password"), who, strict=True))
    assert json.loads(stack("--json").stdout) == {**line, "superadmin": superadmin}
    told = stack()
    assert "http://127.0.0.1:3/admin/queues  login admin" in told.stdout
    assert f"{who[0]}, at POST /api/auth/login" in told.stdout
    assert "open sesame" not in told.stdout
    assert who[1] not in told.stdout
    os.close(fd)
