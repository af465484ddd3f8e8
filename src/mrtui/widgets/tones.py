"""What the style words look like in the theme: `ok` … and the parts of a table that have a look."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final, get_args

from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color
from textual.widget import Widget

from mrtui.widgets import cells

WORDS: Final = tuple(word for word in get_args(cells.Style) if word)
# (foreground, background, style): variables of the theme; where there is none nothing is added.
_PARTS: Final = {
    "head": ("head-foreground", "", "head-style"),
    "cursor": ("cursor-foreground", "cursor-background", "cursor-style"),
    "match": ("match-foreground", "match-background", "match-style"),
    "key": ("key-foreground", "", "key-style"),
}
_NULL: Final = Style.null()


def tone(word: str, variables: Mapping[str, str]) -> Style:
    """What a word or a part adds to the colours around it, by a theme's variables; no word: none.

    Not component classes of Textual: each of them is matched with every rule of the CSS whenever
    a widget that has them is styled, and there are as many as there are words.
    """
    if word == "":
        return _NULL
    if word == "strong":
        return _style("", "", "bold")
    if word == "marked":
        return _style(variables["state-accent"], "", "bold")
    if word in _PARTS:
        return _style(*(variables[name] if name else "" for name in _PARTS[word]))
    return _style(variables[f"state-{word}"], "", "")


@functools.lru_cache(maxsize=256)
def _style(foreground: str, background: str, style: str) -> Style:
    return Style(color=_colour(foreground), bgcolor=_colour(background)) + Style.parse(style)


def _colour(text: str) -> RichColor | None:
    colour = Color.parse(text) if text else None
    return colour.rich_color if colour is not None and colour.a > 0 else None


class Palette:
    """The Rich styles of one widget, computed once until its styles or the theme change."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._variables: Mapping[str, str] = {}
        self._known: dict[str, Style] = {}

    def forget(self) -> None:
        """Compute the styles anew, and draw them where the theme changed."""
        self._known.clear()
        variables = self._widget.app.theme_variables
        if variables is not self._variables:
            self._variables = variables
            self._widget.refresh()

    @property
    def base(self) -> Style:
        """The widget's own colours."""
        if (style := self._known.get("")) is None:
            style = self._known[""] = self._widget.rich_style
        return style

    def tone(self, word: str) -> Style:
        """What a word adds to the base; nothing for the empty word."""
        if not word:
            return _NULL
        if (style := self._known.get(word)) is None:
            style = self._known[word] = tone(word, self._variables)
        return style
