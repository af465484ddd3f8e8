"""Runs of runbooks: what is under way first, then how the newest ended."""

from __future__ import annotations

from mrcore.model import run
from mrtui import runs as known_runs
from mrtui.columns import fmt, table
from mrtui.screens import listing, text
from mrtui.widgets import cells


class Runbooks(listing.Listing):
    """Every run that the core knows."""

    NAME = "runbooks"
    KIND = "run"
    EMPTY = "no runbook runs: `b` on an alert begins the one that it names"

    def sources(self) -> list[str]:
        """The core's own."""
        return ["core"]

    def emptiness(self, view: table.View) -> str:
        """Every core has runbooks: no settings are to blame."""
        return super().emptiness(view) if self.pattern else view.as_of(("core",)) or self.EMPTY

    def headline(self) -> list[list[cells.Cell]]:
        """How many are under way, and how many wait for a person."""
        known = self.control.world.table("run").values()
        runs = [each for each in known if isinstance(each, run.Run)]
        going = sum(each.state in known_runs.UNDER_WAY for each in runs)
        waits = sum(each.state is run.RunState.WAITING for each in runs)
        parts = [
            cells.Cell(f"{fmt.plural(going, 'run')} under way", "strong"),
            cells.Cell(f"{waits} for a person" if waits else "", "warn"),
        ]
        return [text.spaced(parts)] if runs else []


ROOM = Runbooks
