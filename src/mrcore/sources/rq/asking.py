"""Commands to Redis whose refusal is raised, and whose other errors are None."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis import exceptions

from mrcore import errors
from mrcore.sources.redis import link

SLICE = 1_000
"""Commands of one round trip: a few ms of Redis."""


async def ask(client: link.Client, *commands: link.Command) -> list[Any]:
    """All replies; None where a key is of a type that is not RQ's.

    Raises NotPermitted that names the missing right.
    """
    replies: list[Any] = []
    for start in range(0, len(commands), SLICE):
        replies += await client.ask(*commands[start : start + SLICE])
    for command, reply in zip(commands, replies, strict=True):
        if isinstance(reply, exceptions.NoPermissionError):
            words = link.needs(reply, str(command[0]))
            raise errors.NotPermitted(f"Redis does not show RQ's queues: {words}.")
    return [None if isinstance(reply, Exception) else reply for reply in replies]


def text(value: Any) -> str:
    """A reply as text; '' where there is none."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def whole(value: Any) -> int:
    """A count; 0 where there is none."""
    return value if isinstance(value, int) else 0


def some(value: Any) -> list[Any]:
    """A list; empty where there is none."""
    return value if isinstance(value, list) else []


def pairs(value: Any) -> Iterator[tuple[bytes, bytes]]:
    """A flat reply (HGETALL, WITHSCORES) as pairs."""
    items = some(value)
    return zip(items[::2], items[1::2], strict=False)
