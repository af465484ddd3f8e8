"""A screen with one table: rows from the World or page by page; filter, sort, freeze, mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from mrcore.model import base
from mrtui import columns, match
from mrtui.columns import table
from mrtui.screens import room, text
from mrtui.widgets import cells, live_table


class Listing(room.Room):
    """One table under a headline; subclasses say which entities, and what the headline tells."""

    SCOPES: ClassVar[tuple[str, ...]] = ("lists",)
    WITHOUT: ClassVar[tuple[str, ...]] = ("tab.next",)
    KIND: ClassVar[str] = ""
    EMPTY: ClassVar[str] = "nothing here"
    OF: ClassVar[str] = ""
    """What its sources are called where the settings have none."""

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        self.pattern = self.wrong = ""
        self._order = 0
        self._entities: dict[str, base.Entity] = {}

    # To be overridden

    def entities(self) -> Sequence[base.Entity]:
        """What is listed, in any order."""
        return list(self.control.world.table(self.KIND).values())

    def headline(self) -> list[list[cells.Cell]]:
        """Lines above the table."""
        return []

    def spec(self) -> table.Table:
        """How the kind is shown."""
        return columns.of(self.KIND)

    def rows(self, view: table.View, width: int) -> tuple[list[cells.Column], list[cells.Row]]:
        """Columns that fit, and the ordered, filtered rows."""
        spec = self.spec()
        kept = table.fit(spec.columns, width)
        listed = self.listed(view)
        made = [(entity, self.row(entity, view)) for entity in listed]
        return table.narrowed(spec.columns, kept, width), self.filtered(made, kept)

    def listed(self, view: table.View) -> list[base.Entity]:
        """What is listed, in its order."""
        return table.ordered(self.entities(), view, self.order)

    def row(self, entity: base.Entity, view: table.View) -> tuple[cells.Cell, ...]:
        """One row."""
        return self.spec().cells(entity, view)

    def doubt(self, view: table.View) -> str:
        """Why what is listed cannot be believed now; empty when it can."""
        return view.as_of(self.sources())

    # What subclasses use

    @property
    def order(self) -> tuple[str, table.SortKey] | None:
        """The order that was chosen."""
        orders = self.spec().orders
        return orders[self._order % len(orders)] if orders else None

    def filtered(
        self, made: Sequence[tuple[base.Entity, tuple[cells.Cell, ...]]], kept: Sequence[int]
    ) -> list[cells.Row]:
        """Rows whose text matches the filter, with only the columns that fit."""
        if self.wrong:
            made = []
        elif self.pattern:
            fits = match.Match(self.pattern).fits
            made = [pair for pair in made if fits(" ".join(cell.text for cell in pair[1]))]
        return self.made(made, kept)

    def made(
        self, made: Sequence[tuple[base.Entity, tuple[cells.Cell, ...]]], kept: Sequence[int]
    ) -> list[cells.Row]:
        """Rows with only the columns that fit; what was taken away a moment ago says so."""
        self._entities = {entity.ref: entity for entity, _ in made}
        gone = self.gone()
        return [
            cells.Row(entity.ref, tuple(row[i] for i in kept), entity.ref in gone)
            for entity, row in made
        ]

    def entity(self) -> base.Entity | None:
        """The row under the cursor, also of a page."""
        return self._entities.get(self.cursor_ref) or super().entity()

    # Room

    @property
    def grid(self) -> live_table.LiveTable:
        """The table."""
        return self.query_one(live_table.LiveTable)

    def body(self) -> ComposeResult:
        """Headline over table."""
        yield Static(classes="headline", markup=False)
        yield live_table.LiveTable(placeholder=self.EMPTY)

    def pull(self) -> None:
        """Headline and rows from what is known now."""
        shown = self.grid
        view = self.view()
        named, rows = self.rows(view, shown.size.width or self.size.width)
        shown.set_columns(named)
        shown.set_rows(rows)
        shown.placeholder = self.emptiness(view)
        if self.order is not None:
            column, descending = table.sorted_by(self.spec(), self.order[0])
            shown.set_sort(column, descending=descending)
        shown.set_stale(bool(self.doubt(view)))
        self.paint_headline()

    def emptiness(self, view: table.View) -> str:
        """What the table says without rows."""
        if self.wrong or self.pattern:
            return self.wrong or f"nothing matches /{self.pattern}/"
        return view.emptiness(self.KIND, self.EMPTY, self.OF)

    def paint_headline(self) -> None:
        """The lines above the table; none takes no room."""
        lines = [line for line in self.headline() if line]
        if old := self.doubt(self.view()):
            lines.insert(0, [cells.Cell(old, "unknown")])
        if self.pattern:
            filtered = cells.Cell(f"/{self.pattern}/", "accent")
            lines.append(text.spaced([filtered, cells.Cell(self.wrong, "bad")]))
        widget = self.query_one(".headline", Static)
        text.put(widget, text.content_of_lines(lines))
        widget.display = bool(lines)

    # Verbs

    async def do_back(self, argument: str) -> None:
        """Esc ends the filter first, then leaves."""
        if self.pattern:
            self.filter_by("")
        else:
            await super().do_back(argument)

    async def do_filter(self, _: str) -> None:
        """Ask for a filter; it works while it is typed, Esc restores the one before."""

        def told(typed: str, done: bool) -> str:
            if typed != self.pattern:
                self.filter_by(typed)
            return self.wrong

        self.ask("/", self.pattern, told)

    def filter_by(self, pattern: str) -> None:
        """Show only rows that match: all of them, so that nothing is held any more."""
        self.pattern, self.wrong = pattern, match.wrong(pattern)
        self.grid.freeze(False)
        self.repaint()

    async def do_sort(self, _: str) -> None:
        """The next order; rows that are held stay where they are, and so does the order."""
        if self.grid.frozen:
            key = self.control.keymap.written("list.freeze")
            self.control.say(f"frozen: {key} lets it go on, then it can be sorted", "warn")
            return
        self._order += 1
        order = self.order
        self.control.say(f"sorted by {order[0]}" if order else "this list has one order")

    async def do_freeze(self, _: str) -> None:
        """Hold the rows where they are, or let go."""
        self.grid.freeze(not self.grid.frozen)

    async def do_mark(self, _: str) -> None:
        """Mark the row under the cursor."""
        self.grid.action_mark()
