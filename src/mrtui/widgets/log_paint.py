"""The lines of a log: time, level as glyph and word, stream, text with what was searched."""

from __future__ import annotations

from typing import Final, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from mrtui import match
from mrtui.widgets import fitting, log_buffer, tones

GUTTER: Final = 2
NARROW: Final = 60
"""Below this many cells only the glyph of the level and the text are left beside the time."""

_WIDEST_STREAM: Final = 16
_LEVELS: Final = {
    "error": ("✖ error", "bad"),
    "warn": ("▲ warn ", "warn"),
    "info": ("  info ", ""),
    "debug": ("· debug", "dim"),
}
_NONE: Final = ("       ", "")


class Look(NamedTuple):
    """All that a line depends on besides its row."""

    cursor: bool
    focused: bool
    stale: bool
    pattern: match.Match | None


class Painter:
    """Draws the lines of one log; the widths of time and stream grow with what was seen."""

    def __init__(self, palette: tones.Palette) -> None:
        self._palette = palette
        self._time = self._stream = 0

    def measure(self, rows: list[log_buffer.LogRow]) -> bool:
        """Make room for the times and streams of these rows; True when that changed anything."""
        before = self._time, self._stream
        self._time = max([self._time, *(len(row.time_text) for row in rows)])
        widest = max((fitting.width(fitting.safe(row.stream)) for row in rows), default=0)
        self._stream = max(self._stream, min(widest, _WIDEST_STREAM))
        return before != (self._time, self._stream)

    def indent(self, width: int) -> int:
        """Cells before the text in a window of some width."""
        level = 2 if width < NARROW else 8
        stream = 0 if width < NARROW or not self._stream else self._stream + 1
        return GUTTER + (self._time + 1 if self._time else 0) + level + stream

    def line(
        self, row: log_buffer.LogRow, part: int, text: str, look: Look, width: int
    ) -> list[Segment]:
        """One line of a row: `part` 0 has the time, level and stream before its text."""
        # One colour for the whole line: each change costs as many bytes as a third of the text.
        base = self._palette.base
        base += self._palette.tone("stale" if look.stale else _LEVELS.get(row.level, _NONE)[1])
        if look.cursor and look.focused:
            base += self._palette.tone("cursor")
        gutter = Segment("▸ " if look.cursor and part == 0 else "  ", base)
        if part:
            blank = Segment(" " * (self.indent(width) - GUTTER), base)
            return [gutter, blank, *self._searched(text, base, look.pattern)]
        head = Segment(self._head(row, width), base)
        return [gutter, head, *self._searched(text, base, look.pattern)]

    def _head(self, row: log_buffer.LogRow, width: int) -> str:
        label = _LEVELS.get(row.level, _NONE)[0]
        time = f"{fitting.fit(fitting.safe(row.time_text), self._time)} " if self._time else ""
        if width < NARROW:
            return f"{time}{label[:1]} "
        stream = f"{fitting.fit(fitting.safe(row.stream), self._stream)} " if self._stream else ""
        return f"{time}{label} {stream}"

    def _searched(self, text: str, base: Style, pattern: match.Match | None) -> list[Segment]:
        if pattern is None:
            return [Segment(text, base)]
        found, at = [], 0
        lit = base + self._palette.tone("match")
        for start, end in pattern.spans(text):
            found += [Segment(text[at:start], base), Segment(text[start:end], lit)]
            at = end
        return [*found, Segment(text[at:], base)]

    def overlaid(self, line: Strip, text: str) -> Strip:
        """A line with a notice over its right end."""
        taken = fitting.width(text)
        if taken >= line.cell_length:
            return line
        style = self._palette.base + self._palette.tone("strong") + self._palette.tone("accent")
        rest = line.crop(0, line.cell_length - taken)
        return Strip.join([rest, Strip([Segment(text, style)], taken)])
