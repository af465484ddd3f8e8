"""Keys in the order in which they were typed, however long what they do takes.

Textual hands a key to the widget that has the focus when the key arrives, so what is typed right
after `:` would still act on the list. Here a key is done with before the next one is looked at,
and what a key leads to (a plan, a form) is waited for: until it is open, keys are kept for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import App

from mrtui import meanwhile

if TYPE_CHECKING:
    from mrtui import bindings
    from mrtui.screens import dialogs

LATE = f"no question came within {meanwhile.KEPT_S:.0f} s: what was typed for it was dropped"
COMPOSED_WITHIN_S = 5.0


class TypeAhead(App[int]):
    """Mixed into the app: keys of rooms are worked through one by one."""

    if TYPE_CHECKING:
        keymap: bindings.Keymap

        @property
        def instant(self) -> datetime: ...
        @property
        def top(self) -> object: ...
        def say(self, text: str, style: Any = "", *, passing: bool = False) -> None: ...

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile = meanwhile.Meanwhile()

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
        """Keep a key for the question that is to come; else do it, after those that were kept."""
        await self.go_on()
        if not self._goes_through(event) and self._keeps:
            self.meanwhile.keep(event)
            return True
        return await self._do_key(event)

    @property
    def _keeps(self) -> bool:
        return self.meanwhile.work is not None and self.meanwhile.holds(
            self.instant, self.screen_stack
        )

    def _goes_through(self, event: events.Key) -> bool:
        """What drops a plan, and what leaves; a letter may be one of a reason."""
        leaves = [key for entry in self.keymap.table if entry.does == "quit" for key in entry.keys]
        return not event.is_printable and event.key in ("escape", *leaves)

    async def go_on(self) -> None:
        """Do what was kept and is the room's, unless a key of it asks for something anew."""
        while self.meanwhile.waits and not self._keeps:
            if self.meanwhile.late(self.instant):
                self.say(LATE, "warn")
            event = self.meanwhile.take(self.top, self.instant)
            if event is not None:
                await self._do_key(event)

    async def handed_over(self, dialog: dialogs.Over[Any]) -> None:
        """Give a question what was typed for it, as soon as it is there."""
        if self.meanwhile.work is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COMPOSED_WITHIN_S):
                await dialog._mounted_event.wait()
        self.call_later(self._give, dialog)  # behind what sets its focus

    async def _give(self, dialog: Any) -> None:
        for event in self.meanwhile.opened(dialog, self.instant):
            if self.screen is not dialog or not hasattr(dialog, "typed"):
                return
            if event.is_printable:
                dialog.typed(event)  # as a character, and never as a key that presses something
            else:
                await self._asked(dialog, event)

    async def _do_key(self, event: events.Key) -> bool:
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
