"""The targets of a plan, page by page: at most one answer of the core is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from mrcore import errors
from mrcore.model import plans

MOST = 500
"""The core answers with so many targets at once."""

PAGE, FEW, FEWEST = 8, 3, 1
"""How many targets are shown at once: the others where there are less than ROOMY, SHORT lines."""

ROOMY, SHORT = 30, 16

Ask = Callable[[int], Awaitable[plans.Targets]]
"""The targets of the plan from a number on."""


def size(height: int) -> int:
    """How many targets a page has on a screen of so many lines."""
    return PAGE if height >= ROOMY else FEW if height >= SHORT else FEWEST


class Pages:
    """Which targets are shown; `note` says why others cannot be."""

    def __init__(self, plan: plans.Plan) -> None:
        self.first = 0
        self.note = ""
        self._total = plan.total
        self._chunk: tuple[int, tuple[plans.Target, ...]] = (0, plan.samples)

    @property
    def held(self) -> int:
        """How many targets are kept."""
        return len(self._chunk[1])

    def shown(self, size: int) -> tuple[plans.Target, ...]:
        """The page of so many targets."""
        start, targets = self._chunk
        at = self.first - start
        return targets[at : at + size]

    def beyond(self, pages: int, size: int) -> int | None:
        """The number of the first target that many pages on; None where there are none."""
        first = self.first + pages * size
        first = max(0, first) if self.first else first
        return first if 0 <= first < self._total else None

    async def turn(self, first: int, size: int, ask: Ask) -> bool:
        """Show the targets from a number on; False where they cannot be had."""
        start, targets = self._chunk
        last = min(first + size, self._total)
        if not start <= first or last > start + len(targets):
            begin = first if first >= start else max(0, last - MOST)
            try:
                found = await ask(begin)
            except errors.MrError as error:
                self.note = f"the others cannot be shown: {error}"
                return False
            self.note, self._chunk = "", (begin, found.targets)
        self.first = first
        return True
