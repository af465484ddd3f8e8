"""Who mends what is broken by what the screen says, and nothing else; each key is counted."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.e2e import terminal

REASON = "game day"
ENDED = re.compile(r"run \d+ · (recovered|unverified|failed|aborted) ·")
_NEXT = re.compile(r"(?:▶ n plans|^) *'([^']+)'(?:, shows it| is planned, and)", re.MULTILINE)
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
            if _PLAN.search(text):
                done = _asked(text) or done
                self._agree(text)
            elif ended := ENDED.search(text):
                return ended[1]
            else:
                done = _asked(text)
                self._press("n")

    def _agree(self, plan: str) -> None:
        """Read a plan, type what it wants typed, and apply it by the chord that it names."""
        name = _NAME.search(plan)
        if name or re.search(r"│\s+reason\s+│", plan):  # the first line of a plan is its reason
            self.screen.press(REASON)
            self.screen.until(REASON)
        if name:
            self._press("enter")
            self.screen.press(name[1])
        self.screen.until(re.escape("^y apply"))  # its line of keys may come a frame later
        self._press("ctrl+y")
        self.screen.until(lambda text: not _PLAN.search(text))

    def _press(self, *keys: str) -> None:
        self.pressed += keys
        self.screen.press(*keys)


def _asked(text: str) -> str:
    """What the run waits for a person to have done; empty where it waits for none."""
    found = _NEXT.search(text)
    return " ".join(found[1].split()) if found else ""  # as it is read, wherever it is broken


def _turn(done: str) -> Callable[[str], bool]:
    """Whether it is a person's turn again, or over, and two looks see the same: a line may be read
    while it is being painted."""
    before = ""

    def look(text: str) -> bool:
        nonlocal before
        plan = _PLAN.search(text)
        if ENDED.search(text) and not plan:
            return True
        asked = plan[0] if plan else _asked(text) if "▶" in text else ""
        same, before = asked == before, asked
        return same and asked not in ("", done)

    return look
