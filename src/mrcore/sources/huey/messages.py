"""Finding the messages of jobs in huey's own list and schedule, which know no ids."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from mrcore.journal import reader, scripts
from mrcore.sources.huey import asking
from mrcore.sources.redis import link

PORTION = 500
"""Messages in one round trip: a few ms of Redis, however long they are."""


class Found(NamedTuple):
    """A message; `side` is the end of the list it is nearer to, as LREM counts: 1 or -1.

    `depth` is how many items lie between it and that end, at most.
    """

    message: bytes
    side: int
    depth: int = 0


class Search(NamedTuple):
    """Messages by job id; how many there are in all, whether some do not say whose."""

    found: dict[str, Found]
    total: int
    nameless: bool


async def find(
    client: link.Client, at: scripts.Place, state: str, wanted: Collection[str]
) -> Search:
    """The messages of waiting or delayed jobs by id.

    It looks from both ends at once, as what is wanted is mostly the oldest or the newest; twice,
    since messages move while it looks.
    """
    found: dict[str, Found] = {}
    total, nameless = 0, False
    for _ in range(2):
        (count,) = await asking.ask(client, _count(at, state))
        total = count if isinstance(count, int) else 0
        for start in range(0, total // 2 + 1, PORTION):
            missing = set(wanted) - found.keys()
            if not missing:
                return Search(found, total, nameless)
            ends = [_portion(at, state, start, side) for side in (1, -1)]
            for side, messages in zip((1, -1), await asking.ask(client, *ends), strict=True):
                for message in messages or ():
                    job_id = _id(message, missing)
                    nameless = nameless or not job_id
                    if job_id in missing:
                        depth = start + PORTION if state == "waiting" else 0
                        found.setdefault(job_id, Found(message, side, depth))
    return Search(found, total, nameless)


def _count(at: scripts.Place, state: str) -> link.Command:
    return ("LLEN", at.waiting) if state == "waiting" else ("ZCARD", at.schedule)


def _portion(at: scripts.Place, state: str, start: int, side: int) -> link.Command:
    first, last = start, start + PORTION - 1
    if state == "delayed":
        return ("ZRANGE" if side == 1 else "ZREVRANGE", at.schedule, first, last)
    return ("LRANGE", at.waiting, *((first, last) if side == 1 else (-last - 1, -first - 1)))


def _id(message: bytes, wanted: Collection[str]) -> str:
    """The id of a message; '' where it cannot be told. Not made sure of if not wanted."""
    hint = reader.hint(message)
    if hint and hint not in wanted:
        return hint
    try:
        return reader.read(message).id
    except reader.Unreadable:  # too large, most of all
        return reader.begins(message)
