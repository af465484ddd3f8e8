"""Where nothing is wrong: `check` says so; and a screen that no key can break."""

from __future__ import annotations

import random
import re
import string

import pytest

from tests import waiting
from tests.e2e import running, terminal

pytestmark = pytest.mark.xdist_group("failure")

# Without q and ctrl+c, which leave.
KEYS = [c for c in string.printable if c.isprintable() and c != "q"]
KEYS += ["enter", "escape", "up", "down", "left", "right", "tab", "\x10", "\x0c", "\x7f", "\x1b[5~"]
MASHED = 200
MARK = "zzmarkzz"


KNOWN = "▲ warn: schedule slot-cleanup declared every 24 h, "
"""The playbook's own contradiction: it is in what the backend declares, with data or without."""


async def test_a_stack_without_data_is_well(calm: running.Stack) -> None:
    said = [""]

    def well() -> bool:
        done = calm.mrtui("check", check=False)
        said[0] = done.stdout
        return done.returncode == 1 and done.stdout.startswith(KNOWN) and ";" not in done.stdout

    try:
        await waiting.until(well, timeout_s=60)
    except AssertionError:
        raise AssertionError(said[0]) from None


OPEN = re.compile(r"esc closes|🔎|\n [:/]")
"""A dialog, the palette, a prompt."""


def _bring_back(screen: terminal.Terminal) -> None:
    """Out of whatever is open, to home.

    What is on screen before the last key was heard means nothing; so a word is typed that only
    this can have typed, into a filter.
    """
    for _ in range(10):
        screen.press("escape", "escape", "escape", "2", "/", MARK)
        if screen.shows(MARK, 3):
            screen.press("escape", "escape", "escape", "1")
            if screen.shows(lambda text: "HEALTH" in text and not OPEN.search(text), 3):
                return
    raise AssertionError(screen.text)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.proof)])
def test_no_run_of_keys_crashes_the_screen(calm: running.Stack, seed: int) -> None:
    dice = random.Random(seed)
    with terminal.attached(calm.state, columns=120, rows=36) as screen:
        screen.press(*dice.choices(KEYS, k=MASHED))
        _bring_back(screen)
        screen.press("q")
        assert screen.wait() == 0
    assert b"Traceback" not in screen.raw
