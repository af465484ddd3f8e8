"""The terminal's bell, and the notification of the desktop that it stands on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from textual.app import App

from mrtui.terminal import capabilities, safe_text

LIMIT_CHARS: Final = 200
BELL: Final = "\a"
_UNABLE: Final = ("", "dumb", "unknown", "linux")
_BY_777: Final = ("foot", "rxvt")


class Bell:
    """Rings, and notifies by OSC 9 or OSC 777; `mode` is one of `ringing.MODES`."""

    def __init__(self, app: App[Any], environ: Mapping[str, str], mode: str) -> None:
        self._app = app
        self._environ = environ
        self._mode = mode

    def ring(self, title: str, text: str) -> None:
        """Do what the mode says, once."""
        driver = self._app._driver  # as for the clipboard: the only way to write a sequence
        made = sequences(title, text, self._environ, self._mode)
        if driver is not None and made:
            driver.write(made)


def sequences(title: str, text: str, environ: Mapping[str, str], mode: str) -> str:
    """What is written: every terminal knows the bell, some know one of both notifications.

    iTerm2, kitty, WezTerm, Ghostty and Windows Terminal take OSC 9, foot and urxvt OSC 777; one
    that knows neither ignores it.
    """
    made = BELL if mode in ("all", "bell") else ""
    term = environ.get("TERM", "")
    if mode not in ("all", "notify") or term in _UNABLE or term.startswith(("vt1", "vt2")):
        return made
    named, said = _safe(title), _safe(text)
    if term.startswith(_BY_777):
        sequence = f"\x1b]777;notify;{named};{said}\x1b\\"
    else:
        sequence = f"\x1b]9;{named}: {said}\x1b\\"
    return made + _wrapped(sequence, capabilities.detect(environ).multiplexer)


def _safe(text: str) -> str:
    """Without what would end the sequence, or begin its next field."""
    return safe_text.safe_text(text, limit=LIMIT_CHARS).replace(";", ",")


def _wrapped(sequence: str, multiplexer: capabilities.Multiplexer) -> str:
    """Through what stands between, where that lets it pass."""
    if multiplexer is capabilities.Multiplexer.TMUX:
        return f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\"
    return "" if multiplexer.value else sequence
