"""One question to the board, and what it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import JsonValue

from mrcore import client, errors
from mrcore.mentor.board import names, problem
from mrcore.model import queue, ref, wire


class Answer(NamedTuple):
    """Status and JSON; a 204 has no body."""

    status: int = 200
    body: JsonValue = None


NOTHING: JsonValue = {}
"""What Bull Board answers when it has done something and has nothing to tell."""


@dataclass(frozen=True)
class Call:
    """`parts` are the parameters of the path, `login` is who asks by Basic Auth."""

    core: client.CoreClient
    login: str
    parts: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    body: JsonValue = None

    async def names(self) -> names.Names:
        """All queues as they are now."""
        return names.Names(await self.core.live())

    async def queue(self) -> queue.Queue:
        """The queue of the path. Raises Problem 404."""
        return (await self.names()).find(self.parts[0])

    async def job(self) -> wire.Detail:
        """The job of the path. Raises Problem 404."""
        of = await self.queue()
        return await detail(self.core, of, self.parts[1])


async def detail(core: client.CoreClient, of: queue.Queue, job_id: str) -> wire.Detail:
    """A job of a queue in full. Raises Problem 404."""
    source = ref.source_of(of.ref)
    owner = ref.parse(of.ref).ids[0]
    try:
        found = await core.detail(ref.make(source, "job", owner, job_id))
    except errors.NotFound:
        raise problem.Problem(404, "JOB_NOT_FOUND") from None
    job_of(found)
    return found


def job_of(found: wire.Detail) -> queue.Job:
    """The job of a detail. Raises Problem 404."""
    if not isinstance(found.entity, queue.Job):
        raise problem.Problem(404, "JOB_NOT_FOUND")
    return found.entity
