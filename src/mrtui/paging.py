"""A collection as far as it was looked at: pages in a row, asked again when something changed."""

from __future__ import annotations

from mrcore.model import base, plans, wire
from mrtui import link

MOST_PAGES = 10
"""How many pages are kept and asked again; beyond, a filter is the better way."""


class Pager:
    """Pages of one collection under one query."""

    def __init__(self, ref: str, collection: str, query: plans.Query) -> None:
        self.ref = ref
        self.collection = collection
        self.query = query
        self.pages: list[wire.Page] = []

    @property
    def rows(self) -> list[base.Entity]:
        """Every row so far, each ref once (a row may move between two asks)."""
        seen: dict[str, base.Entity] = {}
        for page in self.pages:
            for row in page.rows:
                seen.setdefault(row.ref, row)
        return list(seen.values())

    @property
    def complete(self) -> bool:
        """Whether there is nothing more to ask for."""
        return bool(self.pages) and self.pages[-1].cursor is None

    @property
    def looked(self) -> wire.Looked | None:
        """How far the last page looked; None before the first."""
        return self.pages[-1].looked if self.pages else None

    async def refresh(self, client: link.Core) -> None:
        """Ask again for as many pages as there were."""
        wanted = max(1, len(self.pages))
        fresh: list[wire.Page] = []
        cursor: str | None = None
        while len(fresh) < wanted and (not fresh or cursor is not None):
            page = await client.page(self.ref, self.collection, self.query, cursor)
            fresh.append(page)
            cursor = page.cursor
        self.pages = fresh

    async def more(self, client: link.Core) -> bool:
        """Ask for the next page; False when there is none, or enough."""
        if not self.pages or self.complete or len(self.pages) >= MOST_PAGES:
            return False
        cursor = self.pages[-1].cursor
        page = await client.page(self.ref, self.collection, self.query, cursor)
        self.pages.append(page)
        return True
