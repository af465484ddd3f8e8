"""A search over jobs of queues, page by page, as far as it has come. No screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mrcore import errors
from mrcore.model import base, plans, ref, wire
from mrtui import link
from mrtui.columns import fmt

COLLECTION = "found"
LOOKED = 20_000
"""After so many jobs a search asks whether to go on."""

HITS_MAX = 2_000
"""More hits than anybody reads: a search ends there."""


def address(text: str, owner: base.Ref = "") -> base.Ref:
    """The ref of a search: what only the screen knows."""
    return ref.make("queues", "found", owner or "*", text)


def read(of: base.Ref) -> tuple[str, base.Ref]:
    """Text and queue (empty: all) of a search's ref."""
    parts = [part.decode("utf-8", "replace") for part in ref.parse(of).ids]
    owner, text = parts[0], "/".join(parts[1:])
    return text, "" if owner == "*" else owner


class Search:
    """What was found in some queues; each `step` looks at one more page of one of them."""

    def __init__(self, queues: Iterable[base.Ref], text: str, state: str = "") -> None:
        self.query = plans.Query(text=text, state=state)
        self.hits: list[base.Entity] = []
        self.failed: dict[base.Ref, str] = {}
        self.pages = 0
        self._cursors: dict[base.Ref, str | None] = dict.fromkeys(queues)
        self._far: dict[base.Ref, wire.Looked] = {}
        self._seen: set[base.Ref] = set()
        self._turns = self._next()

    @property
    def scanned(self) -> int:
        """At how many jobs it has looked."""
        return sum(far.scanned for far in self._far.values())

    @property
    def total(self) -> int | None:
        """How many there are in all; None where a queue cannot tell, or was not asked yet."""
        totals = [far.total for far in self._far.values()]
        if self._waits or any(total is None for total in totals):
            return None
        return sum(total or 0 for total in totals)

    @property
    def _waits(self) -> bool:
        """Whether a queue was not looked at yet."""
        return any(of not in self._far for of in self._cursors)

    @property
    def done(self) -> bool:
        """Whether there is nothing more to look at."""
        return not self._cursors or len(self.hits) >= HITS_MAX

    def _next(self) -> Iterator[base.Ref]:
        """The queues in turn, until each is done."""
        while self._cursors:
            yield from [of for of in list(self._cursors) if of in self._cursors]

    async def step(self, client: link.Core) -> list[base.Entity]:
        """New hits of one more page; a queue that cannot be searched is left out and says why.

        Raises CoreUnreachable and BadRequest (for an expression that is none).
        """
        if self.done or (of := next(self._turns, None)) is None:
            return []
        try:
            page = await client.page(of, COLLECTION, self.query, self._cursors[of])
        except (errors.CoreUnreachable, errors.BadRequest):
            raise
        except errors.MrError as error:
            self.failed[of] = str(error)
            del self._cursors[of]
            return []
        self.pages += 1
        self._far[of] = page.looked
        if page.cursor is None:
            del self._cursors[of]
        else:
            self._cursors[of] = page.cursor
        fresh = [row for row in page.rows if row.ref not in self._seen]
        self._seen.update(row.ref for row in fresh)
        self.hits += fresh
        return fresh

    def said(self) -> str:
        """`newest 20,000 of 1,204,331`."""
        of = f" of {fmt.count(self.total)}" if self.total is not None else ""
        if self.done and len(self.hits) < HITS_MAX:
            return f"all {fmt.count(self.scanned)} jobs looked at"
        return f"newest {fmt.count(self.scanned)}{of} looked at"
