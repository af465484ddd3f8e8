"""The terminal's own title: ours only while there is something to say, then as it was before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TextIO

from textual.app import App

from mrtui.terminal import safe_text

LIMIT_CHARS: Final = 120
SAVE: Final = "\x1b[22;2t"
"""xterm's XTWINOPS 22;2: put the window's title on a stack; 23;2 takes it back from there."""
RESTORE: Final = "\x1b]2;\x1b\\\x1b[23;2t"
"""Empty it first, for terminals that set titles and have no stack."""
_UNABLE: Final = ("", "dumb", "unknown", "linux")


class Title:
    """Writes OSC 2, once a change; nothing at all until the first text."""

    def __init__(self, app: App[Any], environ: Mapping[str, str]) -> None:
        self._app = app
        self._able = environ.get("TERM", "") not in _UNABLE
        self._said = ""

    def show(self, text: str) -> None:
        """Make this the title; "" gives the terminal its own back."""
        driver = self._app._driver  # as for the clipboard: the only way to write a sequence
        if driver is not None and self._able:
            self.put(text, driver.write)

    def put(self, text: str, write: Callable[[str], object]) -> None:
        """As `show`, written by `write`."""
        if text == self._said:
            return
        if not text:
            write(RESTORE)
        else:
            write(("" if self._said else SAVE) + osc2(text))
        self._said = text

    def restore(self, terminal: TextIO | None) -> None:
        """Give the terminal its own title back, when the app is gone."""
        if terminal is not None and self._said:
            self.put("", terminal.write)
            terminal.flush()


def osc2(text: str) -> str:
    """The sequence that sets the window's title (ECMA-48 OSC, xterm's number 2)."""
    return f"\x1b]2;{safe_text.safe_text(text, limit=LIMIT_CHARS)}\x1b\\"
