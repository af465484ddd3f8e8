"""What `y`, `Y` and `:select` take from a room, and by which way it leaves."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mrcore.model import ref
from mrtui import plain
from mrtui.columns import fmt
from mrtui.terminal import clipboard, selecting

if TYPE_CHECKING:
    from mrtui import app
    from mrtui.widgets import cells, live_table


class Copying:
    """Mixed into every room."""

    if TYPE_CHECKING:

        @property
        def control(self) -> app.ControlRoom: ...
        @property
        def cursor_ref(self) -> str: ...
        @property
        def grid(self) -> live_table.LiveTable | None: ...

    # What a room may override

    def addresses(self) -> Sequence[str]:
        """What a person can paste elsewhere: the ref of the row, or of every marked one."""
        chosen = [row.ref for row in self._picked_rows()] or [self.cursor_ref]
        return [plain.safe(ref.url(each)) for each in chosen if each]

    def row_text(self) -> list[str]:
        """The row as it is shown, or every marked one."""
        return [plain.row(row) for row in self._picked_rows()]

    def pane_text(self) -> list[str]:
        """All that the focused pane shows, also what is scrolled out of sight."""
        shown = self.grid
        return plain.table(shown.columns, shown.rows) if shown is not None else []

    # Verbs

    async def do_copy(self, _: str) -> None:
        """Copy the ref under the cursor, or those of the marked rows."""
        found = self.addresses()
        self._copy(found, found[0] if len(found) == 1 else fmt.plural(len(found), "ref"))

    async def do_copy_text(self, _: str) -> None:
        """Copy the text under the cursor as it is shown."""
        found = self.row_text()
        one = fmt.plural(len(found[0]) if found else 0, "character")
        self._copy(found, one if len(found) == 1 else fmt.plural(len(found), "line"))

    async def do_select(self, _: str) -> None:
        """Print the focused pane outside the screen, where the terminal itself can select it."""
        self.control.later(functools.partial(self._select, self.pane_text()), "select")

    def _picked_rows(self) -> list[cells.Row]:
        shown = self.grid
        if shown is None:
            return []
        chosen = shown.marked or {shown.cursor_ref}
        return [row for row in shown.rows if row.ref in chosen]

    def _copy(self, lines: Sequence[str], what: str) -> None:
        if any(lines):
            self.control.later(functools.partial(self._send, "\n".join(lines), what), "copy")
        else:
            self.control.say("there is nothing to copy here", "warn")

    async def _send(self, text: str, what: str) -> None:
        way = await clipboard.copy(self.control, text)
        if way:
            self.control.say(f"copied {plain.safe(what)} {way}", "accent")
        else:
            self.control.say("this terminal has no clipboard; :select prints what is here", "warn")

    async def _select(self, lines: Sequence[str]) -> None:
        if not await selecting.show(self.control, lines):
            self.control.say("there is no terminal to select in", "warn")
        self.control.repaint()
