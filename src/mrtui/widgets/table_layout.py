"""How wide each column of a table is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mrtui.widgets import cells, fitting

GUTTER = 2
"""Cells before the first column: the cursor and the row's mark."""

GAP = 1
"""Cells between two columns."""

WIDEST_AUTO = 48
_SAMPLES = 64
_FLEX_LEAST = 8


class Layout:
    """Widths of the columns; those that fit themselves only grow, so that nothing trembles."""

    def __init__(self) -> None:
        self.columns: tuple[cells.Column, ...] = ()
        self.widths: tuple[int, ...] = ()
        self._grown: list[int] = []

    @property
    def total(self) -> int:
        """Cells that a whole row takes."""
        return GUTTER + sum(self.widths) + GAP * max(0, len(self.widths) - 1)

    def begin(self, columns: Sequence[cells.Column]) -> None:
        """Use these columns and forget how far the former ones had grown."""
        self.columns = tuple(columns)
        # With room for the arrow of the order beside the title.
        self._grown = [
            max(column.min_width, fitting.width(column.title) + bool(column.title))
            for column in self.columns
        ]
        self.widths = self._shared_out(0)

    def measure(self, rows: Sequence[cells.Row], visible: range, available: int) -> bool:
        """Fit the columns to the visible rows and a sample of all; True when a width changed."""
        for row in (*rows[visible.start : visible.stop], *_sample(rows)):
            self._grow(row)
        before, self.widths = self.widths, self._shared_out(available)
        return before != self.widths

    def _grow(self, row: cells.Row) -> None:
        for index, (column, cell) in enumerate(zip(self.columns, row.cells, strict=False)):
            if column.width is None and not column.flex:
                wanted = fitting.width(fitting.safe(cells.text_of(cell)))
                if wanted > self._grown[index]:
                    self._grown[index] = min(wanted, WIDEST_AUTO)

    def _shared_out(self, available: int) -> tuple[int, ...]:
        widths = [
            0 if column.flex else column.width or grown
            for column, grown in zip(self.columns, self._grown, strict=True)
        ]
        flexible = [index for index, column in enumerate(self.columns) if column.flex]
        left = available - GUTTER - sum(widths) - GAP * max(0, len(widths) - 1)
        for turn, index in enumerate(flexible):
            share = left // (len(flexible) - turn)
            least = max(self.columns[index].min_width, _FLEX_LEAST)
            widths[index] = max(share, least)
            left -= share
        return tuple(widths)


def _sample(rows: Sequence[cells.Row]) -> Iterable[cells.Row]:
    return rows[:: max(1, len(rows) // _SAMPLES)]
