"""What fires, what may, and what has resolved within the hour; `a` says that one is at it."""

from __future__ import annotations

from mrcore.model import alert, base
from mrtui.columns import alert as columns
from mrtui.columns import fmt, table
from mrtui.screens import listing, text
from mrtui.widgets import cells


class Alerts(listing.Listing):
    """What fires first."""

    NAME = "alerts"
    KIND = "alert"
    EMPTY = "nothing fires, and nothing has within the hour"

    def sources(self) -> list[str]:
        """The core's own."""
        return ["core"]

    def emptiness(self, view: table.View) -> str:
        """Every core has alerts: no settings are to blame."""
        return super().emptiness(view) if self.pattern else view.as_of(("core",)) or self.EMPTY

    def headline(self) -> list[list[cells.Cell]]:
        """How many fire, how many of these are nobody's, and how many silences there are."""
        known = self.view().world
        found = [e for e in known.table("alert").values() if isinstance(e, alert.Alert)]
        firing = [each for each in found if each.phase in columns.FIRING]
        nobodys = sum(not each.acked_by and not each.hidden for each in firing)
        silences = len(known.table("silence"))
        bad = any(each.verdict.level is base.Level.BAD for each in firing)
        parts = [
            cells.Cell(f"{fmt.plural(len(firing), 'alert')} firing", "bad" if bad else "strong"),
            cells.Cell(f"{nobodys} nobody's" if nobodys else "", "warn"),
            cells.Cell(f"{fmt.plural(silences, 'silence')} :silences" if silences else "", "dim"),
        ]
        return [text.spaced(parts)] if found or silences else []


ROOM = Alerts
