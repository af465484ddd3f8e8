"""Which queues there are: those of the journal, and huey's own lists found by a slow SCAN."""

from __future__ import annotations

import asyncio
import operator
import re
from collections.abc import Collection
from dataclasses import dataclass

from mrcore import errors
from mrcore.journal import keys
from mrcore.sources import kept
from mrcore.sources.huey import asking
from mrcore.sources.redis import link

LIST = "huey.redis."
SCHEDULE = "huey.schedule."
PAUSE_S = 0.1
ROUND_S = 60.0
_COUNT = 200
_MOST = 1_000

NO_JOURNAL = "no journal: active, failed and completed jobs and workers cannot be seen"


@dataclass(frozen=True)
class Place:
    """Where a queue is: huey's list and schedule, and whether it has a journal.

    Waiting jobs of a PriorityRedisHuey are a sorted set (`ranked`), those of others a list.
    """

    name: str
    list: str
    schedule: str
    journalled: bool = True
    ranked: bool = False

    @property
    def waiting(self) -> link.Command:
        """The command that counts waiting jobs."""
        return ("ZCARD" if self.ranked else "LLEN", self.list)


def guess(name: str, *, journalled: bool) -> Place:
    """Where huey puts a queue of that name unless it is told otherwise."""
    clean = re.sub("[^A-Za-z0-9_]", "", name)
    return Place(name, LIST + clean, SCHEDULE + clean, journalled)


class Found:
    """The queues known so far; `only` limits them, at most 1,000 are kept."""

    def __init__(self, only: Collection[str]) -> None:
        self._only = frozenset(only)
        self._journalled: dict[str, Place] = {}
        self._plain: dict[str, Place] = {}

    def places(self) -> list[Place]:
        """Journalled queues, then plain ones whose list no journalled one has; by name."""
        taken = {place.list for place in self._journalled.values()}
        plain = [place for place in self._plain.values() if place.list not in taken]
        found = [*self._journalled.values(), *plain]
        return sorted(found, key=lambda place: (not place.journalled, place.name))[:_MOST]

    def get(self, name: str) -> Place | None:
        """A queue by its name."""
        return self._journalled.get(name) or self._plain.get(name)

    def wanted(self, name: str) -> bool:
        """Whether the settings want this queue."""
        return not self._only or name in self._only

    def journal(self, names: Collection[str]) -> None:
        """The names that the journal has now."""
        old = self._journalled
        self._journalled = {
            name: old.get(name) or guess(name, journalled=True)
            for name in names
            if self.wanted(name)
        }

    def learn(self, place: Place) -> None:
        """What a queue's meta says of it."""
        if self.wanted(place.name):
            self._journalled[place.name] = place

    def plain(self, key: str, kind: bytes) -> None:
        """A list or schedule of huey has been seen, of that TYPE; an empty one is remembered."""
        for prefix in (LIST, SCHEDULE):
            name = key.removeprefix(prefix)
            if name == key or not self.wanted(name) or len(self._plain) >= _MOST:
                continue
            old = self._plain.get(name)
            ranked = kind == b"zset" if prefix == LIST else bool(old and old.ranked)
            self._plain[name] = Place(
                name, LIST + name, SCHEDULE + name, journalled=False, ranked=ranked
            )

    def capabilities(self) -> tuple[str, ...]:
        """`journal` where there is one, and what is missing where a queue has none."""
        places = self.places()
        with_ = any(place.journalled for place in places)
        without = any(not place.journalled for place in places)
        return (("journal",) if with_ else ()) + ((NO_JOURNAL,) if without else ())


async def place(client: link.Client, root: keys.Root, found: Found, name: str) -> Place | None:
    """Where a queue is, asked anew if it is not known yet, or not known to have a journal."""
    known = found.get(name)
    if (known is None or not known.journalled) and found.wanted(name):
        (replies,) = await asking.ask(client, ("HMGET", root.queue(name).meta, "list", "schedule"))
        if isinstance(replies, list) and replies[0] and replies[1]:
            known = Place(name, replies[0].decode(), replies[1].decode())
            found.learn(known)
    return known


async def seek(hand: kept.Kept[link.Client], found: Found) -> None:
    """Look for huey's lists for ever, a few keys at a time, so that nobody notices."""
    cursor = b"0"
    while True:
        try:
            command = ("SCAN", cursor, "MATCH", "huey.*", "COUNT", _COUNT)
            (reply,) = await hand.run(operator.methodcaller("ask", command))
        except errors.SourceError:  # the samples say so; here it is only tried again
            reply = None
        if isinstance(reply, list):
            cursor, names = reply
            for name, kind in zip(names, await _kinds(hand, names), strict=True):
                found.plain(name.decode("utf-8", "replace"), kind)
        else:
            cursor = b"0"
        await asyncio.sleep(ROUND_S if cursor == b"0" else PAUSE_S)


async def _kinds(hand: kept.Kept[link.Client], names: list[bytes]) -> list[bytes]:
    """The TYPE of each key; empty where Redis does not say."""
    commands = [("TYPE", name) for name in names]
    if not commands:
        return []
    try:
        replies = await hand.run(operator.methodcaller("ask", *commands))
    except errors.SourceError:  # as for the SCAN
        return [b""] * len(names)
    return [reply if isinstance(reply, bytes) else b"" for reply in replies]
