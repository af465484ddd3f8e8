"""How long a demo takes until something is seen: measured and printed, never asserted."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from mrtui import start
from tests.e2e import running, terminal

FIRST = r"mr ▸|demo"
LIVE = re.compile(r"● live.*HEALTH.*(POSTGRES \d+/\d+).*LOGS \d+ streams", re.DOTALL)


@dataclass(frozen=True)
class Times:
    """Seconds from the command until the first frame, a ready stack, and live panes."""

    first_frame_s: float
    stack_s: float
    live_s: float

    def __str__(self) -> str:
        return (
            f"mrtui demo: first frame {self.first_frame_s:.2f} s,"
            f" stack ready {self.stack_s:.1f} s, panes live {self.live_s:.1f} s"
        )


def demo(state: Path) -> Times:
    """Start a demo in a terminal, wait until all panes are live, and leave it."""
    began = time.monotonic()
    with terminal.run(
        [*running.MRTUI, "demo", "--state", str(state)], columns=160, rows=45
    ) as screen:
        screen.until(FIRST)
        first_s = time.monotonic() - began
        screen.until(lambda text: LIVE.search(text) is not None, timeout_s=120)
        live_s = time.monotonic() - began
        ready_s = _ready_s(state)
        leave(screen)
    return Times(first_s, ready_s, live_s)


def _ready_s(state: Path) -> float:
    """What the stack says that its boot took, once it is over."""
    for _ in range(3000):
        for step in start.steps(state):
            if step.name == "stack" and step.took_s is not None:
                return step.took_s
        time.sleep(0.02)
    raise AssertionError(f"The stack of {state} was never ready.")


def leave(screen: terminal.Terminal) -> None:
    """Quit a screen that owns its stack, and wait until both have ended."""
    screen.press("q")
    screen.until("Stop")
    screen.press("y")
    assert screen.wait(40) == 0
