"""Home: health, queues, Postgres, Redis and logs at a glance; trouble first, the calm quiet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Grid, Vertical
from textual.widgets import Static

from mrcore.model import base, log, ref, run
from mrtui import panes, runs
from mrtui.columns import fmt, table
from mrtui.screens import room, text
from mrtui.widgets import cells, chart, live_table, table_paint


class BareTable(live_table.LiveTable):
    """A table without a header: the pane's title stands in its place."""

    HEADER_LINES = 0

    def on_focus(self) -> None:
        """The cursor appears."""
        self.refresh()

    def on_blur(self) -> None:
        """Only the pane that has the focus shows its cursor."""
        self.refresh()

    def _look(self, index: int) -> table_paint.Look:
        return (
            super()
            ._look(index)
            ._replace(cursor=self.has_focus and self.cursor_ref == self.rows[index].ref)
        )


class Pane(Vertical):
    """A title and a table."""

    def __init__(self, name: str) -> None:
        super().__init__(id=f"{name}-pane")
        self.pane = name
        self.shown: panes.Shown | None = None

    def compose(self) -> ComposeResult:
        yield Static(classes="title", markup=False)
        yield BareTable()
        if self.pane == "redis":
            yield chart.Chart("commands", number=fmt.rate, window="last 2 min")
        yield Static(classes="more", markup=False)

    @property
    def grid(self) -> BareTable:
        """The rows."""
        return self.query_one(BareTable)

    def show(self, shown: panes.Shown, view: table.View) -> None:
        """Paint what differs."""
        self.shown = shown
        rows, widget = self.grid, self.query_one(".title", Static)
        width = rows.size.width
        if not width:
            return  # not laid out yet; Widened paints it
        kept = table.fit(shown.columns, width)
        listed, quiet = panes.fitting(shown, view, self.size.height - 1)
        rows.set_columns(table.narrowed(shown.columns, kept, width))
        rows.set_rows(
            [cells.Row(entity.ref, tuple(row[i] for i in kept)) for entity, row in listed]
        )
        more = self.query_one(".more", Static)
        more.display = bool(quiet)
        text.put(more, text.content([cells.Cell(f" … {quiet} more quiet", "dim")]))
        rows.placeholder = shown.empty
        old = view.as_of(shown.sources, width - len(self.pane))
        rows.set_stale(bool(old))
        named = cells.Cell(f"{self.pane.upper()} ", "dim")
        text.put(widget, text.content([named, *self._title(shown, old)]))
        for drawn in self.query(chart.Chart):
            drawn.display = self.size.height > 7
            drawn.show(view.world.recent_total("redis.ops"))

    def _title(self, shown: panes.Shown, old: str) -> list[cells.Cell]:
        return text.spaced([cells.Cell(old, "unknown")] if old else shown.title, "  ")


SHORT = {"postgres": "pg"}


class Home(room.Room):
    """Five panes; where there is no room for them, one at a time, the worst first."""

    NAME = "home"
    SCOPES: ClassVar[tuple[str, ...]] = ("lists",)
    WITHOUT: ClassVar[tuple[str, ...]] = ("list.sort", "list.mark", "list.filter", "list.freeze")

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        self._chosen = ""

    def crumbs(self) -> Sequence[str]:
        return ()

    def body(self) -> ComposeResult:
        yield Static(id="tabs", markup=False)
        with Grid(id="home"):
            for name, _, _ in panes.PANES:
                yield Pane(name)

    def entered(self) -> None:
        super().entered()
        self._pane("queues").grid.focus()

    @property
    def grid(self) -> live_table.LiveTable:
        """The table of the pane that has the focus."""
        focused = self.focused
        return focused if isinstance(focused, live_table.LiveTable) else self._pane("queues").grid

    def entity(self) -> base.Entity | None:
        """The row under the cursor; a log line is of no live set."""
        known = super().entity()
        if known is not None:
            return known
        here = self.cursor_ref
        rows = (row for pane in self.query(Pane) if pane.shown for row in pane.shown.rows)
        return next((entity for entity, _ in rows if entity.ref == here), None)

    async def key(self, event: events.Key) -> bool:
        """From the first key on, the pane that is seen is a person's choice."""
        done = await super().key(event)
        if self.stands:
            self._choose()
        return done

    def on_click(self) -> None:
        """As a key."""
        self._choose()

    def runbook_here(self) -> run.Run | runs.Begin | None:
        """Until a person has chosen a row, the run that the line of news names is meant."""
        named = None if self._chosen else runs.named(self.control.world, self.control.instant)
        return named or super().runbook_here()

    def _choose(self) -> None:
        if not self._chosen and isinstance(self.grid.parent, Pane):
            self._chosen = self.grid.parent.pane

    def pull(self) -> None:
        """Every pane; where one is seen at a time, the others in a line of tabs."""
        view = self.view()
        found = {name: make(view) for name, make, _ in panes.PANES}
        seen = self._seen(found)
        for name, shown in found.items():
            pane = self._pane(name)
            pane.set_class(name == seen, "-seen")
            if name == seen or not self.has_class("-single"):
                pane.show(shown, view)
                if not self._chosen:
                    pane.grid.action_edge(0)  # the worst, whatever comes first
        if self.has_class("-single") and self.focused is not self._pane(seen).grid:
            self._pane(seen).grid.focus()
        text.put(self.query_one("#tabs", Static), text.content(self._tabs(found, seen)))

    def _seen(self, found: dict[str, panes.Shown]) -> str:
        if self._chosen:
            return self._chosen
        if not any(shown.rows for shown in found.values()):
            return "health"
        return min(found, key=lambda name: panes.rank(found[name]))

    def _tabs(self, found: dict[str, panes.Shown], seen: str) -> list[cells.Cell]:
        line: list[cells.Cell] = []
        for name, shown in found.items():
            style = table.TONES[shown.level] if shown.level else "dim"
            word = SHORT.get(name, name) if self.size.width < 50 else name
            word = word.upper() if name == seen else word
            line += [
                cells.Cell(fmt.GLYPHS[shown.level] if shown.level else "·", style),
                cells.Cell(f"{word} ", "strong" if name == seen else "dim"),
            ]
        return line

    def _pane(self, name: str) -> Pane:
        return self.query_one(f"#{name}-pane", Pane)

    async def do_tab(self, argument: str) -> None:
        """The next pane."""
        names = [name for name, *_ in panes.PANES]
        shown = self.grid.parent
        here = shown.pane if isinstance(shown, Pane) else names[0]
        self._chosen = names[(names.index(here) + int(argument)) % len(names)]
        self._pane(self._chosen).grid.focus()
        self.repaint()

    async def do_open(self, argument: str) -> None:
        """What the row leads to; a line to the log that it is of, an empty pane to its screen."""
        found = self.entity()
        if isinstance(found, log.LogLine):
            source = found.ref.split("/", 1)[0]
            self.control.visits.into("logs", ref.make(source, "stream", found.stream))
            return
        if self.cursor_ref:
            await super().do_open(argument)
            return
        shown = self.grid.parent
        for name, _, screen in panes.PANES:
            if isinstance(shown, Pane) and shown.pane == name:
                self.control.visits.into(screen)


ROOM = Home
