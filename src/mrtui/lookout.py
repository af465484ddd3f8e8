"""Environments side by side: each is asked by itself, so that one that is away delays no other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime

from mrcore import errors
from mrcore.model import base, core
from mrtui import link, names, outlook, start

EVERY_S = 5.0
"""A context is asked again this long after its answer, or later."""

SPARING = 20
"""A core whose answer took long is asked more rarely: its answers take a twentieth of the time."""

DEADLINE_S = 4.0
"""Without an answer in this time a context is unknown."""

AWAY = "context.away"
"""Code of the verdict on a context that cannot be asked."""


class Eye:
    """Looks at one context, again and again over one connection."""

    def __init__(
        self,
        context: start.Context,
        clock: Callable[[], datetime],
        *,
        deadline_s: float = DEADLINE_S,
        resolve: names.Resolve | None = None,
    ) -> None:
        self.context = context
        self.last = outlook.unseen(context)
        self._clock = clock
        self._deadline_s = deadline_s
        address = context.address if "://" in context.address else ""
        self._name = names.Name(address, resolve) if resolve else names.Name(address)
        self._open = contextlib.AsyncExitStack()
        self._client: link.Core | None = None
        self._me: core.Me | None = None

    async def look(self) -> outlook.Outlook:
        """Ask once; a context that cannot be asked in time is `unknown`, and why."""
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._name.known()
                client = await self._connected()
                me = self._me = self._me or await client.me()
                self.last = outlook.seen(self.context, me, await client.live(), self._clock())
                return self.last
        except TimeoutError:
            why = f"no answer in {self._deadline_s:g} s"
        except errors.MrError as error:
            why = str(error)
        except (OSError, ValueError) as error:
            why = f"it cannot be understood: {error}"
        await self.close()
        away = base.Verdict(level=base.Level.UNKNOWN, code=AWAY, why=why)
        self.last = self.last.model_copy(update={"verdict": away, "troubles": ()})
        return self.last

    async def keep(self, note: Callable[[], None]) -> None:
        """Look for ever, and tell after each look; ends only when cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                began_s = loop.time()
                await self.look()
                note()
                await asyncio.sleep(max(EVERY_S, SPARING * (loop.time() - began_s)))
        finally:
            await self.close()

    async def close(self) -> None:
        """Close the connection; the next look opens another."""
        self._client = self._me = None
        await self._open.aclose()

    async def _connected(self) -> link.Core:
        if self._client is None:
            # A thread, because reading whom to trust takes as long as several frames.
            made = await asyncio.to_thread(self.context.connect)
            self._client = await self._open.enter_async_context(made)
        return self._client


async def once(
    contexts: Sequence[start.Context], clock: Callable[[], datetime]
) -> list[outlook.Outlook]:
    """How every context is now, in their order, after at most the deadline of one."""

    async def look(context: start.Context) -> outlook.Outlook:
        eye = Eye(context, clock)
        try:
            return await eye.look()
        finally:
            await eye.close()

    return list(await asyncio.gather(*map(look, contexts)))
