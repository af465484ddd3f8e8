"""One line on a terminal that is written anew: how far planning or an operation is."""

from __future__ import annotations

import time
from typing import TextIO

from mrcore.model import core
from mrtui.columns import fmt
from mrtui.columns import operation as columns

EVERY_S = 0.25
WIDTH = 78


class Line:
    """Writes nothing where the stream is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._able = stream.isatty()
        self._began_s = time.monotonic()
        self._wrote_s = 0.0
        self._open = False

    def planning(self, looked: int, total: int | None) -> None:
        """So many were looked at."""
        of = f" of {fmt.count(total)}" if total is not None else ""
        took_s = time.monotonic() - self._began_s
        rate = f" · {fmt.rate(looked / took_s)}" if took_s > 0 else ""
        self._write(f"planning: {fmt.count(looked)}{of}{rate}")

    def operation(self, now: core.Operation) -> None:
        """It is so far."""
        self._write(f"operation {now.id}: {columns.progress(now)}")

    def _write(self, said: str) -> None:
        now_s = time.monotonic()
        if self._able and now_s - self._wrote_s >= EVERY_S:
            self._wrote_s = now_s
            self._open = True
            self._stream.write(f"\r{said[:WIDTH]:<{WIDTH}}")
            self._stream.flush()

    def end(self) -> None:
        """Leave an empty line for what comes next."""
        if self._open:
            self._open = False
            self._stream.write(f"\r{'':<{WIDTH}}\r")
            self._stream.flush()
