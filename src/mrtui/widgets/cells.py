"""What tables are made of: columns, rows and cells. Plain data, without Textual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Style = Literal["", "ok", "warn", "bad", "unknown", "stale", "dim", "accent", "strong"]
"""A word of the themes: what something means, never which colour it has."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `width` in cells, or `None` to fit what is seen; `flex` takes what is left."""

    id: str
    title: str
    width: int | None = None
    right: bool = False
    min_width: int = 1
    flex: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """Text with its meaning."""

    text: str
    style: Style = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `ref` is its identity, `cells` follow the order of the columns.

    `gone`: what it is about is there no more, and it will leave.
    """

    ref: str
    cells: tuple[Cell | str, ...]
    gone: bool = False


def text_of(cell: Cell | str) -> str:
    """The text of a cell, whichever of the two it is."""
    return cell if isinstance(cell, str) else cell.text


def style_of(cell: Cell | str) -> Style:
    """The style word of a cell; plain text has none."""
    return "" if isinstance(cell, str) else cell.style
