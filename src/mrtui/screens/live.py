"""A plain screen of one live kind: everything of it, the worst first."""

from __future__ import annotations

from mrcore.model import base
from mrtui.columns import fmt, table
from mrtui.screens import listing, text
from mrtui.widgets import cells


class Live(listing.Listing):
    """How many there are, and how many are not well; then the table."""

    def sources(self) -> list[str]:
        """The sources that report this kind."""
        return sorted(self.control.world.sources_of(self.KIND))

    def headline(self) -> list[list[cells.Cell]]:
        """Counts by verdict."""
        view = self.view()
        found = list(view.world.table(self.KIND).values())
        levels = [view.verdict(entity).level for entity in found]
        parts = [cells.Cell(fmt.plural(len(found), self.KIND), "strong")]
        for level in (base.Level.BAD, base.Level.WARN, base.Level.UNKNOWN):
            if count := levels.count(level):
                said = f"{fmt.GLYPHS[level]} {count} {level.value}"
                parts.append(cells.Cell(said, table.TONES[level]))
        return [text.spaced(parts)] if found else []
