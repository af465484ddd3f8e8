"""Redis' replies (RESP2) out of the bytes as they come: many at once, without a coroutine each.

redis-py's asyncio parser awaits every element of every reply, which is most of the time that a
pipeline of many small replies takes. https://redis.io/docs/latest/develop/reference/protocol-spec
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import hiredis
from redis import exceptions
from redis._parsers import base

CHUNK = 256 * 1024
CLOSED = "Connection closed by server."

_NOT_WHOLE = object()


class Replies:
    """What comes on one connection: a byte is read once, whoever asks for the reply it is of."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self.stream = stream
        self._parser = hiredis.Reader(
            protocolError=exceptions.InvalidResponse, replyError=_error, notEnoughData=_NOT_WHOLE
        )

    async def read(self, count: int) -> list[Any]:
        """The next `count` replies: bytes, int, None, lists of them, or the error answered.

        Raises redis' ConnectionError where the server went away, or says that it does or that it
        loads, and InvalidResponse for what is no reply.
        """
        found: list[Any] = []
        try:
            while len(found) < count:
                found.append(await self._next())
        except exceptions.ConnectionError:
            _raise_said(found)  # why it went away comes before its end
            raise
        _raise_said(found)
        return found

    async def follow(self) -> AsyncIterator[Any]:
        """Each reply as it comes, on a connection that is told things without asking.

        Raises redis' ConnectionError where the server went away.
        """
        while True:
            yield await self._next()

    async def _next(self) -> Any:
        while (reply := self._parser.gets()) is _NOT_WHOLE:
            data = await self.stream.read(CHUNK)
            if not data:
                raise exceptions.ConnectionError(CLOSED)
            self._parser.feed(data)
        return reply


def _raise_said(found: list[Any]) -> None:
    for reply in found:
        if isinstance(reply, exceptions.ConnectionError):
            raise reply


def _error(text: str) -> Exception:
    said: Exception = base.BaseParser.parse_error(text)  # type: ignore[no-untyped-call]
    return said
