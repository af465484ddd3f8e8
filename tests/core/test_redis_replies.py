"""Redis' replies are the same however they come in pieces."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from redis import exceptions

from mrcore.sources.redis import connection, replies
from tests import waiting

values = st.recursive(
    st.none() | st.binary(max_size=20) | st.integers(-(2**63), 2**63 - 1),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


def written(value: Any) -> bytes:
    """As a server writes it."""
    match value:
        case None:
            return b"$-1\r\n"
        case bytes():
            return b"$%d\r\n%s\r\n" % (len(value), value)
        case int():
            return b":%d\r\n" % value
    return b"*%d\r\n" % len(value) + b"".join(map(written, value))


async def come(pieces: list[bytes], count: int) -> list[Any]:
    """Read what comes in these pieces, each after the one before was taken."""
    stream = asyncio.StreamReader()
    reading = asyncio.ensure_future(replies.Replies(stream).read(count))
    for piece in pieces:
        await asyncio.sleep(0)
        if piece:
            stream.feed_data(piece)
            await asyncio.sleep(0)
    stream.feed_eof()
    return await reading


@hypothesis.given(st.lists(values, min_size=1, max_size=5), st.data())
async def test_what_was_written_is_read(told: list[Any], data: st.DataObject) -> None:
    whole = b"".join(map(written, told))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    edges = [0, *cuts, len(whole)]
    pieces = [whole[a:b] for a, b in itertools.pairwise(edges)]
    assert await come(pieces, len(told)) == told


async def test_errors_are_values_but_for_a_lost_connection() -> None:
    refused, fine, nothing = await come([b"-NOPERM no\r\n+OK\r\n*-1\r\n"], 3)
    assert isinstance(refused, exceptions.NoPermissionError)
    assert (fine, nothing) == (b"OK", None)
    for pieces in ([b"-ERR max number of clients reached\r\n"], [b"$5\r\nabc"], [b""]):
        with pytest.raises(exceptions.ConnectionError):
            await come(pieces, 1)
    with pytest.raises(exceptions.InvalidResponse):
        await come([b"?what\r\n"], 1)


@contextlib.asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[connection.Client]:
    """A connection to what answers each question with the next of these, a line at a time."""
    left, over = list(answers), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left and await reader.read(4096):
            for line in left.pop(0).splitlines(keepends=True):
                writer.write(line)
                await writer.drain()
                await asyncio.sleep(0)
        with contextlib.suppress(ConnectionError):
            await reader.read()
            writer.close()
            await writer.wait_closed()
        over.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = await connection.connect({"host": "127.0.0.1", "port": port})
        try:
            yield client
        finally:
            await client.close()
            await over.wait()


async def test_an_error_that_ends_a_question_leaves_no_reply_to_the_next() -> None:
    async with answering(b"-LOADING wait\r\n" * 3, b":7\r\n") as client:
        with pytest.raises(exceptions.BusyLoadingError):
            await client.ask(("PING",), ("PING",), ("PING",))
        assert not client.lost
        assert await client.ask(("DBSIZE",)) == [7]


async def test_a_connection_whose_replies_were_not_all_read_is_lost() -> None:
    async with answering(b":1\r\n?what\r\n:3\r\n") as client:
        with pytest.raises(exceptions.InvalidResponse):
            await client.ask(("PING",), ("PING",), ("PING",))
        assert client.lost
    async with answering(b":1\r\n") as client:
        asked = asyncio.ensure_future(client.ask(("PING",), ("PING",)))
        await waiting.until(lambda: client._replies, what="it has been asked")
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert client.lost


async def test_what_comes_behind_an_answer_is_not_lost() -> None:
    async with answering(b":1\r\n:2\r\n") as client:
        assert await client.ask(("SUBSCRIBE", "c")) == [1]
        assert await anext(client.follow()) == 2
