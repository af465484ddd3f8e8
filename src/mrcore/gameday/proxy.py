"""A TCP proxy that makes a connection bad, with the toxics of toxiproxy by their names.

| toxic | attributes (ms, KB a second, bytes) | what it does to what comes from upstream |
|---|---|---|
| `latency` | `latency`, `jitter` | every part comes so much later |
| `bandwidth` | `rate` | no more than so many KB a second |
| `slow_close` | `delay` | the end is told so much later |
| `timeout` | `timeout` | nothing comes, and after that the connection ends (0: never) |
| `reset_peer` | `timeout` | after that the connection is reset |
| `slicer` | `average_size`, `delay` | in small parts, so many µs apart |
| `limit_data` | `bytes` | after so many the connection ends |
| `down` | | no connection is taken; those that are open are reset |
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import socket
import struct
from collections.abc import Mapping
from typing import Literal, Self

from mrcore import errors

Name = Literal[
    "latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "down"
]

_KNOWN: dict[str, frozenset[str]] = {
    "latency": frozenset({"latency", "jitter"}),
    "bandwidth": frozenset({"rate"}),
    "slow_close": frozenset({"delay"}),
    "timeout": frozenset({"timeout"}),
    "reset_peer": frozenset({"timeout"}),
    "slicer": frozenset({"average_size", "delay"}),
    "limit_data": frozenset({"bytes"}),
    "down": frozenset(),
}
_PART_BYTES = 16 * 1024
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: closing sends RST."""


@dataclasses.dataclass(frozen=True)
class Toxic:
    """One toxic with its attributes."""

    name: Name
    attributes: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, name: Name, attributes: Mapping[str, float]) -> Toxic:
        """A toxic; raises ScenarioError for an attribute that it has not."""
        for key in attributes:
            if key not in _KNOWN[name]:
                known = ", ".join(sorted(_KNOWN[name])) or "none"
                raise errors.ScenarioError(f"{name} has no {key!r}.", fix=f"It has {known}.")
        return cls(name, attributes)

    def get(self, key: str, default: float = 0.0) -> float:
        """An attribute."""
        return float(self.attributes.get(key, default))


class Proxy:
    """Listens on a free loopback `port` and forwards to host:port; `toxics` may change at any
    time, and act on what comes from then on. An async context manager."""

    def __init__(self, host: str, port: int, *, dice: random.Random | None = None) -> None:
        self.toxics: list[Toxic] = []
        self.port = 0
        self._to = (host, port)
        self._dice = dice or random.Random(0)  # noqa: S311 - jitter
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def down(self) -> None:
        """Take no connection, and reset those that are open."""
        self.toxics.append(Toxic("down"))
        for writer in self._open.values():
            _reset(writer)

    def has(self, name: Name) -> Toxic | None:
        """The toxic of that name, if it acts now."""
        return next((toxic for toxic in self.toxics if toxic.name == name), None)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            if self.has("down"):
                _reset(writer)
            else:
                await self._between(reader, writer)
        except (OSError, asyncio.CancelledError):
            return  # one side has gone, or the proxy ends
        finally:
            self._open.pop(task, None)
            writer.close()

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_up, to_up = await asyncio.open_connection(*self._to)
        upward = asyncio.create_task(_copy(reader, to_up))
        resetting = asyncio.create_task(self._reset_later(writer))
        try:
            await self._downward(from_up, writer)
            with contextlib.suppress(OSError):
                writer.write_eof()
            await upward
        finally:
            to_up.close()
            upward.cancel()
            resetting.cancel()
            await asyncio.gather(upward, resetting, return_exceptions=True)

    async def _reset_later(self, writer: asyncio.StreamWriter) -> None:
        if toxic := self.has("reset_peer"):
            await asyncio.sleep(toxic.get("timeout") / 1000)
            _reset(writer)

    async def _downward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """From upstream to who asked, through every toxic."""
        sent = 0
        while part := await reader.read(_PART_BYTES):
            if toxic := self.has("timeout"):
                wait_s = toxic.get("timeout") / 1000
                await (asyncio.sleep(wait_s) if wait_s else asyncio.Future[None]())
                return _reset(writer)
            if toxic := self.has("latency"):
                spread = toxic.get("jitter") * (2 * self._dice.random() - 1)
                await asyncio.sleep(max(0.0, toxic.get("latency") + spread) / 1000)
            limit = self.has("limit_data")
            most = max(0, int(limit.get("bytes")) - sent) if limit else len(part)
            await self._send(writer, part[:most])
            sent += len(part)
            if most <= len(part) and limit:
                return writer.close()
        if toxic := self.has("slow_close"):
            await asyncio.sleep(toxic.get("delay") / 1000)

    async def _send(self, writer: asyncio.StreamWriter, part: bytes) -> None:
        """Write a part as quickly, and in as large pieces, as the toxics allow."""
        slicer, bandwidth = self.has("slicer"), self.has("bandwidth")
        size = max(1, int(slicer.get("average_size", len(part)))) if slicer else len(part)
        for first in range(0, len(part), size):
            piece = part[first : first + size]
            if bandwidth and bandwidth.get("rate"):
                await asyncio.sleep(len(piece) / (bandwidth.get("rate") * 1024))
            writer.write(piece)
            await writer.drain()
            if slicer:
                await asyncio.sleep(slicer.get("delay") / 1_000_000)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(_PART_BYTES):
        writer.write(part)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a host does that knows nothing of it."""
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
