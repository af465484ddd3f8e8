"""A window onto numbered lines, below an optional fixed header: geometry and repainting."""

from __future__ import annotations

from typing import ClassVar

from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView


class Told(Message):
    """Something about the row of a ref in one window; "" when it is about no row."""

    def __init__(self, window: LineWindow, ref: str = "") -> None:
        super().__init__()
        self.window = window
        self.ref = ref

    @property
    def control(self) -> LineWindow:
        """The window, for `@on(LiveTable.Opened, "#id")`."""
        return self.window


class LineWindow(ScrollView):
    """The base of what paints its own lines: which are visible, repainting only those."""

    HEADER_LINES: ClassVar[int] = 0

    @property
    def window_width(self) -> int:
        """How many cells are visible beside the scrollbar."""
        return self.scrollable_content_region.width

    @property
    def window_height(self) -> int:
        """How many lines are visible below the header."""
        return max(0, self.size.height - self.HEADER_LINES)

    @property
    def top(self) -> int:
        """The first visible line."""
        return self.scroll_offset.y

    def visible_lines(self, count: int) -> range:
        """Which of `count` lines are visible."""
        return range(self.top, max(self.top, min(count, self.top + self.window_height)))

    def fit_content(self, width: int, lines: int) -> None:
        """Make room for `lines` lines of `width` cells.

        What fits into the window keeps one virtual size, so that lines that come and go cost no
        layout of the whole screen.
        """
        window = self.container_size
        size = Size(max(width, self.window_width), max(lines + self.HEADER_LINES, window.height))
        if size != self.virtual_size:
            self.virtual_size = size

    def window_changed(self) -> None:
        """The window has another size: measure and repaint."""
        self.refresh()

    def on_resize(self) -> None:
        self.window_changed()

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """The scrollbar takes a column, or gives it back."""
        if self.is_mounted:
            self.window_changed()

    def scroll_line(self, y: int) -> None:
        """Make `y` the first visible line, at once."""
        if y != self.top:
            self.scroll_to(y=y, animate=False, force=True)

    def show_line(self, y: int) -> None:
        """Scroll no further than needed to see line `y`."""
        if y < self.top:
            self.scroll_line(y)
        elif y >= self.top + max(1, self.window_height):
            self.scroll_line(y - max(1, self.window_height) + 1)

    def repaint_line(self, y: int) -> None:
        """Repaint one line of the content, if it is visible."""
        if self.top <= y < self.top + self.window_height:
            self.repaint_window_line(y - self.top + self.HEADER_LINES)

    def repaint_window_line(self, y: int) -> None:
        """Repaint one line of the window; 0 is its first, the header included."""
        self.refresh(Region(0, y, self.size.width, 1))

    def action_aside(self, columns: int) -> None:
        """Scroll sideways."""
        self.scroll_to(x=max(0, self.scroll_offset.x + columns), animate=False, force=True)
