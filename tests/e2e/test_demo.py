"""`mrtui demo` as a stranger meets it: in a terminal, and without one."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.e2e import running, terminal

pytestmark = pytest.mark.xdist_group("demo")


def _family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (160, 45), (40, 10)])
def test_the_demo_lives_in_a_terminal_of_any_size(state: Path, columns: int, rows: int) -> None:
    argv = [sys.executable, "-m", "mrtui", "demo", "--state", str(state)]
    with terminal.run(argv, columns=columns, rows=rows) as screen:
        screen.until(r"(?i)health", timeout_s=60)
        family = _family(screen.pid)
        screen.press("2")
        screen.until(r"emailQueue|missOzone", timeout_s=60)
        screen.press("3")
        screen.until(r"(?i)idle|active", timeout_s=30)
        screen.press("4")
        screen.until(r"(?i)canary|keys", timeout_s=30)
        screen.press("5")
        screen.until(r"(?i)worker|backend|upstreams", timeout_s=30)
        screen.press("?")
        screen.until(r"(?i)filter")
        screen.press("esc", "1")
        screen.until(r"(?i)health")
        family += _family(screen.pid)
        screen.press("q")
        screen.until("Stop")
        screen.press("y")
        assert screen.wait(40) == 0
    assert running.gone(family) == []


def test_a_failed_job_is_retried_by_one_key_and_completes_on_screen(state: Path) -> None:
    argv = [sys.executable, "-m", "mrtui", "demo", "--state", str(state)]
    with terminal.run(argv, columns=120, rows=40) as screen:
        screen.until(r"(?i)health", timeout_s=60)
        screen.press("2")
        screen.until(r"emailQueue\s", timeout_s=60)
        screen.press("/", "emailQueue", "enter")
        screen.until(lambda text: "emailQueue" in text and "kpiQueue" not in text)
        screen.press("enter")
        screen.until(r"(?i)failed")
        screen.until(r"550|535|421|refused|timed", timeout_s=60)
        screen.press("r")
        screen.until(r"(?i)operation \d+", timeout_s=30)
        screen.press(":", "audit", "enter")
        screen.until(r"queue\.retry", timeout_s=30)


def test_a_lost_terminal_ends_a_demo_and_leaves_nothing(state: Path) -> None:
    argv = [sys.executable, "-m", "mrtui", "demo", "--state", str(state)]
    with terminal.run(argv, columns=80, rows=24) as screen:
        screen.until(r"(?i)health", timeout_s=60)
        family = _family(screen.pid)
        screen.close()
        screen.wait(40)
    assert running.gone(family) == []


def test_a_terminated_screen_restores_the_terminal(state: Path) -> None:
    argv = [sys.executable, "-m", "mrtui", "--state", str(state)]
    with terminal.run(argv, columns=80, rows=24) as screen:
        screen.until(r"mr ▸", timeout_s=60)
        psutil.Process(screen.pid).send_signal(signal.SIGTERM)
        screen.wait()
        sent = bytes(screen.raw)
    assert sent.rfind(b"\x1b[?1049l") > sent.rfind(b"\x1b[?1049h") >= 0
    assert sent.rfind(b"\x1b[?25h") > sent.rfind(b"\x1b[?25l") >= 0


def test_without_a_terminal_the_demo_prints_the_facts_and_stops(state: Path) -> None:
    argv = [*running.MRTUI, "demo", "--state", str(state)]
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    for process in ("postgres", "valkey", "serve", "worker", "backend-blue", "upstreams"):
        assert re.search(rf"{process} ready", done.stdout), done.stdout
    assert "emailQueue" in done.stdout
    assert "mrtui --state" in done.stdout
    mine = [p for p in psutil.process_iter(["cmdline"]) if str(state) in str(p.info["cmdline"])]
    assert running.gone(mine) == []
