"""What the terminal can do, as far as the environment says."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

ColorSystem = Literal["truecolor", "256", "standard"]
"""Textual's words, for TEXTUAL_COLOR_SYSTEM."""


class Colors(Enum):
    """How many colours a terminal has; `NONE` when it has none or the person wants none."""

    NONE = 0
    SIXTEEN = 16
    PALETTE = 256
    TRUE = 16_777_216


class Multiplexer(Enum):
    """What stands between us and the terminal."""

    NONE = ""
    TMUX = "tmux"
    SCREEN = "screen"
    EITHER = "screen or tmux"  # on a machine before this one: only TERM came along


@dataclass(frozen=True, slots=True)
class Capabilities:
    """`locked_theme`: the only theme that may be used here, or "" when any may.

    `clipboard`: whether the terminal itself may know OSC 52; it cannot be asked.
    """

    colors: Colors
    utf8: bool
    multiplexer: Multiplexer
    ssh: bool
    locked_theme: str = ""
    clipboard: bool = True

    @property
    def color_system(self) -> ColorSystem:
        """What to tell Textual: TERM=dumb would otherwise be given 24-bit colours."""
        if self.colors is Colors.TRUE:
            return "truecolor"
        return "256" if self.colors is Colors.PALETTE else "standard"


def detect(environ: Mapping[str, str]) -> Capabilities:
    """Read the capabilities out of an environment.

    NO_COLOR (not empty, no-color.org) and TERM=dumb lock the `ansi` theme: Textual's own filter
    for NO_COLOR sends 24-bit greys and, chosen once, cannot follow a change of theme.
    """
    colors = _colors(environ)
    return Capabilities(
        colors=colors,
        utf8=_is_utf8(environ),
        multiplexer=_multiplexer(environ),
        ssh=bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY")),
        locked_theme="ansi" if colors is Colors.NONE else "",
        clipboard=_has_clipboard(environ),
    )


def prepare(environ: MutableMapping[str, str]) -> Capabilities:
    """Detect, and put into `environ` what Textual has to know before it is imported.

    NO_COLOR is taken away from Textual, because the locked theme does its work better;
    animations are off unless asked for, because each of their frames is bytes.
    """
    found = detect(environ)
    environ.setdefault("TEXTUAL_COLOR_SYSTEM", found.color_system)
    environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    if found.locked_theme:
        environ.pop("NO_COLOR", None)
    return found


def _colors(environ: Mapping[str, str]) -> Colors:
    term = environ.get("TERM", "")
    if environ.get("NO_COLOR") or term in ("", "dumb", "unknown"):
        return Colors.NONE
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or term.endswith("-direct"):
        return Colors.TRUE
    if "256color" in term or term in ("xterm-kitty", "alacritty", "foot", "wezterm", "ghostty"):
        return Colors.PALETTE
    if term.startswith(("vt1", "vt2")):
        return Colors.NONE
    return Colors.SIXTEEN


def _is_utf8(environ: Mapping[str, str]) -> bool:
    # POSIX: the first of these that is set and not empty decides.
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        if value := environ.get(name):
            return value.lower().replace("-", "").endswith("utf8")
    return False


def _multiplexer(environ: Mapping[str, str]) -> Multiplexer:
    if environ.get("TMUX"):
        return Multiplexer.TMUX
    if environ.get("STY"):
        return Multiplexer.SCREEN
    return Multiplexer.EITHER if environ.get("TERM", "").startswith("screen") else Multiplexer.NONE


def _has_clipboard(environ: Mapping[str, str]) -> bool:
    term = environ.get("TERM", "")
    unable = term in ("", "dumb", "unknown", "linux") or term.startswith(("vt1", "vt2"))
    return not unable and environ.get("TERM_PROGRAM") != "Apple_Terminal"
