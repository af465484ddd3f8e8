"""`mrtui demo` as a stranger meets it: in a terminal, and without one."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.e2e import measuring, running, terminal

pytestmark = pytest.mark.xdist_group("demo")


def _family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("scenario", "run"), [("B", "B e-mails are not sending"), ("J", "J Redis is down or wedged")]
)
def test_a_scenario_begins_with_its_incident_under_way(
    state: Path, scenario: str, run: str
) -> None:
    argv = [*running.MRTUI, "demo", "--state", str(state), "--scenario", scenario]
    with terminal.run(argv, columns=80, rows=24) as screen:
        screen.until(f"b: runbook {scenario} ", timeout_s=240)
        screen.press("b")
        screen.until(f"▸ {run}")
        family = _family(screen.pid)
        screen.press("q")
        screen.until("Stop the stack")
        screen.press("y")
        screen.wait(120)
    assert running.gone(family) == []


@pytest.mark.proof
def test_it_says_how_long_it_took(
    state: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("measured", str(measuring.demo(state)))


@pytest.mark.proof
def test_a_lost_terminal_ends_a_demo_and_the_next_one_lives_and_leaves_nothing_either(
    state: Path,
) -> None:
    argv = [*running.MRTUI, "demo", "--state", str(state)]
    with terminal.run(argv, columns=80, rows=24) as screen:
        screen.until("(?i)health", timeout_s=60)
        family = _family(screen.pid)
        screen.close()
        with terminal.run(argv, columns=80, rows=24) as following:
            screen.wait(40)
            assert running.gone(family) == []
            following.until("● live", timeout_s=90)
            family = _family(following.pid)
            assert "postgres" in {process.name() for process in family}
            terminal.walk(following)
            family += _family(following.pid)
            measuring.leave(following)
    assert running.gone(family) == []


@pytest.mark.proof
@pytest.mark.parametrize("shell", ['exec "$@"', "trap '' HUP; \"$@\"; exit $?"], ids=["", "deaf"])
@pytest.mark.parametrize("shown", ["Starting|starting|ready", "● live"], ids=["boot", "live"])
def test_a_terminal_lost_at_the_question_whether_to_leave_leaves_nothing(
    state: Path, shown: str, shell: str
) -> None:
    argv = ["sh", "-c", shell, "sh", *running.MRTUI, "demo", "--state", str(state)]
    with terminal.run(argv, columns=80, rows=24) as screen:
        screen.until(shown, timeout_s=60)
        screen.press("q")
        screen.until("Stop the stack")
        family = _family(screen.pid)
        screen.close()
        assert screen.wait(60) == 128 + signal.SIGHUP
    assert running.gone(family) == []


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
