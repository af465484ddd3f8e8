"""Text cut and padded to a number of terminal cells."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len, chop_cells, set_cell_size

from mrtui.terminal import safe_text

ELLIPSIS = "…"


@lru_cache(maxsize=16_384)
def safe(text: str) -> str:
    """`safe_text` with a memory, for the texts that are drawn again and again."""
    return safe_text.safe_text(text, limit=2_000)


def width(text: str) -> int:
    """How many terminal cells a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """Return `text` in exactly `cells` cells: padded, or cut with `…` at its end."""
    taken = width(text)
    if taken > cells:
        if cells <= 0:
            return ""
        return set_cell_size(text, cells - 1) + ELLIPSIS
    padding = " " * (cells - taken)
    return padding + text if right else text + padding


def fit_end(text: str, cells: int) -> str:
    """Return the end of `text` in at most `cells` cells, with `…` before it when it was cut."""
    if width(text) <= cells:
        return text
    kept = text
    while kept and width(kept) > cells - 1:
        kept = kept[1:]
    return (ELLIPSIS + kept)[: max(0, cells)]


def chop(text: str, cells: int) -> list[str]:
    """Return `text` in pieces of at most `cells` cells, at least one piece."""
    return chop_cells(text, max(2, cells)) or [""]
