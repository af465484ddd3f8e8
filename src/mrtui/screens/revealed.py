"""What is hidden otherwise, for as long as it is looked at: closing it forgets it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from mrcore.model import wire
from mrtui import columns, prose
from mrtui.screens import dialogs, text

WIDTH = 100


class Revealed(dialogs.Dialog[None]):
    """Every section without redaction; Esc, q or Enter closes it."""

    BINDINGS = [("q,enter", "cancel", "close")]

    def __init__(self, found: wire.Detail) -> None:
        super().__init__()
        self._found = found

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as box:
            label = columns.label(self._found.entity)
            box.border_title = dialogs.title(f"{label} · not redacted, audited")
            box.border_subtitle = "esc closes"
            width = max(24, min(WIDTH, self.app.size.width - 6))
            lines: list[prose.Line] = []
            for part in self._found.sections:
                titled = prose.titled(part, self.control.instant, width - 2)
                lines += prose.wrap(titled, width - 2)
            yield Static(text.content_of_lines(lines), markup=False)
