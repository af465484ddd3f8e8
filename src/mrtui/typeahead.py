"""Keys in the order in which they were typed, however long what they do takes.

Textual hands a key to the widget that has the focus when the key arrives, so what is typed right
after `:` would still act on the list. Here a key is done with before the next one is looked at.
"""

from __future__ import annotations

import asyncio
from typing import Any

from textual import events
from textual.app import App

COMPOSED_WITHIN_S = 5.0


class TypeAhead(App[int]):
    """Mixed into the app: keys of rooms are worked through one by one."""

    async def on_event(self, event: events.Event) -> None:
        """Every key that comes from the terminal passes here first."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            if not (event.is_printable and getattr(self.screen, "writes", False)):
                self.pressed()
            if await self._typed(event):
                return
        await super().on_event(event)

    def pressed(self) -> None:
        """A key was pressed that is no character of a line."""

    async def _typed(self, event: events.Key) -> bool:
        """Do a key of the room or dialog on top; False for the splash, and keys of widgets."""
        here: Any = self.screen
        if hasattr(here, "typed"):
            return await self._asked(here, event)
        if not hasattr(here, "key"):
            return False
        if not here.is_mounted:
            try:
                async with asyncio.timeout(COMPOSED_WITHIN_S):
                    await here._mounted_event.wait()
            except TimeoutError:
                return False
        if not await here.key(event) and not await self._check_bindings(event.key, priority=True):
            await self._check_bindings(event.key)
        return True

    async def _asked(self, here: Any, event: events.Key) -> bool:
        """A key of a dialog: what moves the focus has done so before the next key is looked at."""
        if here.typed(event) or await self._check_bindings(event.key, priority=True):
            return True
        return await self._check_bindings(event.key)
