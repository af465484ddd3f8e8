"""A bare app for one widget, and its screen as text."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.message import Message
from textual.widget import Widget

from mrtui import themes


class Stage(App[None]):
    """Shows the given widgets below each other and keeps the messages that they send."""

    ENABLE_COMMAND_PALETTE = False
    CSS = "Screen { layout: vertical; }"

    def __init__(self, *shown: Widget, theme: str = themes.DEFAULT) -> None:
        super().__init__()
        self._shown = shown
        self.told: list[Message] = []
        themes.install(self, themes.load(themes.own_folder()))
        self.theme = theme

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.variable_defaults()

    def compose(self) -> ComposeResult:
        yield from self._shown

    def lines(self) -> list[str]:
        """The screen as text, a line each, blanks at the ends removed."""
        strips = self.screen._compositor.render_strips()
        return [strip.text.rstrip() for strip in strips]
