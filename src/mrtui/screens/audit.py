"""Who did what: intents, outcomes and what was refused, the newest first."""

from __future__ import annotations

import asyncio

from mrcore import errors
from mrcore.model import plans
from mrtui import world
from mrtui.screens import paged

AGAIN_S = 2.0
"""How long after the core went away it is followed again."""


class Audit(paged.Paged):
    """The audit of the core; new rows come by themselves."""

    NAME = "audit"
    KIND = "audit"
    COLLECTION = "audit"
    EMPTY = "nothing was done yet"

    def owner(self) -> str:
        return "core/core/self"

    def entered(self) -> None:
        super().entered()
        self.beside(self._follow, "follow")

    def noticed(self, difference: world.Difference) -> None:
        """Ask again when something was done."""
        if "operation" in difference.kinds:
            self.ask_soon()
        super().noticed(difference)

    async def _follow(self) -> None:
        """What was refused changes no operation: wait at the end of the audit itself."""
        while True:
            try:
                client = self.control.link.client
                newest = plans.Query(limit=1)
                async for page in client.follow(self.owner(), self.COLLECTION, newest):
                    if page.rows:
                        self.ask_soon()
            except errors.MrError:
                pass  # the headline says that the core is away
            await asyncio.sleep(AGAIN_S)


ROOM = Audit
