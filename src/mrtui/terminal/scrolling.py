"""Finds lines that only moved up or down, so that the terminal can move them by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:  # shadow imports this module
    from mrtui.terminal.shadow import Cell

_LEAST_LINES: Final = 3
"""Fewer lines than these are sent anew rather than moved."""


class Scroll(NamedTuple):
    """The lines from `top` to `bottom` move up by `lines`, or down when that is negative."""

    top: int
    bottom: int
    lines: int


def find(old: Sequence[Sequence[Cell]], new: Mapping[int, Sequence[Cell]]) -> Scroll | None:
    """The scroll after which the fewest lines differ, or `None` when it is not worth its bytes."""
    changed = {y: _text(row) for y, row in new.items() if row != old[y]}
    if len(changed) < _LEAST_LINES:
        return None
    before = {y: _text(old[y]) for y in changed}
    places: dict[str, list[int]] = {}
    for y, text in before.items():
        if text.strip():
            places.setdefault(text, []).append(y)
    votes = Counter(
        place - y for y, text in changed.items() for place in places.get(text, ()) if place != y
    )
    if not votes:
        return None
    lines, _ = votes.most_common(1)[0]
    moved = [y for y, text in changed.items() if text.strip() and before.get(y + lines) == text]
    top, bottom = min(moved, default=0), max(moved, default=0)
    top, bottom = (top, bottom + lines) if lines > 0 else (top + lines, bottom)
    # Lines of the region that stood still would have to be sent again.
    spoiled = sum(y not in changed for y in range(top, bottom + 1))
    if len(moved) - spoiled < _LEAST_LINES:
        return None
    return Scroll(top, bottom, lines)


def _text(row: Sequence[Cell]) -> str:
    return "".join("\0" if cell is None else cell[0] for cell in row)
