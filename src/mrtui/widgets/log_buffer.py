"""Log lines in memory: a ring, and which row stands on which line of the screen. Pure."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from mrtui.widgets import fitting


@dataclass(frozen=True, slots=True)
class LogRow:
    """One log line: `time_text` as shown, `folded` lines hidden behind it (a stack trace)."""

    ref: str
    time_text: str
    level: str
    stream: str
    text: str
    folded: int = 0

    @property
    def shown(self) -> str:
        """The text made safe, with what is folded."""
        text = fitting.safe(self.text)
        return f"{text}  ⋯ {self.folded} more" if self.folded else text


class LogBuffer:
    """The newest rows, at most `capacity` of them; twice that while somebody reads older ones."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.rows: list[LogRow] = []
        self._cells = 0  # that a wrapped text may take in a line; 0 does not wrap
        self._tops: list[int] = [0]  # line of each row's first, and the total; only when wrapped

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lines(self) -> int:
        """How many lines of the screen all rows take."""
        return self._tops[-1] if self._cells else len(self.rows)

    def wrap(self, text_cells: int) -> None:
        """Wrap the texts at this many cells; 0 puts each row on one line."""
        if text_cells != self._cells:
            self._cells = text_cells
            self._settle()

    def append(self, rows: Sequence[LogRow], *, reading: bool) -> int:
        """Add newer rows; return how many lines of old ones were dropped at the start."""
        self.rows.extend(rows)
        if self._cells:
            self._tops.extend(
                itertools.islice(
                    itertools.accumulate(map(self.height, rows), initial=self._tops[-1]), 1, None
                )
            )
        excess = len(self.rows) - self.capacity * (2 if reading else 1)
        if excess <= 0:
            return 0
        before = self.lines
        # A tenth more than needed, so that the list is not moved at every line.
        del self.rows[: min(len(self.rows), excess + self.capacity // 10)]
        self._settle()
        return before - self.lines

    def prepend(self, rows: Sequence[LogRow]) -> int:
        """Add older rows, as many as there is room for; return how many lines they take."""
        room = 2 * self.capacity - len(self.rows)
        before = self.lines
        self.rows[:0] = rows[max(0, len(rows) - room) :] if room > 0 else ()
        self._settle()
        return self.lines - before

    def clear(self) -> None:
        """Forget all rows."""
        self.rows.clear()
        self._settle()

    def at_line(self, line: int) -> tuple[int, int]:
        """Which row stands on a line, and which of its own lines that is."""
        if not self._cells:
            return line, 0
        index = bisect.bisect_right(self._tops, line) - 1
        return index, line - self._tops[index]

    def line_of(self, index: int) -> int:
        """The first line of a row."""
        return self._tops[index] if self._cells else index

    def height(self, row: LogRow) -> int:
        """How many lines a row takes."""
        return len(self.parts(row))

    def parts(self, row: LogRow) -> list[str]:
        """The lines of a row's text."""
        return fitting.chop(row.shown, self._cells) if self._cells else [row.shown]

    def _settle(self) -> None:
        if self._cells:
            self._tops = list(itertools.accumulate(map(self.height, self.rows), initial=0))
