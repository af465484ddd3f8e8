"""The one connection to the core: events into the World, one coalesced note to the screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Protocol, Self

from mrcore import errors
from mrcore.model import core, plans, wire
from mrtui import world

NOTE_EVERY_S = 0.1
"""At most ten notes a second, however many events arrive."""

BACK_OFF_S = (0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0)
"""Waits between attempts; the last one repeats."""

SLOWLY_S = 15.0
"""Wait between attempts while the core does not take the token: each counts as a wrong one."""

REFUSED = "the token is wrong, expired or revoked"
REVOKED = "your token was revoked or has expired"
"""Of one that the core has taken before."""

ASK_S = 1.0
"""How long a core is asked whether it ended the stream because of the token."""

SKEW_IGNORED = timedelta(seconds=2)
"""Clocks that differ by less are taken as equal."""


class Core(Protocol):
    """What the screen asks of a core: `mrcore.client.CoreClient`, or a simulated one in tests."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exc: object) -> None: ...
    async def me(self) -> core.Me: ...
    async def live(self) -> wire.Snapshot: ...
    def changes(self) -> AsyncIterator[wire.Snapshot | wire.Changed | wire.Touched]: ...
    async def detail(self, ref: str) -> wire.Detail: ...
    async def page(
        self,
        ref: str,
        collection: str,
        query: plans.Query = ...,
        cursor: str | None = None,
        wait_s: float = 0,
    ) -> wire.Page: ...
    def follow(
        self, ref: str, collection: str, query: plans.Query = ...
    ) -> AsyncIterator[wire.Page]: ...
    async def plan(
        self,
        action: str,
        selection: plans.Selection,
        args: plans.Args | None = None,
        on_progress: Callable[[int, int | None], None] | None = None,
    ) -> plans.Plan: ...
    async def planned(self, plan_id: str) -> plans.Plan: ...
    async def targets(self, plan_id: str, first: int = 0) -> plans.Targets: ...
    async def apply(
        self, plan_id: str, *, reason: str = "", confirm: str = "", break_glass: bool = False
    ) -> core.Operation: ...
    async def reveal(self, ref: str) -> wire.Detail: ...


class Link:
    """Keeps one stream of changes open, for ever; what it learns goes into `world`."""

    def __init__(
        self,
        known: world.World,
        connect: Callable[[], Core],
        clock: Callable[[], datetime],
        note: Callable[[world.Difference], None],
    ) -> None:
        self.world = known
        self.me: core.Me | None = None
        self._connect = connect
        self._clock = clock
        self._note = note
        self._client: Core | None = None
        self._pending = world.Difference()
        self._flush: asyncio.TimerHandle | None = None
        self._noted_at = 0.0

    @property
    def client(self) -> Core:
        """The connected client.

        Raises CoreUnreachable while there is none.
        """
        if self._client is None or not self.world.connected:
            raise errors.CoreUnreachable("The core does not answer just now.")
        return self._client

    async def run(self) -> None:
        """Connect, follow, and connect again with back-off; ends only when cancelled."""
        failures = 0
        while True:
            why, refused = "", False
            try:
                async for event in self._events():
                    failures = 0
                    self._take(event)
                why = "the core ended the stream"
            except errors.Unauthenticated:
                refused = True
            except (errors.MrError, OSError) as error:
                why = str(error)
            except ValueError as error:
                why = f"the core and this screen do not understand each other: {error}"
            if not refused and self.world.connected:
                refused = await self._turned_away()
            if refused:
                why = REFUSED if self.me is None else REVOKED
            wait_s = BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)] if not refused else SLOWLY_S
            failures += 1
            now = self._clock() + self.world.skew
            self.world.lost(now, why, now + timedelta(seconds=wait_s), refused=refused)
            self._send(world.Difference())
            await asyncio.sleep(wait_s)

    async def _turned_away(self) -> bool:
        """Whether the core that ended the stream is there, and does not take the token any more."""
        try:
            async with asyncio.timeout(ASK_S), self._connect() as client:
                await client.me()
        except errors.Unauthenticated:
            return True
        except (errors.MrError, OSError, ValueError, TimeoutError):
            pass  # what it is will be said by the next attempt
        return False

    async def _events(self) -> AsyncIterator[wire.Snapshot | wire.Changed | wire.Touched]:
        async with self._connect() as client:
            self._client = client
            try:
                self.me = await client.me()
                async for event in client.changes():
                    yield event
            finally:
                self._client = None

    def _take(self, event: wire.Snapshot | wire.Changed | wire.Touched) -> None:
        if isinstance(event, wire.Snapshot):
            skew = event.at - self._clock()
            self.world.skew = skew if abs(skew) > SKEW_IGNORED else timedelta(0)
        self._send(self.world.apply(event))

    def _send(self, difference: world.Difference) -> None:
        self._pending |= difference
        if self._flush is None:
            loop = asyncio.get_running_loop()
            due = max(loop.time(), self._noted_at + NOTE_EVERY_S)
            self._flush = loop.call_at(due, self._deliver)

    def _deliver(self) -> None:
        self._flush = None
        self._noted_at = asyncio.get_running_loop().time()
        pending, self._pending = self._pending, world.Difference()
        self._note(pending)
