"""Redis' replies are the same however they come in pieces."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from redis import exceptions

from mrcore.sources.redis import replies

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
    reading = asyncio.ensure_future(replies.read(stream, count))
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
