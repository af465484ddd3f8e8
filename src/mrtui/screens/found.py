"""Jobs that a search finds, in the order in which it comes upon them, as far as it has looked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mrcore import errors
from mrcore.model import base, ref
from mrtui import finding, match
from mrtui.columns import fmt, table
from mrtui.columns import job as job_columns
from mrtui.screens import listing, text
from mrtui.widgets import cells


class Found(listing.Listing):
    """It looks at so many jobs, then asks; Esc stops it, `n` goes on."""

    NAME = "found"
    KIND = "job"
    SCOPES: ClassVar[tuple[str, ...]] = ("lists", "found")

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        self.text, self.owner = finding.read(self.ref)
        self._search = finding.Search((), self.text)
        self._until = finding.LOOKED
        self._runs = False
        self._failed = match.wrong(self.text)

    def crumbs(self) -> Sequence[str]:
        where = ref.parse(self.owner).id if self.owner else "all queues"
        return ("queues", where, f"search {self.text}")

    def queue_here(self) -> str:
        return self.owner

    def entered(self) -> None:
        known = self.control.world.table("queue")
        owners = [self.owner] if self.owner else sorted(known)
        self._search = finding.Search(owners, self.text)
        super().entered()
        self._go_on()

    def entities(self) -> Sequence[base.Entity]:
        return self._search.hits

    def spec(self) -> table.Table:
        return job_columns.FOUND

    def without(self) -> tuple[str, ...]:
        """There is nothing to go on to once all was looked at, or while it looks."""
        rests = self._search.done or self._runs
        return (*super().without(), *(("found.more",) if rests else ()))

    # The search

    def _go_on(self) -> None:
        if not self._failed:
            self._runs = True
            self.beside(self._look, "search")

    async def _look(self) -> None:
        try:
            while not self._search.done and self._search.scanned < self._until:
                await self._search.step(self.control.link.client)
                self.repaint()
        except errors.CoreUnreachable as error:
            self.control.say(f"◌ {error} n goes on", "warn")
        except errors.MrError as error:
            self._failed = str(error)
        finally:
            self._runs = False
        self.repaint()

    async def do_further(self, _: str) -> None:
        """Look at as many again."""
        if self._search.done:
            self.control.say("all of it was looked at")
        elif not self._runs:
            self._until = self._search.scanned + finding.LOOKED
            self._go_on()

    async def do_back(self, argument: str) -> None:
        """Esc stops the search first."""
        if self._runs:
            self.beside(self._stop, "search")
        else:
            await super().do_back(argument)

    async def _stop(self) -> None:
        self._runs = False
        self.repaint()

    # What it says

    def headline(self) -> list[list[cells.Cell]]:
        """Hits, how far it looked, what goes on."""
        if self._failed:
            return [[cells.Cell(f"✖ {self._failed}", "bad")]]
        search = self._search
        goes_on = "" if search.done else "esc stops" if self._runs else "n goes on"
        hits = fmt.plural(len(search.hits), "hit")
        lines = [
            text.spaced(
                [
                    cells.Cell(f"⟳ {hits}" if self._runs else hits, "strong"),
                    cells.Cell(search.said(), "dim"),
                    cells.Cell(goes_on, "accent"),
                ]
            )
        ]
        for of, why in list(search.failed.items())[:2]:
            said = f"? {ref.parse(of).id} is not searched: {why}"
            lines.append([cells.Cell(said, "unknown")])
        return lines

    def emptiness(self, view: table.View) -> str:
        if self.pattern or self.wrong:
            return super().emptiness(view)
        return "looking" if self._runs else f"no job has {self.text!r}, as far as it looked"


ROOM = Found
