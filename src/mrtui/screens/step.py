"""One step of a run in full, or why it is taken, over the run's screen."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from mrtui import prose
from mrtui.screens import dialogs, text

WIDTH = 90


class StepDialog(dialogs.Dialog[None]):
    """Lines under a title; Esc, q, Enter or the key that opened it closes it."""

    BINDINGS = [("q,enter,w", "cancel", "close")]

    def __init__(self, title: str, told: Sequence[prose.Line]) -> None:
        super().__init__()
        self._title = title
        self._told = told

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as box:
            box.border_title = dialogs.title(self._title)
            box.border_subtitle = "esc closes"
            width = max(24, min(WIDTH, self.app.size.width - 6))
            lines = prose.wrap(self._told, width - 2)
            yield Static(text.content_of_lines(lines), markup=False)
