"""Bearer tokens of this core: whose they are, and until when; `X` revokes one."""

from __future__ import annotations

from mrtui import world
from mrtui.screens import paged


class Tokens(paged.Paged):
    """Tokens, the newest first; never a secret."""

    NAME = "tokens"
    KIND = "token"
    COLLECTION = "tokens"
    EMPTY = "no token was made: mrcore token create"

    def owner(self) -> str:
        return "core/core/self"

    def noticed(self, difference: world.Difference) -> None:
        """Ask again when something was done."""
        if "operation" in difference.kinds:
            self.ask_soon()
        super().noticed(difference)


ROOM = Tokens
