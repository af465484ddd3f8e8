"""The screen in a real terminal of 120 by 40, over a running stack: its first frame, its bytes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrcore import client
from mrcore.model import plans
from mrtui.terminal import frame_diff
from tests import waiting
from tests.bench import table
from tests.e2e import finding, running, terminal

pytestmark = pytest.mark.bench

ROUNDS = 5
SECONDS = 8
RATE, BURST_S = 40, 8
COLUMNS, ROWS = 120, 40
LIVE = r"emailQueue +\d"
HELLO = """
from textual.app import App
from textual.widgets import Static
class Hello(App):
    def compose(self):
        yield Static("hello world")
Hello().run()
"""
ENVIRON = {"PYTHONDONTWRITEBYTECODE": ""}  # empty is off: a person's Python has its bytecode
STOCK = {**ENVIRON, frame_diff.SWITCH: "0"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.Stack]:
    """A stack with the demo's data and its visitors."""
    with running.stack(tmp_path_factory.mktemp("screen"), "--seed", "7") as started:
        time.sleep(5)  # its own start is over
        yield started


@contextlib.contextmanager
def screen_of(state: Path, environ: dict[str, str]) -> Iterator[terminal.Terminal]:
    argv = [*running.MRTUI, "--state", str(state)]
    with terminal.run(argv, columns=COLUMNS, rows=ROWS, env=environ) as screen:
        yield screen


def seen_s(argv: list[str], *wanted: str) -> tuple[float, ...]:
    """Seconds from the start of a program until each text was on its screen."""
    began = time.perf_counter()
    with terminal.run(argv, columns=COLUMNS, rows=ROWS, env=ENVIRON) as screen:
        found = []
        for text in wanted:
            screen.until(text)
            found.append(time.perf_counter() - began)
    return tuple(found)


def bench_first_frame(stack: running.Stack) -> None:
    ours = [*running.MRTUI, "--state", str(stack.state)]
    bare = [sys.executable, "-c", HELLO]
    seen_s(ours, LIVE)  # writes the bytecode
    seen_s(bare, "hello")
    firsts, lives, hellos = [], [], []
    for _ in range(ROUNDS):
        hellos.append(seen_s(bare, "hello world")[0])
        first, live = seen_s(ours, r"mr ▸", LIVE)
        firsts.append(first)
        lives.append(live - first)
    ratio = statistics.median(firsts) / statistics.median(hellos)
    table.row(
        "first frame; live data after it",
        f"{ratio:.2f} × ({table.spread(firsts, 's')}); {table.spread(lives, 's')} later",
        "≤ 1.25 × a bare Textual hello world; ≤ 1 s later",
        f"bare Textual hello world {table.spread(hellos, 's')}",
    )


def bytes_a_second(screen: terminal.Terminal) -> list[int]:
    """What is received in each of the next seconds."""
    counts = []
    for _ in range(SECONDS):
        before = screen.received
        time.sleep(1.0)
        counts.append(screen.received - before)
    return counts


def home(state: Path, environ: dict[str, str]) -> tuple[int, list[int]]:
    """Bytes of home's start-up, and of each second after it."""
    with screen_of(state, environ) as screen:
        screen.until("● live")
        time.sleep(1.0)
        start = screen.received
        counts = bytes_a_second(screen)
    return start, counts


def both(stack: running.Stack, quiet: Path, environ: dict[str, str]) -> str:
    """An unchanged tick, a typical second, the start-up."""
    start, busy = home(stack.state, environ)
    _, unchanged = home(quiet, environ)
    typical = f"{statistics.median(busy):,.0f} B (worst {max(busy):,})"
    return f"{statistics.median(unchanged):,.0f} B; {typical}; {start:,} B"


@contextlib.contextmanager
def quiet_core(state: Path, **options: object) -> Iterator[Path]:
    """A core that watches nothing."""
    state.mkdir()
    (state / "settings.json").write_text(json.dumps({"environment": "quiet", **options}))
    argv = [*running.MRCORE, "serve", "--state", str(state)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            while not (state / "core.json").exists():
                time.sleep(0.05)
            yield state
        finally:
            child.terminate()


def bench_home_bytes(stack: running.Stack, tmp_path: Path) -> None:
    with quiet_core(tmp_path / "quiet") as quiet:
        ours, stock = both(stack, quiet, ENVIRON), both(stack, quiet, STOCK)
    table.row(
        "bytes at 120×40 in a pty, home: a second without change (a core that watches nothing);"
        " a typical second of the demo; start-up",
        ours,
        "≤ 200 B; ≤ 2 KB; ≤ 15 KB",
        f"Textual's own painting: {stock}",
    )


async def bench_armed_bytes(tmp_path: Path) -> None:
    """The countdown in the header and in the terminal's title, and nothing else."""
    with quiet_core(tmp_path / "armed", protected=True) as armed:
        async with client.CoreClient.at(state=armed) as core:
            environment = plans.Selection(refs=("core/environment/quiet",))
            plan = await core.plan("core.arm", environment, {"minutes": 15})
            await core.apply(plan.plan_id, reason="bench")
        _, ours = await asyncio.to_thread(home, armed, ENVIRON)
        _, stock = await asyncio.to_thread(home, armed, STOCK)
    table.row(
        "bytes at 120×40 in a pty, home of a core that watches nothing: a second while armed",
        f"{statistics.median(ours):,.0f} B (worst {max(ours):,})",
        "≤ 2 KB",
        f"Textual's own painting: {statistics.median(stock):,.0f} B",
    )


def log_screen(stack: running.Stack, environ: dict[str, str]) -> str:
    """Bytes by the visible text of new lines, and frames a second, while a log grows."""
    path = stack.state / "logs" / "bench.log"
    path.write_text("0 begins\n")
    asyncio.run(_seen(stack, "logs/stream/bench"))
    with screen_of(stack.state, environ) as screen:
        screen.until(LIVE)
        screen.press(":")
        screen.until(r"(?m)^ :$")
        screen.press("logs bench", "enter")
        screen.until("0 begins")
        time.sleep(2.0)
        start = screen.received
        lines, frames = grow(path, screen)
        text = sum(len(line) for line in screen.lines if re.search(r"line \d+ ", line))
        shown = sum(bool(re.search(r"line \d+ ", line)) for line in screen.lines)
        visible = text / shown * lines
        sent = screen.received - start
    return f"{sent / visible:.2f} × ({sent / 1000:.0f} KB), {frames / BURST_S:.1f} frames/s"


async def _seen(stack: running.Stack, ref: str) -> None:
    """Wait until the core has an entity."""
    async with client.CoreClient.at(state=stack.state) as core:
        await waiting.until(lambda: finding.entity(core, ref), what=ref)


def grow(path: Path, screen: terminal.Terminal) -> tuple[int, int]:
    """Append lines for a while, steadily, until the last is on the screen.

    Returns how many, and how often the screen was painted meanwhile, as far as 25 ms can tell.
    """
    count = frames = 0
    before = screen.received
    with path.open("a", buffering=1) as file:
        end = time.monotonic() + BURST_S
        while time.monotonic() < end:
            count += 1
            file.write(
                f"{time.strftime('%Y-%m-%dT%H:%M:%S')} INFO [email.worker] line {count} of job"
                f" {count * 7919 % 100_000} to user{count}@example.org in {count % 90} ms\n"
            )
            time.sleep(1 / RATE)
            frames += screen.received != before
            before = screen.received
    screen.until(f"line {count} ")
    return count, frames


def bench_log_bytes(stack: running.Stack) -> None:
    table.row(
        f"bytes at 120×40 in a pty, log screen at {RATE} lines/s, by the visible new text",
        log_screen(stack, ENVIRON),
        "≤ 1.3 ×, ≤ 4 frames/s",
        f"Textual's own painting: {log_screen(stack, STOCK)}; tail -f: 1.00 ×",
    )
