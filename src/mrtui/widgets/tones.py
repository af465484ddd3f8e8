"""The style words as component classes: `tone--ok` … and the CSS that colours them."""

from __future__ import annotations

from typing import Final, get_args

from rich.style import Style
from textual.widget import Widget

from mrtui.widgets import cells

WORDS: Final = tuple(word for word in get_args(cells.Style) if word)
_PARTS: Final = ("head", "cursor", "marked", "match", "key")
CLASSES: Final = frozenset(
    {*(f"tone--{word}" for word in WORDS), *(f"tone--{part}" for part in _PARTS)}
)


def css(widget: str) -> str:
    """DEFAULT_CSS of the tones inside a widget class."""
    rules = {word: f"color: $state-{word};" for word in WORDS if word != "strong"}
    rules["strong"] = "text-style: bold;"
    rules["head"] = "color: $head-foreground; text-style: $head-style;"
    rules["cursor"] = (
        "background: $cursor-background; color: $cursor-foreground; text-style: $cursor-style;"
    )
    rules["match"] = (
        "background: $match-background; color: $match-foreground; text-style: $match-style;"
    )
    rules["key"] = "color: $key-foreground; text-style: $key-style;"
    rules["marked"] = "color: $state-accent; text-style: bold;"
    return "\n".join(f"{widget} > .tone--{word} {{ {rule} }}" for word, rule in rules.items())


class Palette:
    """The Rich styles of one widget's tones, computed once until its styles change."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._known: dict[str, Style] = {}

    def forget(self) -> None:
        """Compute the styles anew: the theme or the widget's state changed."""
        self._known.clear()

    @property
    def base(self) -> Style:
        """The widget's own colours."""
        if (style := self._known.get("")) is None:
            style = self._known[""] = self._widget.rich_style
        return style

    def tone(self, word: str) -> Style:
        """What a word adds to the base; nothing for the empty word."""
        if not word:
            return Style.null()
        if (style := self._known.get(word)) is None:
            name = f"tone--{word}"
            style = self._widget.get_component_rich_style(name, partial=True)
            self._known[word] = style
        return style
