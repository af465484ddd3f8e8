"""Finding the messages of jobs in huey's own list and schedule, which know no ids."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from mrcore.journal import heads, reader, scripts
from mrcore.sources.huey import asking
from mrcore.sources.redis import link

MOST = 500
"""Messages in one round trip, from each end: a few ms of Redis."""
FIRST = 10
"""So many at first, before it is known how long they are."""
BYTES = 1 << 20
"""What one round trip should bring, about: copying it takes Redis a few ms."""
_BESIDE = 20
"""How far from the place that its age says a message is looked for."""


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

    It looks where their age puts them; then from both ends at once, as what is wanted is mostly
    the oldest or the newest, and twice, since messages move while it looks.
    """
    looking = _Looking(client, at, state, frozenset(wanted))
    await looking.by_age()
    for _ in range(2):
        if looking.missing:
            await looking.from_both_ends()
    return Search(looking.found, looking.total, looking.nameless)


class _Looking:
    """What has been found, and how many messages the next round trip may bring."""

    def __init__(
        self, client: link.Client, at: scripts.Place, state: str, wanted: frozenset[str]
    ) -> None:
        self.found: dict[str, Found] = {}
        self.missing = set(wanted)
        self.total = 0
        self.nameless = False
        self._client = client
        self._at = at
        self._state = state
        self._size = FIRST

    async def by_age(self) -> None:
        """Look beside the place of each, as far as the journal knows it."""
        ranked = self._at.queue.state(self._state)
        ranks = (("ZRANK", ranked, job_id) for job_id in self.missing)
        count = _count(self._at, self._state)
        total, *places = await asking.ask(self._client, count, *ranks)
        self.total = total or 0
        side = -1 if self._state == "waiting" else 1  # the end of the list is taken next
        for first, last in _windows(sorted(p for p in places if p is not None)):
            start = first
            while start <= last and self.missing:
                end = min(last, start + self._size - 1)
                portion = _portion(self._at, self._state, start, end, side)
                (messages,) = await asking.ask(self._client, portion)
                self._take(messages, side, end + 1)
                start = end + 1

    async def from_both_ends(self) -> None:
        """Look at all, until nothing is missing."""
        (total,) = await asking.ask(self._client, _count(self._at, self._state))
        self.total = total or 0
        start = 0
        while start <= self.total // 2 and self.missing:
            end = start + self._size - 1
            ends = [_portion(self._at, self._state, start, end, side) for side in (1, -1)]
            for side, messages in zip((1, -1), await asking.ask(self._client, *ends), strict=True):
                self._take(messages, side, end + 1)
            start = end + 1

    def _take(self, messages: list[bytes] | None, side: int, depth: int) -> None:
        """Keep what is wanted of messages that lie at most so deep from that end."""
        if not messages:
            return
        mean = sum(map(len, messages)) // len(messages) + 1
        self._size = max(1, min(MOST, 2 * self._size, BYTES // mean))
        for message in messages:
            job_id = _id(message, self.missing)
            self.nameless = self.nameless or not job_id
            if job_id in self.missing:
                self.missing.discard(job_id)
                self.found[job_id] = self._placed(message, side, depth)

    def _placed(self, message: bytes, side: int, depth: int) -> Found:
        if self._state != "waiting":
            return Found(message, side)
        behind = self.total - depth + self._size
        return Found(message, side, depth) if depth <= behind else Found(message, -side, behind)


def _windows(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """From where to where to look for what is at these places, in their order."""
    first = last = -1
    for place in places:
        if first >= 0 and place - _BESIDE > last + 1:
            yield first, last
            first = -1
        first = max(0, place - _BESIDE) if first < 0 else first
        last = place + _BESIDE
    if first >= 0:
        yield first, last


def _count(at: scripts.Place, state: str) -> link.Command:
    return ("LLEN", at.waiting) if state == "waiting" else ("ZCARD", at.schedule)


def _portion(at: scripts.Place, state: str, first: int, last: int, side: int) -> link.Command:
    if state == "delayed":
        return ("ZRANGE" if side == 1 else "ZREVRANGE", at.schedule, first, last)
    return ("LRANGE", at.waiting, *((first, last) if side == 1 else (-last - 1, -first - 1)))


def _id(message: bytes, wanted: Collection[str]) -> str:
    """The id of a message; '' where it cannot be told. Not made sure of if not wanted."""
    hint = heads.hint(message)
    if hint and hint not in wanted:
        return hint
    try:
        return reader.read(message).id
    except reader.Unreadable:  # too large, most of all
        return heads.begins(message)
