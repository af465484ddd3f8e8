"""Commands to Redis whose refusal is raised, and whose other errors are None."""

from __future__ import annotations

from typing import Any

from redis import exceptions

from mrcore import errors
from mrcore.sources.redis import link


async def ask(client: link.Client, *commands: link.Command) -> list[Any]:
    """All replies of one round trip; None where a key is of a type that is not huey's.

    Raises NotPermitted that names the missing right.
    """
    replies = await client.ask(*commands) if commands else []
    for command, reply in zip(commands, replies, strict=True):
        if isinstance(reply, exceptions.NoPermissionError):
            words = link.needs(reply, str(command[0]))
            raise errors.NotPermitted(f"Redis does not show huey's queues: {words}.")
    return [None if isinstance(reply, Exception) else reply for reply in replies]
