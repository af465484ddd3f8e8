"""Runs of runbooks, what is under way first; on the second tab the runbooks themselves."""

from __future__ import annotations

from typing import ClassVar

from mrcore.model import run
from mrtui import columns
from mrtui import runs as known_runs
from mrtui.columns import fmt, table
from mrtui.screens import listing, text
from mrtui.widgets import cells

RUNS, BOOKS = run.Run.KIND, run.Runbook.KIND
_TABS = {RUNS: "runs", BOOKS: "runbooks"}


class Runbooks(listing.Listing):
    """Every run that the core knows, or every runbook: those first, until there is a run."""

    NAME = "runbooks"
    KIND = RUNS
    EMPTY = "no runbook runs: `b` on an alert begins the one that it names"
    WITHOUT: ClassVar[tuple[str, ...]] = ()

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        self._chosen = BOOKS if cursor.startswith(f"core/{BOOKS}/") else ""

    @property
    def tab(self) -> str:
        """The kind that is listed."""
        known = self.control.world
        return self._chosen or (RUNS if known.table(RUNS) or not known.table(BOOKS) else BOOKS)

    def entities(self) -> list[run.Run | run.Runbook]:
        """What the tab lists."""
        known = self.control.world.table(self.tab).values()
        return [each for each in known if isinstance(each, run.Run | run.Runbook)]

    def spec(self) -> table.Table:
        return columns.of(self.tab)

    def sources(self) -> list[str]:
        """The core's own."""
        return ["core"]

    def emptiness(self, view: table.View) -> str:
        """Every core has runbooks: no settings are to blame."""
        return super().emptiness(view) if self.pattern else view.as_of(("core",)) or self.EMPTY

    def headline(self) -> list[list[cells.Cell]]:
        """The tabs; how many are under way, and how many wait for a person."""
        known = self.control.world
        runs = [each for each in known.table(RUNS).values() if isinstance(each, run.Run)]
        going = sum(each.state in known_runs.UNDER_WAY for each in runs)
        waits = sum(known_runs.waits(each) is not None for each in runs)
        line: list[cells.Cell] = []
        for kind, name in _TABS.items():
            said = f"{name} {fmt.count(len(known.table(kind)))}"
            here = kind == self.tab
            line += [cells.Cell(f"[{said}]" if here else said, "strong" if here else "dim")]
            line += [cells.Cell("  ")]
        parts = [
            cells.Cell(f"{fmt.count(going)} under way" if going else ""),
            cells.Cell(f"{waits} for a person" if waits else "", "warn"),
        ]
        return [[*line, *text.spaced(parts)]]

    async def do_tab(self, argument: str) -> None:
        """The other list."""
        self._chosen = BOOKS if self.tab == RUNS else RUNS
        self._order = 0
        self.repaint()


ROOM = Runbooks
