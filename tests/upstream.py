"""A simulated upstream: a tiny real HTTP server whose next answer a test decides."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any


class Upstream:
    """Answers every request with `code` and `body`, when `answering` is set; `cut` breaks off."""

    def __init__(self, code: int, body: dict[str, Any] | bytes) -> None:
        self.code = code
        self.body = body
        self.answering = asyncio.Event()
        self.answering.set()
        self.cut = False
        self.requests = 0
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen; again on the same port after `stop`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                await self.answering.wait()
                raw = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
                head = f"HTTP/1.1 {self.code} X\r\nContent-Length: {len(raw)}\r\n\r\n".encode()
                writer.write(head + raw[: len(raw) // 2] if self.cut else head + raw)
                await writer.drain()
                if self.cut:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client left
        finally:
            self._writers.discard(writer)
            writer.close()


@contextlib.asynccontextmanager
async def running(code: int, body: dict[str, Any] | bytes) -> AsyncIterator[Upstream]:
    """An upstream for the time of the block."""
    upstream = Upstream(code, body)
    await upstream.start()
    try:
        yield upstream
    finally:
        await upstream.stop()
