"""Keys pressed in a game day, for its score: what it took a person to mend what was broken.

A game day that is played in a stack makes the file `keypresses` in its state folder; each key that
a screen over that stack gets adds a line: when, in seconds of the epoch. Characters typed into a
field (a reason, a name) are none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

FILE = "keypresses"


class Counter:
    """Counts into the file of a state folder while there is one; without a folder, nowhere."""

    def __init__(self, state: Path | None, now: Callable[[], float] = time.time) -> None:
        self._path = state / FILE if state is not None else None
        self._now = now

    def press(self) -> None:
        """Count a key; no game day, or one of another user, is not ours to count for."""
        if self._path is None:
            return
        try:
            counted = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        except OSError:
            return
        try:
            os.write(counted, b"%.3f\n" % self._now())
        finally:
            os.close(counted)
