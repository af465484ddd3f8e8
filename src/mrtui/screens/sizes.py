"""The classes that a screen has by its size, for the CSS."""

from __future__ import annotations

from typing import Any

from textual.geometry import Size
from textual.screen import Screen


def classify(screen: Screen[Any], size: Size) -> None:
    """Give a screen the classes of a size in cells; the same ones again style nothing anew.

    Textual does so for the app's breakpoints at a screen's first Resize, and styles every widget
    again; asked for before a screen is composed, there is none yet.
    """
    app = screen.app
    points = {
        **_met(app.HORIZONTAL_BREAKPOINTS, size.width),
        **_met(app.VERTICAL_BREAKPOINTS, size.height),
    }
    screen.update_classes({**points, "-single": size.width < 80 or size.height < 24})


def _met(breakpoints: list[tuple[int, str]] | None, length: int) -> dict[str, bool]:
    """Whether each class is the one of a length."""
    met = max(((at, name) for at, name in breakpoints or () if at <= length), default=(0, ""))
    return {name: name == met[1] for _, name in breakpoints or ()}
