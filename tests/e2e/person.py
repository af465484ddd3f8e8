"""Who mends what is broken by what the screen says, and nothing else; each key is counted."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.e2e import terminal

REASON = "game day"
ENDED = re.compile(r"run \d+ · (recovered|unverified|failed|aborted) ·")
_NEXT = re.compile(r"▶ n plans '([^']+)', shows it")
"""Up to its end: a line may be read while it is being painted."""

_PLAN = re.compile(r"plan [0-9a-f]{4} · expires")
_NAME = re.compile(r"type (\S.*?) to confirm")
PATIENCE_S = 240.0
"""For a fix to be proven, at any time scale and load: patience with the host, no expectation."""


class Person:
    """At a terminal that shows home; `pressed` counts keys, not what is typed into a line."""

    def __init__(self, screen: terminal.Terminal) -> None:
        self.screen = screen
        self.pressed: list[str] = []

    def mend(self, runbook: str) -> str:
        """From the line that names the run to its end: how that ended, as the screen says."""
        self.screen.until(rf"b: runbook {runbook} ", PATIENCE_S)
        self._press("b")
        done = ""
        while True:
            text = self.screen.until(_turn(done), PATIENCE_S)
            if not ENDED.search(text):
                done = _asked(text)
                self._press("n")
                after = _turn(done)  # a step for which there is nothing to do is passed by
                text = self.screen.until(lambda t: _PLAN.search(t) or after(t), PATIENCE_S)  # noqa: B023
            if ended := ENDED.search(text):
                return ended[1]
            if _PLAN.search(text):
                self._agree(text)

    def _agree(self, plan: str) -> None:
        """Read a plan, type what it wants typed, and press its button."""
        if re.search(r"│\s+reason\s+│", plan):
            self.screen.press(REASON)
            self.screen.until(REASON)
            self._press("enter")
        if name := _NAME.search(plan):
            self.screen.press(name[1])
            self._press("enter")
        self._press("right", "enter")
        self.screen.until(lambda text: not _PLAN.search(text))

    def _press(self, *keys: str) -> None:
        self.pressed += keys
        self.screen.press(*keys)


def _asked(text: str) -> str:
    """What the run waits for a person to have done; empty where it waits for none."""
    found = _NEXT.search(text)
    return found[1] if found else ""


def _turn(done: str) -> Callable[[str], bool]:
    """Whether it is a person's turn again, or over, and two looks see the same: a line may be read
    while it is being painted."""
    before = ""

    def look(text: str) -> bool:
        nonlocal before
        asked, same = _asked(text), _asked(text) == before
        before = asked
        return bool(ENDED.search(text)) or (same and asked not in ("", done))

    return look
