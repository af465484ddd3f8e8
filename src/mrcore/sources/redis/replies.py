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


async def read(stream: asyncio.StreamReader, count: int) -> list[Any]:
    """The next `count` replies: bytes, int, None, lists of them, or the error that was answered.

    Raises redis' ConnectionError where the server went away, or says that it does, and
    InvalidResponse for what is no reply.
    """
    replies: list[Any] = []
    parser = _parser()
    while len(replies) < count:
        reply = parser.gets()
        if reply is _NOT_WHOLE:
            data = await stream.read(CHUNK)
            if not data:
                raise exceptions.ConnectionError(CLOSED)
            parser.feed(data)
            continue
        if isinstance(reply, exceptions.ConnectionError):
            raise reply
        replies.append(reply)
    return replies


async def follow(stream: asyncio.StreamReader) -> AsyncIterator[Any]:
    """Each reply as it comes, on a connection that is told things without asking.

    Raises redis' ConnectionError where the server went away.
    """
    parser = _parser()
    while True:
        reply = parser.gets()
        if reply is _NOT_WHOLE:
            data = await stream.read(CHUNK)
            if not data:
                raise exceptions.ConnectionError(CLOSED)
            parser.feed(data)
            continue
        yield reply


def _parser() -> hiredis.Reader:
    return hiredis.Reader(
        protocolError=exceptions.InvalidResponse, replyError=_error, notEnoughData=_NOT_WHOLE
    )


def _error(text: str) -> Exception:
    said: Exception = base.BaseParser.parse_error(text)  # type: ignore[no-untyped-call]
    return said
