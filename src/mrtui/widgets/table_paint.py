"""The lines of a table: header, rows, and what stands in an empty one."""

from __future__ import annotations

from typing import Final, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from mrtui.widgets import cells, fitting, table_layout, tones

CURSOR, MARK, PENDING, GONE = "▸", "◆", "⟳", "∅"
_KEPT_LINES: Final = 1_000


class Look(NamedTuple):
    """All that a row's line depends on besides its cells."""

    cursor: bool = False
    focused: bool = False
    marked: bool = False
    pending: bool = False
    gone: bool = False
    stale: bool = False


class View(NamedTuple):
    """The part of the lines that is seen: cells from `x`, `width` of them."""

    x: int
    width: int


class Painter:
    """Draws the lines of one table, and keeps those that did not change."""

    def __init__(self, palette: tones.Palette, layout: table_layout.Layout) -> None:
        self._palette = palette
        self._layout = layout
        self._kept: dict[str, tuple[cells.Row, Look, Strip]] = {}

    def forget(self) -> None:
        """Draw every line anew: the columns or the colours changed."""
        self._kept.clear()

    def header(self, view: View, sorted_by: tuple[str, bool], notice: str) -> Strip:
        """The titles, an arrow at the one that is sorted by, and a notice at the right end."""
        style = self._palette.base + self._palette.tone("head")
        titles = [
            self._title(column, width, sorted_by)
            for column, width in zip(self._layout.columns, self._layout.widths, strict=True)
        ]
        text = " " * table_layout.GUTTER + (" " * table_layout.GAP).join(titles)
        line = Strip([Segment(text, style)]).crop_extend(view.x, view.x + view.width, style)
        return self._ended(line, f" {notice}", style) if notice else line

    def row(self, row: cells.Row, look: Look, view: View) -> Strip:
        """The line of a row."""
        kept = self._kept.get(row.ref)
        if kept is None or kept[1] != look or (kept[0] is not row and kept[0] != row):
            if len(self._kept) >= _KEPT_LINES:
                self._kept.clear()
            kept = self._kept[row.ref] = (row, look, self._draw(row, look))
        base = self._base(look)
        line = kept[2].crop_extend(view.x, view.x + view.width, base)
        return self._ended(line, " gone", base) if look.gone else line

    def empty(self, text: str, view: View) -> Strip:
        """What an empty table says."""
        style = self._palette.base + self._palette.tone("dim")
        line = fitting.fit(" " * table_layout.GUTTER + fitting.safe(text), view.width)
        return Strip([Segment(line, style)], view.width)

    def blank(self, view: View) -> Strip:
        """A line below the last row."""
        return Strip.blank(view.width, self._palette.base)

    def _title(self, column: cells.Column, width: int, sorted_by: tuple[str, bool]) -> str:
        if column.id != sorted_by[0]:
            return fitting.fit(column.title, width, right=column.right)
        arrow = "▼" if sorted_by[1] else "▲"
        if fitting.width(column.title) < width:
            return fitting.fit(column.title + arrow, width, right=column.right)
        return fitting.fit(column.title, width - 1) + arrow

    def _base(self, look: Look) -> Style:
        base = self._palette.base
        if look.stale or look.gone:
            base += self._palette.tone("stale")
        if look.cursor and look.focused:
            base += self._palette.tone("cursor")
        return base

    def _draw(self, row: cells.Row, look: Look) -> Strip:
        base = self._base(look)
        plain = look.stale or look.gone
        segments = [
            Segment(CURSOR if look.cursor else " ", base),
            Segment(_mark(look), base if plain else base + self._palette.tone("marked")),
        ]
        gap = Segment(" " * table_layout.GAP, base)
        for index, (column, width) in enumerate(
            zip(self._layout.columns, self._layout.widths, strict=True)
        ):
            cell = row.cells[index] if index < len(row.cells) else ""
            word = "" if plain else cells.style_of(cell)
            text = fitting.fit(fitting.safe(cells.text_of(cell)), width, right=column.right)
            if index:
                segments.append(gap)
            segments.append(Segment(text, base + self._palette.tone(word) if word else base))
        return Strip(segments, self._layout.total)

    def _ended(self, line: Strip, text: str, style: Style) -> Strip:
        width = line.cell_length
        taken = fitting.width(text)
        if taken >= width:
            return line
        return Strip.join([line.crop(0, width - taken), Strip([Segment(text, style)], taken)])


def _mark(look: Look) -> str:
    if look.gone:
        return GONE
    if look.pending:
        return PENDING
    return MARK if look.marked else " "
