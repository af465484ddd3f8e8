"""A connection that is opened once and kept: how a source still sees when no new one can be had."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Protocol, TypeVar

from mrcore import errors

C = TypeVar("C")
T = TypeVar("T")

OPEN_S = 5.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
LOOK_S = 1.0


class NoSlot(errors.Unreachable):
    """The server has no connection left for us: asked again only every few seconds."""


class Link(Protocol[C]):
    """How one kind of connection is opened, known to be lost, and closed."""

    failures: tuple[type[Exception], ...]

    async def open(self) -> C:
        """Open a connection; raises SourceError."""
        ...

    def lost(self, connection: C) -> bool:
        """Whether nothing more will come from this connection."""
        ...

    async def close(self, connection: C) -> None:
        """Close at once, without waiting for a server that may not answer."""
        ...

    def explain(self, error: Exception) -> errors.SourceError:
        """One of `failures` as a sentence."""
        ...


class Kept(Generic[C]):
    """One connection, one job at a time, reopened in the background when it is lost.

    A caller's deadline never reaches the connection: each job runs in a task of its own, a caller
    that gives up leaves it waiting for its answer, and the next caller waits for that before it
    asks anything. So a server that is stopped and goes on answers on the same connection, and
    no answer is ever read by another question. `gate` is shared by the connections of a source:
    they are never opened in parallel.
    """

    def __init__(self, link: Link[C], gate: asyncio.Lock) -> None:
        self._link = link
        self._gate = gate
        self._connection: C | None = None
        self._error: Exception = errors.Unreachable("Not connected yet.")
        self._settled = asyncio.Event()  # there is a connection, or a reason why there is none
        self._gone = asyncio.Event()
        self._busy: asyncio.Task[object] | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def connection(self) -> C | None:
        """The connection, while there is one; only to ask what it is."""
        return self._connection

    def start(self) -> None:
        """Begin to open it; returns at once."""
        self._keeper = asyncio.create_task(self._keep())

    def cut(self) -> None:
        """Begin to close it, whatever it is waiting for: it ends by itself from here."""
        if self._keeper is not None:
            self._keeper.cancel()
        self._connection = None
        self._error = errors.Unreachable("The source is closed.")
        self._settled.set()

    async def stop(self) -> None:
        """Close it now; who gives up waiting for that leaves no connection open."""
        self.cut()
        if self._keeper is not None:
            await asyncio.wait((self._keeper,))
        if self._busy is not None and not self._busy.done():
            try:
                await asyncio.wait((self._busy,), timeout=1.0)
            finally:
                self._busy.cancel()
            await asyncio.wait((self._busy,))

    async def run(self, job: Callable[[C], Awaitable[T]]) -> T:
        """What `job` answers on this connection, after every job before it.

        Raises Unreachable with the reason while there is no connection, and the job's own
        SourceError.
        """
        connection = await self._there()
        while self._busy is not None and not self._busy.done():
            await asyncio.wait((self._busy,))
            connection = await self._there()
        task = asyncio.create_task(self._do(job, connection))
        task.add_done_callback(_look_at)
        self._busy = task
        return await asyncio.shield(task)

    async def _there(self) -> C:
        if self._connection is not None and self._link.lost(self._connection):
            self._drop()
        await self._settled.wait()
        if self._connection is not None:
            return self._connection
        if isinstance(self._error, errors.SourceError):
            raise type(self._error)(self._error.sentence, fix=self._error.fix)
        raise self._error

    async def _do(self, job: Callable[[C], Awaitable[T]], connection: C) -> T:
        try:
            return await job(connection)
        except self._link.failures as error:
            raise self._link.explain(error) from error
        finally:
            if connection is self._connection and self._link.lost(connection):
                self._drop()

    def _drop(self) -> None:
        self._connection = None
        self._settled.clear()
        self._gone.set()

    async def _keep(self) -> None:
        try:
            while True:
                connection = await self._open()
                try:
                    await self._until_lost(connection)
                finally:
                    await self._link.close(connection)
        except Exception as error:
            # A defect: whoever asks shall have it, rather than wait for ever.
            self._error = error
            self._settled.set()

    async def _until_lost(self, connection: C) -> None:
        """A connection that nobody uses is looked after too: it is needed when it is late."""
        while not self._gone.is_set():
            if self._link.lost(connection):
                self._drop()
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._gone.wait()

    async def _open(self) -> C:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with self._gate, asyncio.timeout(OPEN_S):
                    connection = await self._link.open()
            except TimeoutError:
                self._error = errors.Unreachable(f"No answer within {OPEN_S:g} s of connecting.")
            except errors.SourceError as error:
                self._error = error
            else:
                self._connection = connection
                self._gone.clear()
                self._settled.set()
                return connection
            self._settled.set()
            if isinstance(self._error, NoSlot):
                pause_s = LONGEST_PAUSE_S
            # Jitter, so that the screens of a fleet do not come back all at once.
            await asyncio.sleep(pause_s * random.uniform(1.0, 1.3))  # noqa: S311
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def _look_at(task: asyncio.Task[Any]) -> None:
    """A job whose caller gave up has nobody else who would see how it ended."""
    if not task.cancelled():
        task.exception()


async def stop(*lines: Kept[Any]) -> None:
    """Close all of these at once, so that none stays open while another ends."""
    for line in lines:
        line.cut()
    await asyncio.gather(*(line.stop() for line in lines))
