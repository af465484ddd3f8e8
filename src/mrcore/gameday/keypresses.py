"""Keys that persons press while a scenario is played: every screen adds an instant."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Self

from mrcore import folder

FILE = "keypresses"


class Keypresses:
    """The file that screens count into, there for as long as the scenario is played."""

    def __init__(self, state: folder.StateFolder) -> None:
        self._path = state / FILE

    def __enter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return self

    def __exit__(self, *exc: object) -> None:
        self._path.unlink(missing_ok=True)

    def since(self, alerted: datetime) -> int:
        """How many there were since the alert: before it nobody mends anything."""
        begin_s = alerted.timestamp()
        return sum(1 for line in self._path.read_text().splitlines() if float(line) >= begin_s)
