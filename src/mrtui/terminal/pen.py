"""Writes the cells that differ with as few bytes as we know how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mrtui.terminal import looks

if TYPE_CHECKING:  # shadow imports this module
    from mrtui.terminal import scrolling
    from mrtui.terminal.shadow import Cell

_BRIDGED_CELLS: Final = 4
"""So few equal cells are written again rather than stepped over."""

_ERASED_CELLS: Final = 4
"""From so many blanks on, erasing to the end of the line is shorter."""


class Pen:
    """Where the terminal's cursor is and how it writes, while one frame is sent."""

    def __init__(self, width: int, *, erases_with_ground: bool) -> None:
        self._width = width
        self._erases_with_ground = erases_with_ground
        self._out: list[str] = []
        self._look = looks.PLAIN
        self._x = self._y = -1
        self._sure = True  # False after a cluster that terminals give different widths

    def finish(self) -> str:
        """Return everything, with the terminal back in the plain look."""
        self._put_on(looks.PLAIN)
        return "".join(self._out)

    def scroll(self, scroll: scrolling.Scroll) -> None:
        """Move whole lines up, or down, inside a region (DECSTBM, then LF or RI at its edge)."""
        top, bottom, lines = scroll
        self._out.append(f"\x1b[{top + 1};{bottom + 1}r")
        if lines > 0:
            self._out.append(f"\x1b[{bottom + 1};1H" + "\n" * lines)
        else:
            self._out.append(f"\x1b[{top + 1};1H" + "\x1bM" * -lines)
        self._out.append("\x1b[r")
        self._x = self._y = -1

    def row(self, y: int, old: Sequence[Cell], new: Sequence[Cell]) -> None:
        """Write the cells of a row that differ; what is not known in `new` is left alone."""
        if old == new:
            return
        blanks = self._erased_from(old, new)
        x = 0
        while x < blanks:
            cell = new[x]
            width = cell[2] if cell is not None else 1
            if cell is not None and old[x : x + width] != new[x : x + width]:
                self._go(x, y, new)
                self._write(cell)
            x += width
        if blanks < self._width:
            self._go(blanks, y, new)
            self._put_on_for(_known(new[blanks]))
            self._out.append("\x1b[K")

    def _erased_from(self, old: Sequence[Cell], new: Sequence[Cell]) -> int:
        """The cell from which the rest of the line is best erased; the width when none is."""
        last = new[-1]
        if last is None or last[0] != " " or not last[1].erasable:
            return self._width
        if last[1].ground and not self._erases_with_ground:
            return self._width
        first = self._width
        for x in range(self._width - 1, -1, -1):
            if new[x] != last:
                break
            if old[x] != last:
                first = x
        return first if self._width - first >= _ERASED_CELLS else self._width

    def _go(self, x: int, y: int, row: Sequence[Cell]) -> None:
        """Put the cursor on a cell: by writing what is between, by a step, or by its address."""
        if y == self._y + 1 and self._y >= 0 and self._sure:
            self._out.append("\r\n")
            self._step(x)
        elif y != self._y:
            self._out.append(f"\x1b[{y + 1};{x + 1}H")
        elif not self._sure:
            self._out.append(f"\x1b[{x + 1}G")
        elif x != self._x:
            between = row[self._x : x]
            if len(between) <= _BRIDGED_CELLS and all(map(self._is_free, between)):
                self._out.extend(_known(cell)[0] for cell in between)
            else:
                self._step(len(between))
        self._x, self._y, self._sure = x, y, True

    def _step(self, cells: int) -> None:
        if cells:
            self._out.append("\x1b[C" if cells == 1 else f"\x1b[{cells}C")

    def _is_free(self, cell: Cell) -> bool:
        """Whether a cell is written without a change of look, and surely one cell wide."""
        if cell is None or cell[2] != 1 or len(cell[0]) != 1:
            return False
        return cell[1] is self._look or (cell[0] == " " and looks.draws_blank(self._look, cell[1]))

    def _write(self, cell: Cell) -> None:
        text, _, width = _known(cell)
        self._put_on_for(_known(cell))
        self._out.append(text)
        self._x += width
        self._sure = len(text) == 1

    def _put_on_for(self, cell: tuple[str, looks.Look, int]) -> None:
        if cell[0] != " " or not looks.draws_blank(self._look, cell[1]):
            self._put_on(cell[1])

    def _put_on(self, look: looks.Look) -> None:
        if look is not self._look:
            self._out.append(looks.change(self._look, look))
            self._look = look


def _known(cell: Cell) -> tuple[str, looks.Look, int]:
    assert cell is not None
    return cell
