"""Commands to Redis whose refusal is raised, and whose other errors are None."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis import exceptions

from mrcore import errors
from mrcore.sources.redis import link


async def ask(client: link.Client, *commands: link.Command) -> list[Any]:
    """All replies of one round trip; None where a key is of a type that is not BullMQ's.

    Raises NotPermitted that names the missing right.
    """
    replies = await client.ask(*commands) if commands else []
    for command, reply in zip(commands, replies, strict=True):
        if isinstance(reply, exceptions.NoPermissionError):
            words = link.needs(reply, str(command[0]))
            raise errors.NotPermitted(f"Redis does not show BullMQ's queues: {words}.")
    return [None if isinstance(reply, Exception) else reply for reply in replies]


def text(value: Any) -> str:
    """A reply as text; what is none is ''."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """A finite number from a reply, None for what is none."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if found - found == 0 else None


def pairs(value: Any) -> Iterator[tuple[bytes, bytes]]:
    """HGETALL's and WITHSCORES' flat replies as pairs."""
    flat = items(value)
    return zip(flat[::2], flat[1::2], strict=False)
