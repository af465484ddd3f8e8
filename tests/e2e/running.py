"""A real stack for end-to-end tests: `mrcore up` as a person starts it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

MRCORE = (sys.executable, "-m", "mrcore")
MRTUI = (sys.executable, "-m", "mrtui")


@dataclass(frozen=True)
class Stack:
    """A running stack: its supervisor, its folder and what its ready line said."""

    supervisor: subprocess.Popen[str]
    state: Path
    ready: dict[str, Any]

    def pid(self, process: str) -> int:
        """The pid of one of its processes now."""
        rows = json.loads((self.state / "processes.json").read_text())["processes"]
        return int(next(row["pid"] for row in rows if row["name"] == process))

    def family(self) -> list[psutil.Process]:
        """Every process under the supervisor, and itself."""
        top = psutil.Process(self.supervisor.pid)
        return [top, *top.children(recursive=True)]

    def mrtui(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a `mrtui` verb against this stack."""
        done = mrtui(*words, "--state", str(self.state))
        assert not check or done.returncode == 0, done.stderr + done.stdout
        return done


def mrtui(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a `mrtui` verb, with what it wrote and its exit code."""
    argv = [*MRTUI, *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def mrcore(*words: str) -> subprocess.CompletedProcess[str]:
    """Run an `mrcore` verb to its end."""
    return subprocess.run(
        [*MRCORE, *words], capture_output=True, text=True, timeout=60, check=False
    )


@contextlib.contextmanager
def stack(state: Path, *options: str, prefix: Sequence[str] = ()) -> Iterator[Stack]:
    """Start `mrcore up --json`, wait for its line, and stop it at the end."""
    argv = [*prefix, *MRCORE, "up", "--json", "--state", str(state), *options]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stderr is not None  # noqa: PT018
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield Stack(process, state, json.loads(line))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=40)


def gone(processes: Sequence[psutil.Process], timeout_s: float = 15.0) -> list[psutil.Process]:
    """The processes that still live after `timeout_s`; a zombie counts as dead."""
    deadline = time.monotonic() + timeout_s
    alive = list(processes)
    while alive and time.monotonic() < deadline:
        alive = [p for p in alive if _lives(p)]
        time.sleep(0.05)
    return alive


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stop(pid: int) -> None:
    """SIGSTOP a process with all its children: a server that hangs."""
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()


def go_on(pid: int) -> None:
    """SIGCONT what `stop` stopped."""
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


def kill(pid: int) -> None:
    """`kill -9`."""
    os.kill(pid, signal.SIGKILL)
