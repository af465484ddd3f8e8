"""What comes often is painted rarely: everything of one window at most four times a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from textual.timer import Timer

from mrtui.widgets import line_window

FRAME_S: Final = 0.25
"""What comes within a frame of the last painting is painted together."""


class Frames(line_window.LineWindow):
    """The base of a window that is painted in frames; subclasses say what waits, and paint it."""

    _frame: Timer | None = None
    _beside: Callable[[], None] | None = None

    def in_frame(self, paint: Callable[[], None]) -> None:
        """Paint what stands around the window together with it, now or in the next frame."""
        self._beside = paint
        self._begin_frame()

    def _waits(self) -> bool:
        """Whether there is something to be painted."""
        raise NotImplementedError

    def _flush(self) -> None:
        """Paint what waits."""
        raise NotImplementedError

    def _begin_frame(self) -> None:
        if self._frame is None and self.is_mounted:
            beside, self._beside = self._beside, None
            if beside is not None:
                beside()
            self._flush()
            self._frame = self.set_timer(FRAME_S, self._frame_over)

    def _frame_over(self) -> None:
        self._frame = None
        if self._waits() or self._beside is not None:
            self._begin_frame()
