"""Commands to Redis whose refusal is raised, and whose other errors are None."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from redis import exceptions

from mrcore import errors
from mrcore.sources.redis import link

SLICE = 1_000
"""Commands of one round trip: a few ms of Redis."""


class Ask(Protocol):
    """Asks for one engine: all replies, None for what is not the engine's."""

    async def __call__(self, client: link.Client, *commands: link.Command) -> list[Any]: ...


class Asking:
    """Asks for one engine, whose name refusals have."""

    def __init__(self, engine: str) -> None:
        self._engine = engine

    async def ask(self, client: link.Client, *commands: link.Command) -> list[Any]:
        """All replies; None where a key is of a type that is not the engine's.

        Raises NotPermitted that names the missing right.
        """
        replies: list[Any] = []
        for start in range(0, len(commands), SLICE):
            replies += await client.ask(*commands[start : start + SLICE])
        for command, reply in zip(commands, replies, strict=True):
            if isinstance(reply, exceptions.NoPermissionError):
                words = link.needs(reply, str(command[0]))
                raise errors.NotPermitted(f"Redis does not show {self._engine}'s queues: {words}.")
        return [None if isinstance(reply, Exception) else reply for reply in replies]


def text(value: Any) -> str:
    """A reply as text; '' where there is none."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def whole(value: Any) -> int:
    """A count; 0 where there is none."""
    return value if isinstance(value, int) else 0


def items(value: Any) -> list[Any]:
    """A list; empty where there is none."""
    return value if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """A finite number from a reply, None for what is none."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if found - found == 0 else None


def pairs(value: Any) -> Iterator[tuple[bytes, bytes]]:
    """A flat reply (HGETALL, WITHSCORES) as pairs."""
    flat = items(value)
    return zip(flat[::2], flat[1::2], strict=False)


def scored(value: Any) -> list[tuple[str, str]]:
    """Members of a sorted set with their scores as Redis writes them."""
    return [(text(member), text(score)) for member, score in pairs(value)]
