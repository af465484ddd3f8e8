"""Redis' replies (RESP2) out of the bytes as they come: many at once, without a coroutine each.

redis-py's asyncio parser awaits every element of every reply, which is most of the time that a
pipeline of many small replies takes. https://redis.io/docs/latest/develop/reference/protocol-spec
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from redis import exceptions
from redis._parsers import base

CHUNK = 256 * 1024
BULK, ARRAY, INTEGER, STATUS, ERROR = b"$*:+-"
CLOSED = "Connection closed by server."


class _Incomplete(Exception):
    """More bytes have to come."""


async def read(stream: asyncio.StreamReader, count: int) -> list[Any]:
    """The next `count` replies: bytes, int, None, lists of them, or the error that was answered.

    Raises redis' ConnectionError where the server went away, or says that it does.
    """
    replies: list[Any] = []
    buffer, start = bytearray(), 0
    while len(replies) < count:
        try:
            reply, start = _parse(buffer, start)
        except _Incomplete:
            del buffer[:start]  # what is not whole yet is looked at anew with what comes
            start = 0
            data = await stream.read(CHUNK)
            if not data:
                raise exceptions.ConnectionError(CLOSED) from None
            buffer += data
            continue
        if isinstance(reply, exceptions.ConnectionError):
            raise reply
        replies.append(reply)
    return replies


async def follow(stream: asyncio.StreamReader) -> AsyncIterator[Any]:
    """Each reply as it comes, on a connection that is told things without asking.

    Raises redis' ConnectionError where the server went away.
    """
    buffer, start = bytearray(), 0
    while True:
        try:
            reply, start = _parse(buffer, start)
        except _Incomplete:
            del buffer[:start]
            start = 0
            data = await stream.read(CHUNK)
            if not data:
                raise exceptions.ConnectionError(CLOSED) from None
            buffer += data
            continue
        yield reply


def _parse(buffer: bytearray, at: int) -> tuple[Any, int]:
    """The reply that begins there, and where the next one does."""
    end = buffer.find(b"\r\n", at)
    if end < 0:
        raise _Incomplete
    kind, after = buffer[at], end + 2
    if kind == BULK:
        size = int(buffer[at + 1 : end])
        if size < 0:
            return None, after
        if len(buffer) < after + size + 2:
            raise _Incomplete
        return bytes(buffer[after : after + size]), after + size + 2
    if kind == ARRAY:
        return _array(buffer, int(buffer[at + 1 : end]), after)
    return _line(kind, bytes(buffer[at + 1 : end])), after


def _array(buffer: bytearray, size: int, at: int) -> tuple[list[Any] | None, int]:
    if size < 0:
        return None, at
    items = []
    for _ in range(size):
        item, at = _parse(buffer, at)
        items.append(item)
    return items, at


def _line(kind: int, words: bytes) -> Any:
    if kind == INTEGER:
        return int(words)
    if kind == STATUS:
        return words
    if kind == ERROR:
        text = words.decode("utf-8", "replace")
        return base.BaseParser.parse_error(text)  # type: ignore[no-untyped-call]
    raise exceptions.InvalidResponse(f"Redis began a reply with {bytes([kind])!r}.")
