"""Everything that can be done here, for the palette (ctrl+p)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, cast

from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.command import (
    CommandList,
    CommandPalette,
    DiscoveryHit,
    Hit,
    Hits,
    Provider,
)

from mrtui.screens import room

if TYPE_CHECKING:
    from textual.app import App

    from mrtui import app


class Palette(CommandPalette):
    """Textual's palette, with paging of our own.

    Textual's looks for lines that a list which is not laid out has not (`OptionList._move_page`).
    """

    BINDINGS = [
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
    ]

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close once: with Esc typed twice Textual would take away the screen below, too."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()

    def action_page(self, pages: int) -> None:
        """Move by a windowful of commands."""
        found = self.query_one(CommandList)
        if found.option_count:
            at = (found.highlighted or 0) + pages * max(1, found.size.height // 2)
            found.highlighted = max(0, min(at, found.option_count - 1))


def open_in(control: app.ControlRoom) -> None:
    """Show the palette, unless it is shown."""
    if not Palette.is_open(cast("App[object]", control)):
        control.push_screen(Palette(id="--command-palette"))


class Commands(Provider):
    """What the table of keys offers on this screen."""

    def _offers(self) -> list[tuple[str, str, functools.partial[object]]]:
        here = self.screen
        if not isinstance(here, room.Room):
            return []
        found = []
        for entry in here.active():
            if not entry.takes.isupper() and not entry.takes.endswith("…"):
                key = f":{entry.command}" if entry.command else " ".join(entry.keys)
                run = functools.partial(here.do, entry.does)
                found.append((entry.label, key, cast("functools.partial[object]", run)))
        return found

    async def discover(self) -> Hits:
        for label, key, run in self._offers():
            yield DiscoveryHit(label, run, help=key)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for label, key, run in self._offers():
            if (score := matcher.match(f"{label} {key}")) > 0:
                yield Hit(score, matcher.highlight(label), run, help=key)
