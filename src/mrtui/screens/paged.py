"""A screen whose rows are asked for page by page, and asked again when something changed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from mrcore import errors
from mrcore.model import base, plans
from mrtui import keys, paging, world
from mrtui.columns import fmt, table
from mrtui.screens import listing
from mrtui.widgets import cells

REASK_S = 1.0
"""A change asks again at most this often."""

NEAR_END = 20
"""The next page is asked for when the cursor comes this near to the last row."""


class Paged(listing.Listing):
    """The core filters; the screen keeps what it got, with its age, when the core is away."""

    COLLECTION = ""
    REASKS = True
    """Whether a new sample of the owner asks again."""

    def __init__(self, ref: str = "", cursor: str = "") -> None:
        super().__init__(ref, cursor)
        self.pager = paging.Pager("", "", plans.Query())
        self._failed = ""
        self._asks = asyncio.Event()
        self._asks.set()

    def wanted(self) -> plans.Query:
        """What is asked for now."""
        return plans.Query(text=self.pattern)

    def collection(self) -> str:
        """Which collection of the owner is listed."""
        return self.COLLECTION

    def owner(self) -> str:
        """The ref whose collection this is."""
        return self.ref

    def entities(self) -> Sequence[base.Entity]:
        """What the pages hold."""
        return self.pager.rows

    def entered(self) -> None:
        self.begin()
        super().entered()
        self.beside(self._keep_asking, "pages")

    def begin(self) -> None:
        """Ask anew: another state, filter or prefix."""
        self.pager = paging.Pager(self.owner(), self.collection(), self.wanted())
        self._failed = ""
        self._asks.set()

    def noticed(self, difference: world.Difference) -> None:
        """Ask again when a row or the owner was touched, or the owner changed."""
        touched = difference.touched & {self.owner(), *(row.ref for row in self.pager.rows)}
        if touched or (self.REASKS and self.owner() in difference.refs):
            self._asks.set()

    def filter_by(self, pattern: str) -> None:
        """Let the core filter."""
        super().filter_by(pattern)
        self.begin()
        self.repaint()

    def filtered(
        self, made: Sequence[tuple[base.Entity, tuple[cells.Cell, ...]]], kept: Sequence[int]
    ) -> list[cells.Row]:
        """The core has filtered already."""
        return self.made(made, kept)

    def why_not(self, entry: keys.Key) -> str:
        """Nothing is listed yet, and so nothing can be acted on."""
        if self.pager.looked is None and not self.wrong and not self.grid.rows:
            return "the list is still being asked for"
        return super().why_not(entry)

    def ended(self, refs: frozenset[str]) -> None:
        """Rows may have gone, or be otherwise."""
        if refs & {row.ref for row in self.pager.rows}:
            self.ask_soon()

    def emptiness(self, view: table.View) -> str:
        if self._failed and not self.wrong:
            return f"? {self._failed}"
        if self.pager.looked is None and not self.wrong:
            return view.emptiness(self.KIND, "asking", self.OF)
        return super().emptiness(view)

    def looked(self) -> list[cells.Cell]:
        """How far the core looked, or why it could not."""
        if self._failed:
            return [cells.Cell(f"? {self._failed}", "unknown")]
        far = self.pager.looked
        if far is None:
            return [cells.Cell("asking", "dim")]
        if far.complete:
            return []
        of = "" if far.total is None else f" of {fmt.count(far.total)}"
        return [cells.Cell(f"looked at {fmt.count(far.scanned)}{of}", "dim")]

    def moved(self) -> None:
        """Near the end there may be more."""
        super().moved()
        shown = self.grid
        rows = shown.rows
        if rows and shown.cursor_ref in {row.ref for row in rows[-NEAR_END:]}:
            self.beside(self._more, "more")

    def ask_soon(self) -> None:
        """Ask again, at most once a second."""
        self._asks.set()

    async def _keep_asking(self) -> None:
        while True:
            await self._asks.wait()
            self._asks.clear()
            if self.is_current or self.control.screen_stack[-2:-1] == [self]:
                await self._ask()
            else:
                self._asks.set()
            await asyncio.sleep(REASK_S)

    async def _ask(self) -> None:
        pager = self.pager
        if self.wrong or not pager.ref:
            return
        try:
            await pager.refresh(self.control.link.client)
            self._failed = ""
        except errors.CoreUnreachable:
            self._asks.set()
        except errors.MrError as error:
            self._failed = str(error) if pager is self.pager else self._failed
        if pager is self.pager:
            self.repaint()

    async def _more(self) -> None:
        try:
            if await self.pager.more(self.control.link.client):
                self.repaint()
        except errors.MrError as error:
            self._failed = str(error)
