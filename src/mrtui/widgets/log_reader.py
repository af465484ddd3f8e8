"""Where in a log somebody reads: the cursor's row, following, what was not seen yet. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mrtui import match
from mrtui.widgets import log_buffer


class Reader:
    """A place in a buffer that stays with its row while the buffer grows at both ends."""

    def __init__(self, capacity: int) -> None:
        self.buffer = log_buffer.LogBuffer(capacity)
        self.at = -1  # index of the cursor's row; -1 without rows
        self.following = True
        self.unseen = 0
        self.pattern: match.Match | None = None

    def clear(self) -> None:
        """Begin with no rows, following."""
        self.buffer.clear()
        self.at, self.following, self.unseen = -1, True, 0

    def grow(self, rows: Sequence[log_buffer.LogRow]) -> int:
        """Take newer rows; return how many lines were dropped at the start."""
        held = len(self.buffer)
        lines = self.buffer.append(rows, reading=not self.following)
        if self.following:
            self.at = len(self.buffer) - 1
        else:
            self.at = max(0, self.at - (held + len(rows) - len(self.buffer)))
            self.unseen += len(rows)
        return lines

    def grow_back(self, rows: Sequence[log_buffer.LogRow]) -> int:
        """Take older rows; return how many lines they took at the start."""
        held = len(self.buffer)
        lines = self.buffer.prepend(rows)
        self.at += len(self.buffer) - held
        return lines

    def go(self, index: int) -> None:
        """Put the cursor on a row; on the newest, follow."""
        if self.buffer.rows:
            self.at = max(0, min(index, len(self.buffer) - 1))
            self.following = self.at == len(self.buffer) - 1
            self.unseen *= not self.following

    def stay_within(self, first_line: int, last_line: int) -> None:
        """Stop following, with the cursor on a row between two lines of the screen."""
        highest = self.buffer.at_line(first_line)[0]
        lowest = self.buffer.at_line(min(last_line, self.buffer.lines - 1))[0]
        self.at = max(highest, min(self.at, lowest))
        self.following = False

    def search(self, text: str) -> int:
        """Look for a regular expression; "" for nothing.

        Returns how many rows match. Raises BadRequest, looking for nothing, when it is none.
        """
        self.pattern = None
        self.pattern = match.Match(text) if text else None
        return sum(map(self.matches, self.buffer.rows))

    def matches(self, row: log_buffer.LogRow) -> bool:
        """Whether a row has what is searched for."""
        return self.pattern is not None and self.pattern.fits(row.shown)

    def hit(self, step: int) -> bool:
        """Go to the next row that matches, round the end if need be; False when there is none."""
        count = len(self.buffer)
        for distance in range(1, count + 1):
            index = (self.at + step * distance) % count
            if self.matches(self.buffer.rows[index]):
                self.go(index)
                return True
        return False
