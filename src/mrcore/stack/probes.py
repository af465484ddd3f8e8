"""Whether a server answers: the smallest exchange that proves it, without a client library."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable

_PROTOCOL_3 = 196608


async def postgres(port: int, user: str) -> bool:
    """Whether Postgres asks `user` for a password: it does once it takes connections.

    While it starts it answers a StartupMessage with an ErrorResponse (57P03).
    """
    body = struct.pack("!i", _PROTOCOL_3)
    body += b"user\0" + user.encode() + b"\0database\0postgres\0\0"
    return await _ask(port, struct.pack("!i", len(body) + 4) + body) == b"R"


async def valkey(port: int) -> bool:
    """Whether Valkey answers PING: with PONG, or that it wants a password (never LOADING)."""
    answer = await _ask(port, b"PING\r\n", 8)
    return answer.startswith((b"+PONG", b"-NOAUTH"))


async def answered(answers: Callable[[], Awaitable[bool]]) -> bool:
    """True, once it answers; a server's start has no signal of its own, so it is asked for it."""
    while not await answers():  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return True


async def reachable(host: str, port: int) -> bool:
    """Whether anything accepts a connection there within 5 s."""
    try:
        async with asyncio.timeout(5):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def _ask(port: int, question: bytes, size: int = 1) -> bytes:
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(question)
                return await reader.read(size)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError):
        return b""
