"""A log that is read while it grows: it follows at its end and stands still above it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import reactive
from textual.binding import Binding, BindingType
from textual.strip import Strip

from mrtui.widgets import fitting, frames, line_window, log_buffer, log_paint, log_reader, tones

LogRow = log_buffer.LogRow


class LogView(frames.Frames, can_focus=True):
    """Rows oldest first. Filtering is the caller's; reading, wrapping and searching are ours.

    While it follows, the newest line stays in sight and no cursor is drawn; moving up stops that,
    moving to the end (or `end`) begins it again.
    """

    # No scrollbar: with one, a log that scrolls by a line would repaint a column of the screen.
    DEFAULT_CSS = """
    LogView {
        height: 1fr; scrollbar-size: 0 0; overflow-x: hidden; overflow-y: hidden;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="log.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="log.down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="log.page_up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="log.page_down"),
        Binding("home", "first", "First", show=False, id="log.first"),
        Binding("end,G", "last", "Last", show=False, id="log.last"),
        Binding("left", "aside(-16)", "Left", show=False, id="log.left"),
        Binding("right", "aside(16)", "Right", show=False, id="log.right"),
        Binding("w", "wrap", "Wrap", show=False, id="log.wrap"),
        Binding("n", "hit(1)", "Next hit", show=False, id="log.next_hit"),
        Binding("N", "hit(-1)", "Previous hit", show=False, id="log.previous_hit"),
        Binding("enter", "open", "Open", show=False, id="log.open"),
    ]

    placeholder: reactive.reactive[str] = reactive.reactive("no lines")
    """What an empty log says."""

    class ReachedTop(line_window.Told):
        """The oldest line is in sight: prepend older ones, and it can be reached again."""

    class Opened(line_window.Told):
        """Enter on the line of a ref."""

    def __init__(
        self,
        *,
        capacity: int = 10_000,
        id: str | None = None,  # noqa: A002 - Textual's own name for it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._reader = log_reader.Reader(capacity)
        self._buffer = self._reader.buffer
        self._palette = tones.Palette(self)
        self._painter = log_paint.Painter(self._palette)
        self._waiting: list[LogRow] = []
        self._wraps = False
        self._widest = 0
        self._top_told = False
        self._stale = False

    @property
    def rows(self) -> Sequence[LogRow]:
        """The rows that are held, oldest first."""
        return self._buffer.rows

    @property
    def following(self) -> bool:
        """Whether the newest line stays in sight."""
        return self._reader.following

    @property
    def cursor_row(self) -> LogRow | None:
        """The row to copy or to follow: under the cursor, the newest while following."""
        return self._buffer.rows[self._reader.at] if self._buffer.rows else None

    def append(self, rows: Sequence[LogRow]) -> None:
        """Add newer rows; what comes within a frame of the last painting is painted together."""
        self._waiting.extend(rows)
        self._begin_frame()

    def prepend(self, rows: Sequence[LogRow]) -> None:
        """Add older rows; the lines in sight stay where they are."""
        top = self.top
        self._prepare(rows)
        added = self._reader.grow_back(rows)
        self._top_told = not rows
        self._settle()
        if not self._reader.following:
            self.scroll_line(top + added)
        self.refresh()

    def set_rows(self, rows: Sequence[LogRow]) -> None:
        """Show these rows instead of all others, and follow."""
        self._reader.clear()
        self._top_told = False
        self._waiting = list(rows)
        self._settle()
        self._flush()
        self.refresh()

    def set_stale(self, stale: bool) -> None:
        """Grey everything; the pane says in words how old it is."""
        if stale != self._stale:
            self._stale = stale
            self.refresh()

    def search(self, text: str) -> int:
        """Highlight what matches a regular expression.

        Returns how many rows match; an empty text ends the search. Raises BadRequest, and ends the
        search, when it is no expression.
        """
        try:
            return self._reader.search(text)
        finally:
            self.refresh()

    # Growing

    def on_mount(self) -> None:
        self._flush()

    def _waits(self) -> bool:
        return bool(self._waiting)

    def _flush(self) -> None:
        rows, self._waiting = self._waiting, []
        if not rows:
            return
        self._prepare(rows)
        top = self.top  # of what is read
        dropped = self._reader.grow(rows)
        self._settle()
        if not self._reader.following:
            self.scroll_line(max(0, top - dropped))
        self.refresh()

    def _prepare(self, rows: Sequence[LogRow]) -> None:
        if self._painter.measure(list(rows)):
            self._rewrap()
        self._widest = max([self._widest, *(fitting.width(row.shown) for row in rows)])

    def _settle(self) -> None:
        """Fit the window to the lines, and go to the end when following."""
        width = self.window_width
        content = width if self._wraps else self._painter.indent(width) + self._widest
        self.fit_content(content, self._buffer.lines)
        if self._reader.following:
            self.scroll_line(max(0, self._buffer.lines - self.window_height))

    def _rewrap(self) -> None:
        text = self.window_width - self._painter.indent(self.window_width)
        self._buffer.wrap(max(2, text) if self._wraps else 0)

    def window_changed(self) -> None:
        """Wrap at the new width, and keep the cursor's row in sight."""
        self._rewrap()
        self._settle()
        self._show()
        self.refresh()

    # Reading

    def _go(self, index: int) -> None:
        self._reader.go(index)
        self._show()
        self.refresh()

    def _show(self) -> None:
        if self._reader.following or self._reader.at < 0:
            self._settle()
            return
        first = self._buffer.line_of(self._reader.at)
        self.show_line(first + self._buffer.height(self._buffer.rows[self._reader.at]) - 1)
        self.show_line(first)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Tell when the oldest line comes in sight."""
        super().watch_scroll_y(old_value, new_value)
        if round(new_value) == 0 and round(old_value) > 0:
            self._tell_top()

    def _tell_top(self) -> None:
        if not self._top_told and not self._reader.following:
            self._top_told = True
            self.post_message(self.ReachedTop(self))

    def on_mouse_scroll_up(self) -> None:
        """Reading older lines ends the following; the cursor comes along."""
        self._wheel(-3)

    def on_mouse_scroll_down(self) -> None:
        """At the end, following begins again."""
        self._wheel(3)

    def _wheel(self, lines: int) -> None:
        last = max(0, self._buffer.lines - self.window_height)
        top = max(0, min(last, self.top + lines))
        if lines > 0 and top == last:
            self.action_last()
        elif self._buffer.rows and top != self.top:
            self.scroll_line(top)
            self._reader.stay_within(top, top + self.window_height - 1)
            self.refresh()

    # Keys

    def action_move(self, rows: int) -> None:
        """Move the cursor by some rows; at the first, ask for older ones."""
        if self._reader.at + rows <= 0 and rows < 0:
            self._go(0)
            self._tell_top()
        else:
            self._go(self._reader.at + rows)

    def action_page(self, pages: int) -> None:
        """Move the cursor by a windowful."""
        self.action_move(pages * max(1, self.window_height - 1))

    def action_first(self) -> None:
        """Go to the oldest row, and ask for older ones."""
        self._go(0)
        self._tell_top()

    def action_last(self) -> None:
        """Go to the newest row and follow."""
        self._go(len(self._buffer) - 1)

    def action_wrap(self) -> None:
        """Wrap long texts, or cut them."""
        self._wraps = not self._wraps
        self.scroll_to(x=0, animate=False, force=True)
        self.window_changed()

    def action_hit(self, step: int) -> None:
        """Go to the next row that matches the search, round the end if need be."""
        if self._reader.hit(step):
            self._show()
            self.refresh()

    def action_open(self) -> None:
        """Tell that the cursor's row was opened."""
        if (row := self.cursor_row) is not None:
            self.post_message(self.Opened(self, row.ref))

    # Painting

    def notify_style_update(self) -> None:
        """Draw with the new colours."""
        super().notify_style_update()
        self._palette.forget()

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        width = self.window_width
        line = self._content_line(self.top + y, width)
        if y == self.window_height - 1 and not self._reader.following:
            news = f" ▼ {self._reader.unseen} new" if self._reader.unseen else " ▼ end"
            return self._painter.overlaid(line, f"{news} ")
        return line

    def _content_line(self, line: int, width: int) -> Strip:
        base = self._palette.base
        if line >= self._buffer.lines:
            text = (
                f"  {fitting.safe(self.placeholder)}" if not self._buffer.rows and not line else ""
            )
            style = base + self._palette.tone("dim")
            return Strip([Segment(fitting.fit(text, width), style)], width)
        index, part = self._buffer.at_line(line)
        row = self._buffer.rows[index]
        look = log_paint.Look(
            cursor=index == self._reader.at and not self._reader.following,
            focused=self.has_focus,
            stale=self._stale,
            pattern=self._reader.pattern,
        )
        segments = self._painter.line(row, part, self._buffer.parts(row)[part], look, width)
        x = self.scroll_offset.x
        return Strip(segments).crop_extend(x, x + width, segments[0].style)
