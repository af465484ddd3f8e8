"""Line numbers: how many lines lie before each MiB of a generation."""

from __future__ import annotations

import time

from mrcore.logreader import generation

STEP_BYTES = 1 << 20


class Index:
    """Sparse: 8 bytes a MiB. Built in slices, so that nothing waits for it."""

    def __init__(self, gen: generation.Generation) -> None:
        self.gen = gen
        self._before = [0]
        self._counted = 0
        self._lines = 0

    @property
    def complete(self) -> bool:
        """Whether everything that was followed is counted."""
        return self._counted >= self.gen.read

    def lines(self) -> int:
        """Lines counted so far."""
        return self._lines

    def build(self, budget_s: float) -> bool:
        """Count on for about `budget_s`; True when complete."""
        until = time.monotonic() + budget_s
        while not self.complete and time.monotonic() < until:
            border = len(self._before) * STEP_BYTES
            data = self.gen.bytes_at(self._counted, border - self._counted)
            if not data:
                break
            self._lines += data.count(b"\n")
            self._counted += len(data)
            if self._counted == border:
                self._before.append(self._lines)
        return self.complete

    def number(self, offset: int) -> int | None:
        """Number, from 1, of the line that begins at `offset`; None while not counted so far."""
        step = offset // STEP_BYTES
        if step >= len(self._before):
            return None
        lo = step * STEP_BYTES
        return self._before[step] + self.gen.bytes_at(lo, offset - lo).count(b"\n") + 1
