"""What the terminal shows, cell by cell, and the bytes that make it show something else."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from rich.color import ColorSystem
from rich.segment import Segment

from mrtui.terminal import clusters, looks, pen, scrolling

Cell: TypeAlias = "tuple[str, looks.Look, int] | None"
"""Text, look, width; the cells behind a wide one have "" and 0; `None` is not known."""


class Piece(NamedTuple):
    """Segments that begin at a cell of the screen."""

    x: int
    y: int
    segments: Iterable[Segment]


class Shadow:
    """The terminal's cells as far as they are known; at first, and after `forget`, nothing is.

    `erases_with_ground`: erased cells take the current background (terminfo's `bce`).
    """

    def __init__(self, width: int, height: int, *, erases_with_ground: bool = True) -> None:
        self.width, self.height = width, height
        self._erases_with_ground = erases_with_ground
        self._rows: list[list[Cell]] = []
        self._wide: set[int] = set()  # rows that have cells wider than one
        self.forget()

    def forget(self) -> None:
        """Know nothing: the next pieces are sent in full."""
        self._rows = [[None] * self.width for _ in range(self.height)]
        self._wide.clear()

    def show(self, pieces: Iterable[Piece], system: ColorSystem) -> str:
        """Return the bytes that bring these pieces on the screen, from any cursor position.

        Before and after, the terminal is in the plain look.
        """
        wanted = self._wanted(pieces, system)
        out = pen.Pen(self.width, erases_with_ground=self._erases_with_ground)
        scrolled = scrolling.find(self._rows, wanted)
        if scrolled is not None:
            out.scroll(scrolled)
            self._scroll(scrolled)
        for y in sorted(wanted):
            out.row(y, self._rows[y], wanted[y])
            self._rows[y] = wanted[y]
        return out.finish()

    def _wanted(self, pieces: Iterable[Piece], system: ColorSystem) -> dict[int, list[Cell]]:
        wanted: dict[int, list[Cell]] = {}
        for x, y, segments in pieces:
            if 0 <= y < self.height:
                if y not in wanted:
                    wanted[y] = self._rows[y].copy()
                self._put(wanted[y], x, y, segments, system)
        for y in self._wide & wanted.keys():
            if not _mend(wanted[y]):
                self._wide.discard(y)
        return wanted

    def _put(
        self, row: list[Cell], x: int, y: int, segments: Iterable[Segment], system: ColorSystem
    ) -> None:
        cells: list[Cell] = []
        for text, style, control in segments:
            if control or not text:
                continue
            drawn = _drawn(text, looks.look_of(style, system))
            if drawn.before:
                _combine(cells, drawn.before)
            cells.extend(drawn.cells)
            if drawn.wide:
                self._wide.add(y)
        start, end = max(x, 0), min(x + len(cells), self.width)
        if start < end:
            row[start:end] = _cut(cells, start - x, end - x)

    def _scroll(self, scroll: scrolling.Scroll) -> None:
        top, bottom, lines = scroll
        block = self._rows[top : bottom + 1]
        fresh: list[list[Cell]] = [[None] * self.width for _ in range(abs(lines))]
        block = [*block[lines:], *fresh] if lines > 0 else [*fresh, *block[:lines]]
        self._rows[top : bottom + 1] = block
        self._wide.update(range(top, bottom + 1))


class _Drawn(NamedTuple):
    """The cells of a text, and the marks at its begin, which belong to the text before it."""

    cells: tuple[Cell, ...]
    before: str = ""
    wide: bool = False


# Most of what is painted was painted before; the same cells again are also quicker compared.
@functools.lru_cache(maxsize=1_024)
def _drawn(text: str, look: looks.Look) -> _Drawn:
    blank: Cell = (" ", looks.of_blank(look), 1)
    if clusters.NARROW.fullmatch(text):
        return _Drawn(tuple([blank if char == " " else (char, look, 1) for char in text]))
    before, cells = "", list[Cell]()
    for cluster, width in clusters.split(text):
        if cluster == " ":
            cells.append(blank)
        elif width:
            cells.append((cluster, look, width))
            cells.extend([("", look, 0)] * (width - 1))
        else:
            before = cluster
    return _Drawn(tuple(cells), before, wide=True)


def _combine(cells: list[Cell], marks: str) -> None:
    """Put marks on the last character, which another segment has; on nothing they are lost."""
    for x in range(len(cells) - 1, -1, -1):
        cell = cells[x]
        if cell is not None and cell[2]:
            cells[x] = (cell[0] + marks, cell[1], cell[2])
            return


def _cut(cells: list[Cell], start: int, end: int) -> list[Cell]:
    """Some of the cells, with blanks for the halves of wide ones that the cut leaves."""
    if (start, end) == (0, len(cells)):
        return cells
    kept = cells[start:end]
    for x, cell in enumerate(kept):
        if cell is None or cell[2] == 1:
            continue
        if cell[2] > len(kept) - x or (cell[2] == 0 and all(c and not c[2] for c in kept[:x])):
            kept[x] = (" ", looks.of_blank(cell[1]), 1)
    return kept


def _mend(row: list[Cell]) -> bool:
    """Forget the halves of wide cells whose other half was overwritten; True if wide ones stay."""
    wide = False
    x = 0
    while x < len(row):
        cell = row[x]
        width = cell[2] if cell is not None else 1
        tails = row[x + 1 : x + width]
        halved = len(tails) < width - 1 or any(tail is None or tail[2] for tail in tails)
        if width == 0 or halved:
            row[x] = None
        elif width > 1:
            wide = True
            x += width - 1
        x += 1
    return wide
