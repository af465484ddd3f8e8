"""Workers: BullMQ's connections have names, so one CLIENT LIST shows them all. Pure, but Staff.

A worker of BullMQ 5 and 6 is called `<prefix>:<base64 of the queue>` or, with a name of its own,
`…:w:<name>`; one of 3 and 4 ends with `:w`. Readers of events end with `:qe`.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from redis import exceptions

from mrcore.model import base, queue, ref
from mrcore.sources.bullmq import places
from mrcore.sources.redis import link

EVERY = timedelta(seconds=5)
"""How often clients are listed: with a thousand of them that is 300 KB."""

NEEDS = "workers: unknown: needs +client|list"
_MOST = 1_000


class Hand(NamedTuple):
    """A worker's connection."""

    id: str
    queue: str
    name: str
    addr: str
    since: datetime
    server: str = ""

    @property
    def host(self) -> str:
        return self.addr.rpartition(":")[0]


class Staff:
    """The workers of one Redis, asked for every 5 s; None where Redis does not tell."""

    def __init__(self) -> None:
        self.hands: list[Hand] | None = None
        self._asked_at: datetime | None = None
        self._since: dict[str, datetime] = {}

    async def ask(
        self, client: link.Client, known: Sequence[places.Place], now: datetime
    ) -> list[Hand] | None:
        """Those of the known queues, as of at most 5 s ago."""
        if self._asked_at is None or now - self._asked_at >= EVERY:
            (reply,) = await client.ask(("CLIENT", "LIST"))
            if isinstance(reply, exceptions.NoPermissionError) or not isinstance(reply, bytes):
                self.hands = None
            else:
                names = {called(place): place.shown for place in known}
                hands = list(self._read(reply, names, now))
                self.hands = fullest(hands) if client.is_cluster else hands
            self._asked_at = now
        return self.hands

    def doubt(self) -> None:
        """Ask again: a queue is new."""
        self._asked_at = None

    def _read(self, reply: bytes, names: Mapping[str, str], now: datetime) -> Iterator[Hand]:
        since: dict[str, datetime] = {}
        for line in reply.decode("utf-8", "replace").splitlines():
            words = dict(word.partition("=")[::2] for word in line.split(" "))
            head, named, name = words.get("name", "").partition(":w")
            if head not in names or (named and name and not name.startswith(":")):
                continue
            if len(since) >= _MOST:
                break
            number, server = words.get("id", ""), words.get("laddr", "")
            age_s = int(words["age"]) if words.get("age", "").isdigit() else 0
            own = f"{number}@{server}"  # each server of a Cluster counts by itself
            since[own] = self._since.get(own) or now - timedelta(seconds=age_s)
            yield Hand(number, names[head], name[1:], words.get("addr", ""), since[own], server)
        self._since = since


def fullest(hands: Sequence[Hand]) -> list[Hand]:
    """Of each queue those at the server where it has most: a worker connects to all of them."""
    counts = Counter((hand.queue, hand.server) for hand in hands)
    best: dict[str, str] = {}
    for (name, server), count in sorted(counts.items()):
        if name not in best or count > counts[name, best[name]]:
            best[name] = server
    return [hand for hand in hands if best[hand.queue] == hand.server]


def called(place: places.Place) -> str:
    """What a queue's workers without a name are called in CLIENT LIST."""
    return f"{place.prefix}:{base64.b64encode(place.name.encode()).decode()}"


class Doing(NamedTuple):
    """A job in a worker's hands, and its name."""

    of: base.Ref
    name: str


def entities(
    source: str, hands: Sequence[Hand], busy: Mapping[tuple[str, str], Sequence[Doing]]
) -> list[queue.Worker]:
    """A worker a connection; `busy` are the jobs of a queue and worker's name.

    Two of one name in one queue are told apart by their addresses; a job says only the name.
    """
    names = Counter((hand.queue, hand.name) for hand in hands if hand.name)
    everywhere = Counter(hand.name for hand in hands)
    found = []
    for hand in hands:
        at_work = names[hand.queue, hand.name] == 1
        doing = busy.get((hand.queue, hand.name), ()) if at_work else ()
        alone = bool(hand.name) and everywhere[hand.name] == 1
        found.append(
            queue.Worker(
                ref=ref.make(source, "worker", hand.name if alone else _told(hand)),
                engine="bullmq",
                name=hand.name or hand.addr,
                queues=(hand.queue,),
                host=hand.host,
                started_at=hand.since,
                busy_with=tuple(one.of for one in doing),
                does=tuple(one.name for one in doing),
            )
        )
    return found


def _told(hand: Hand) -> str:
    return f"{hand.name}@{hand.addr}#{hand.id}" if hand.name else f"{hand.addr}#{hand.id}"
