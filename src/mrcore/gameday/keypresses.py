"""Keys that persons press while a scenario is played: every screen over the stack adds a byte."""

from __future__ import annotations

import os
from typing import Self

from mrcore import folder

FILE = "keypresses"


class Keypresses:
    """The file that screens count into, there for as long as the scenario is played."""

    def __init__(self, state: folder.StateFolder) -> None:
        self._path = state / FILE
        self._since = 0

    def __enter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return self

    def __exit__(self, *exc: object) -> None:
        self._path.unlink(missing_ok=True)

    def begin(self) -> None:
        """From here on they are counted: the alert is there."""
        self._since = self._path.stat().st_size

    def counted(self) -> int:
        """How many there were since."""
        return self._path.stat().st_size - self._since
