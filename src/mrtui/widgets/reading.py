"""A text that is wrapped to the width of its box: it tells when it has another one."""

from __future__ import annotations

from textual.containers import VerticalScroll
from textual.message import Message


class Reading(VerticalScroll):
    """A box that scrolls. Before it is laid out it has no width to wrap anything to."""

    class Widened(Message):
        """The box has another width: its text is to be wrapped anew."""

    _width = 0

    @property
    def room(self) -> int:
        """Columns that a line has beside the scrollbar; 0 before the box is laid out."""
        return max(0, self.size.width - 1)

    def on_resize(self) -> None:
        """Its size is the real one here; when the screen hears of its own, it is not yet."""
        if self.size.width != self._width:
            self._width = self.size.width
            self.post_message(self.Widened())
