"""Sends only the cells that changed: the one place that hooks into Textual's painting.

Textual re-sends every dirty region in full, each segment with its own SGR and reset: one changed
cell of a table is 20 KB at 120 by 40. Here each frame is compared with what the terminal shows.
The hook is `App._display`, a private method of Textual 8.2; golden-byte tests guard it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from rich.color import ColorSystem
from rich.console import Console
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.screen import Screen

from mrtui.terminal import shadow

SWITCH: Final = "MRTUI_FRAME_DIFF"
"""The environment's name to turn this off with `0`."""

Result = TypeVar("Result")


class FrameDiff(App[Result]):
    """An App whose frames are compared with what the terminal shows already."""

    def __init__(self, *args: Any, environ: Mapping[str, str] = os.environ, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._diffs = environ.get(SWITCH, "1") != "0"
        self._erases_with_ground = erases_with_ground(environ)
        self._shadow: shadow.Shadow | None = None
        self.away = False
        """Whether something else has the terminal just now: nothing may be written to it."""

    def forget_terminal(self) -> None:
        """Something else wrote to the terminal: send the next frame in full."""
        self._shadow = None

    def action_redraw(self) -> None:
        """Draw the whole screen again, for a terminal that was scribbled on (ctrl+l)."""
        self.forget_terminal()
        self.screen.refresh(layout=True)

    def on_mount(self) -> None:
        self.app_suspend_signal.subscribe(self, lambda _: self._leave(True), immediate=True)
        self.app_resume_signal.subscribe(self, lambda _: self._leave(False), immediate=True)

    def _leave(self, away: bool) -> None:
        self.away = away
        self.forget_terminal()  # whoever had it meanwhile left nothing of ours on it

    def on_resize(self) -> None:
        # Terminals crop, reflow or move what they show when their size changes.
        self.forget_terminal()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if self.away:  # coming back draws everything
            return
        if self._diffs and isinstance(renderable, ChopsUpdate | LayoutUpdate):
            renderable = _Frame(renderable, self._known_terminal())
        super()._display(screen, renderable)

    def _known_terminal(self) -> shadow.Shadow:
        width, height = self.size
        known = self._shadow
        if known is None or (known.width, known.height) != (width, height):
            known = self._shadow = shadow.Shadow(
                width, height, erases_with_ground=self._erases_with_ground
            )
        return known


def erases_with_ground(environ: Mapping[str, str]) -> bool:
    """Whether erased cells take the background (terminfo's `bce`): GNU screen's do not."""
    return not environ.get("TERM", "").startswith("screen") or bool(environ.get("TMUX"))


class _Frame(CompositorUpdate):
    """An update that is compared when, and only if, it is really sent."""

    def __init__(self, update: ChopsUpdate | LayoutUpdate, known: shadow.Shadow) -> None:
        self._update = update
        self._known = known

    def render_segments(self, console: Console) -> str:
        """The bytes for the terminal."""
        pieces = (
            _layout_pieces(self._update)
            if isinstance(self._update, LayoutUpdate)
            else _chops_pieces(self._update)
        )
        system = console._color_system or ColorSystem.TRUECOLOR  # as Strip.render has it
        return self._known.show(pieces, system)


def _layout_pieces(update: LayoutUpdate) -> Iterable[shadow.Piece]:
    for y, strips in enumerate(update.strips, update.region.y):
        segments = [segment for strip in strips for segment in strip]
        yield shadow.Piece(update.region.x, y, segments)


def _chops_pieces(update: ChopsUpdate) -> Iterable[shadow.Piece]:
    """What ChopsUpdate.render_segments sends: the chops that a span touches, cut at its end."""
    for y, start, end in update.spans:
        for chop_end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is None or x >= end or chop_end <= start:
                continue
            yield shadow.Piece(x, y, strip.crop(0, min(chop_end, end) - x))
