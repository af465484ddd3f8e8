"""A table that lives: rows keyed by ref, a cursor that is a ref, only what changed is painted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual import events, reactive
from textual.binding import Binding, BindingType
from textual.strip import Strip

from mrtui.widgets import cells, line_window, roster, table_layout, table_paint, tones

Column = cells.Column
Cell = cells.Cell
Row = cells.Row


class LiveTable(line_window.LineWindow, can_focus=True):
    """Rows in the caller's order. Sorting and filtering are the caller's; identity is ours."""

    HEADER_LINES = 1
    DEFAULT_CSS = """
    LiveTable {
        height: 1fr; scrollbar-size: 1 1; overflow-x: hidden; overflow-y: auto;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="table.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="table.down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="table.page_up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="table.page_down"),
        Binding("home", "edge(0)", "First", show=False, id="table.first"),
        Binding("end,G", "edge(1)", "Last", show=False, id="table.last"),
        Binding("left", "aside(-8)", "Left", show=False, id="table.left"),
        Binding("right", "aside(8)", "Right", show=False, id="table.right"),
        Binding("space", "mark", "Mark", show=False, id="table.mark"),
        Binding("enter", "open", "Open", show=False, id="table.open"),
    ]

    placeholder: reactive.reactive[str] = reactive.reactive("")
    """What an empty table says."""

    class Opened(line_window.Told):
        """Enter, or a double click, on a row."""

    class CursorMoved(line_window.Told):
        """The cursor is on another ref, by a person or because its row vanished; "" for none."""

    class Widened(line_window.Told):
        """The window has another width: other columns may fit."""

    def __init__(
        self,
        columns: Iterable[cells.Column] = (),
        *,
        placeholder: str = "nothing here",
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own name for it
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.set_reactive(LiveTable.placeholder, placeholder)
        self._roster = roster.Roster()
        self._layout = table_layout.Layout()
        self._palette = tones.Palette(self)
        self._painter = table_paint.Painter(self._palette, self._layout)
        self._pending: frozenset[str] = frozenset()
        self._sorted_by: tuple[str, bool] = ("", False)
        self._stale = False
        self._width = 0
        self._layout.begin(tuple(columns))

    # What is shown

    @property
    def rows(self) -> Sequence[cells.Row]:
        """The rows as shown, in order."""
        return self._roster.rows

    @property
    def columns(self) -> Sequence[cells.Column]:
        """The columns as shown."""
        return self._layout.columns

    @property
    def cursor_ref(self) -> str | None:
        """The ref under the cursor, or `None` without rows; set it to go there, now or later."""
        return self._roster.cursor_ref

    @cursor_ref.setter
    def cursor_ref(self, ref: str) -> None:
        self._change(lambda: self._roster.want(ref))

    @property
    def marked(self) -> frozenset[str]:
        """The refs that are marked; a row that leaves the table loses its mark."""
        return self._roster.marked

    @property
    def gone(self) -> frozenset[str]:
        """The refs that vanished while the table was frozen."""
        return self._roster.gone

    @property
    def frozen(self) -> bool:
        """Whether order and membership are held."""
        return self._roster.frozen

    def set_columns(self, columns: Iterable[cells.Column]) -> None:
        """Show these columns; the same ones again change nothing."""
        columns = tuple(columns)
        if columns != self._layout.columns:
            self._roster.recast(self._layout.columns, columns)
            self._layout.begin(columns)
            self._measure()
            self._repaint()

    def set_sort(self, column_id: str, *, descending: bool = False) -> None:
        """Draw the arrow of the order that the caller sorted by; `""` draws none."""
        if self._sorted_by != (column_id, descending):
            self._sorted_by = (column_id, descending)
            self.repaint_window_line(0)

    def set_rows(self, rows: Sequence[cells.Row]) -> None:
        """Show these rows, in this order, refs unique; only lines that differ are painted."""
        self._change(lambda: self._roster.take(tuple(rows)))

    def set_pending(self, refs: Iterable[str]) -> None:
        """Show a mark on the rows that wait for the core."""
        pending = frozenset(refs)
        changed, self._pending = self._pending ^ pending, pending
        self._refresh_rows(changed)

    def set_stale(self, stale: bool) -> None:
        """Grey everything, and say so in the header."""
        if stale != self._stale:
            self._stale = stale
            self._repaint()

    def freeze(self, on: bool) -> None:
        """Hold order and membership (values still change), or let go."""
        if on != self._roster.frozen:
            self._change(lambda: self._roster.freeze(on))
            self._repaint()

    def clear_marks(self) -> None:
        """Unmark every row."""
        marked, self._roster.marked = self._roster.marked, frozenset()
        self._refresh_rows(marked)

    # Changes

    def _change(self, change: Callable[[], None]) -> None:
        """Apply a change to the roster; paint, scroll and tell what came of it."""
        old, gone, waiting = self._roster.rows, self._roster.gone, self._roster.waiting
        at, ref = self._roster.at, self._roster.cursor_ref
        seen = at < 0 or at in self.visible_lines(len(old))
        change()
        rows = self._roster.rows
        if rows is not old and self.is_mounted:
            self.fit_content(self._layout.total, len(rows))
            if seen:  # and if a person scrolled away from the cursor, the view stays
                self._follow_cursor(at, same=ref == self._roster.cursor_ref)
            if self._measure():
                self._repaint()
            else:
                self._refresh_changed(old, rows, gone ^ self._roster.gone)
            if waiting != self._roster.waiting:
                self.repaint_window_line(0)
        elif self.is_mounted:
            self.show_line(max(0, self._roster.at))
        if (at, ref) != (self._roster.at, self._roster.cursor_ref):
            self.repaint_line(at)
            self.repaint_line(self._roster.at)
        if ref != self._roster.cursor_ref:
            self.post_message(self.CursorMoved(self, self._roster.cursor_ref or ""))

    def _refresh_changed(
        self, old: Sequence[cells.Row], rows: Sequence[cells.Row], gone: frozenset[str]
    ) -> None:
        for index in self.visible_lines(max(len(old), len(rows))):
            before = old[index] if index < len(old) else None
            after = rows[index] if index < len(rows) else None
            changed = before is not after and before != after
            if changed or (after is not None and after.ref in gone):
                self.repaint_line(index)
        if not rows or not old:
            self.refresh()

    def _measure(self) -> bool:
        if not self.size:
            return False
        changed = self._layout.measure(
            self.rows, self.visible_lines(len(self.rows)), self.window_width
        )
        if changed:
            self.fit_content(self._layout.total, len(self.rows))
        return changed

    def _follow_cursor(self, at: int, *, same: bool) -> None:
        """Keep the cursor's line where it is on the screen when its row moved in the order."""
        moved = self._roster.at - at
        if same and moved and at >= 0 and self.top > 0:
            self.scroll_line(self.top + moved)
        self.show_line(max(0, self._roster.at))

    # Keys and mouse

    def action_move(self, rows: int) -> None:
        """Move the cursor by some rows."""
        self._change(lambda: self._roster.go(self._roster.at + rows))

    def action_page(self, pages: int) -> None:
        """Move the cursor by a windowful."""
        self.action_move(pages * max(1, self.window_height - 1))

    def action_edge(self, end: int) -> None:
        """Move the cursor to the first or the last row."""
        self._change(lambda: self._roster.go(len(self.rows) - 1 if end else 0))

    def action_mark(self) -> None:
        """Mark or unmark the row under the cursor, and go on to the next."""
        ref = self.cursor_ref
        if ref is not None:
            self._roster.toggle_mark()
            self._refresh_rows({ref})
            self.action_move(1)

    def action_open(self) -> None:
        """Tell that the row under the cursor was opened."""
        if (ref := self.cursor_ref) is not None:
            self.post_message(self.Opened(self, ref))

    def on_click(self, event: events.Click) -> None:
        index = event.y - self.HEADER_LINES + self.top
        if self.top <= index < len(self.rows):
            self._change(lambda: self._roster.go(index))
            if event.chain == 2:
                self.action_open()

    # Painting

    def window_changed(self) -> None:
        """Share the new width out among the columns, and keep the cursor in sight."""
        if self.size.width != self._width:
            self._width = self.size.width
            self.post_message(self.Widened(self, ""))
        self.fit_content(self._layout.total, len(self.rows))
        self._measure()
        self._repaint()
        self.show_line(max(0, self._roster.at))

    def notify_style_update(self) -> None:
        """Draw with the new colours."""
        super().notify_style_update()
        self._palette.forget()
        self._painter.forget()

    def render_line(self, y: int) -> Strip:
        """One line of the window: the header, a row, or nothing."""
        view = table_paint.View(self.scroll_offset.x, self.window_width)
        if y < self.HEADER_LINES:
            return self._painter.header(view, self._sorted_by, self._notice())
        index = y - self.HEADER_LINES + self.top
        if index < len(self.rows):
            return self._painter.row(self.rows[index], self._look(index), view)
        if index == 0:
            return self._painter.empty(self.placeholder, view)
        return self._painter.blank(view)

    def _look(self, index: int) -> table_paint.Look:
        ref = self.rows[index].ref
        return table_paint.Look(
            cursor=index == self._roster.at,
            focused=self.has_focus,
            marked=ref in self._roster.marked,
            pending=ref in self._pending,
            gone=self.rows[index].gone or ref in self._roster.gone,
            stale=self._stale,
        )

    def _notice(self) -> str:
        held = f"‖ frozen +{self._roster.waiting}" if self._roster.waiting else "‖ frozen"
        return " ".join(filter(None, [held * self.frozen, "◌ stale" * self._stale]))

    def _repaint(self) -> None:
        self._painter.forget()
        self.refresh()

    def _refresh_rows(self, refs: Iterable[str]) -> None:
        refs = frozenset(refs)
        for index in self.visible_lines(len(self.rows)) if refs else ():
            if self.rows[index].ref in refs:
                self.repaint_line(index)
