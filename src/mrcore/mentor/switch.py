"""The switch before blue and green: every new connection goes to the colour that is live then.

Connections that are open stay where they are until one side ends them, as behind a web server
that was told to reload.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

LOG = logging.getLogger("switch")

_PART_BYTES = 64 * 1024
_CONNECT_S = 5.0
_MOST = 1_000


class Switch:
    """Forwards TCP to `ports` by colour; `current` names the live one."""

    def __init__(self, current: Path, ports: Mapping[str, int]) -> None:
        self._current = current
        self._ports = ports
        self._silent: set[str] = set()
        self._last = ""
        self._open: set[asyncio.Task[None]] = set()

    async def run(self, port: int, ready: Callable[[], None]) -> None:
        """Listen on loopback `port` until cancelled; `ready` is called once it does.

        Raises OSError when the port is taken.
        """
        server = await asyncio.start_server(self._accepted, "127.0.0.1", port)
        async with server:
            ready()
            await server.serve_forever()

    def live(self) -> str:
        """The colour for a new connection: the last known one while the file says nothing."""
        try:
            said = self._current.read_text()[:100].strip()
        except (OSError, UnicodeDecodeError) as error:
            LOG.error("%s cannot be read: %s", self._current, error)
            return self._last
        if said not in self._ports:
            LOG.error("%s names %r, which is no colour", self._current, said)
            return self._last
        if said != self._last:
            LOG.info("new connections go to %s", said)
        self._last = said
        return said

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= _MOST:
            LOG.error("%d connections are open, another one is refused", _MOST)
            writer.close()
            return
        self._open.add(task)
        try:
            await self._forward(reader, writer)
        finally:
            self._open.discard(task)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        colour = self.live()
        if not colour:
            return
        try:
            async with asyncio.timeout(_CONNECT_S):
                other = await asyncio.open_connection("127.0.0.1", self._ports[colour])
        except (OSError, TimeoutError) as error:
            if colour not in self._silent:  # once, until it takes one: visitors come every moment
                LOG.warning("%s does not take connections: %s", colour, error)
            self._silent.add(colour)
            return
        self._silent.discard(colour)
        from_other, to_other = other
        try:
            await asyncio.gather(_pipe(reader, to_other), _pipe(from_other, writer))
        finally:
            to_other.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the reader's side has said all; then the writer's side hears the end."""
    try:
        while part := await reader.read(_PART_BYTES):
            writer.write(part)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()  # one side is gone at once: so is the other
