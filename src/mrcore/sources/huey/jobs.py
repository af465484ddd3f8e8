"""Pages of jobs: by state, filtered, newest or oldest first, from where the last page ended.

A cursor is JSON: the state, then the score and the id of the last row (in huey's own list: how many
rows were looked at). It goes on after that row even when rows have come and gone before it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from mrcore import errors
from mrcore.journal import heads
from mrcore.model import plans, queue, wire
from mrcore.sources.engine import asking as replies
from mrcore.sources.engine import walking
from mrcore.sources.huey import asking, discover, reading, trimming
from mrcore.sources.redis import link

ORDER = ("active", "failed", "waiting", "delayed", "quarantined", "completed")
"""The states in which a page without one goes through them."""

CHUNK, SEARCHED = 300, 100
SEARCHED_FIRST = 20
"""Jobs that are read at once; where payloads are searched few, more while they are small."""

_QUICK_S = 0.01
TIME_PREFIX = 8  # bytes that PriorityRedisHuey puts before a message


class Jobs:
    """Reads the jobs of one source's queues."""

    def __init__(self, reader: reading.Reader) -> None:
        self.read = reader.read
        self.limits = reader.limits
        self.maker = reader.maker
        self.root = reader.root

    async def page(
        self,
        client: link.Client,
        place: discover.Place,
        query: plans.Query,
        cursor: str | None,
        now: datetime,
    ) -> wire.Page:
        """One page; it returns within 250 ms with what it has.

        Raises Unsupported for a state that there is not, NotFound for a cursor that is not ours,
        BadRequest for what is no filter.
        """
        those = states(place, query.state)
        page = await walking.through(
            walking.Walk(query, now),
            those,
            cursor,
            lambda: self.total(client, place, those),
            lambda spot, walk: self._state(client, place, spot, walk),
        )
        found = [row for row in page.rows if isinstance(row, queue.Job)]
        rows = await trimming.dated(client, self.root.queue(place.name), found, now)
        return page.model_copy(update={"rows": tuple(rows)})

    async def total(self, client: link.Client, place: discover.Place, states: Sequence[str]) -> int:
        counts = await asking.ask(client, *(self._count(place, state) for state in states))
        return sum(count for count in counts if isinstance(count, int))

    def _count(self, place: discover.Place, state: str) -> link.Command:
        if state == "waiting":
            return place.waiting
        if state == "delayed":
            return "ZCARD", place.schedule
        return "ZCARD", self.root.queue(place.name).state(state)

    async def _state(
        self, client: link.Client, place: discover.Place, spot: walking.Spot, walk: walking.Walk
    ) -> walking.Spot | None:
        """Walk through one state; where to go on in it, or None at its end."""
        if spot.state in ("waiting", "delayed"):
            known = ("ZCARD", self.root.queue(place.name).state(spot.state))
            truth, journal = await asking.ask(client, self._count(place, spot.state), known)
            if spot.skipped >= 0 or truth != journal:
                return await self._messages(client, place, spot, walk)
        return await self._recorded(client, place, spot, walk)

    async def _recorded(
        self, client: link.Client, place: discover.Place, spot: walking.Spot, walk: walking.Walk
    ) -> walking.Spot | None:
        """Jobs that the journal has in this state."""
        zset = self.root.queue(place.name).state(spot.state)
        newest = walk.query.order != "oldest"
        start = await walking.rank(asking.ask, client, zset, spot, newest=newest)
        searched = SEARCHED_FIRST
        while not walk.full():
            began = time.perf_counter()
            size = self._size(walk, searched)
            command = "ZREVRANGE" if newest else "ZRANGE"
            (reply,) = await asking.ask(
                client, (command, zset, start, start + size - 1, "WITHSCORES")
            )
            pairs = replies.scored(reply)
            ids = [member for member, _ in pairs]
            jobs = await self.read(client, place.name, ids, payload=bool(walk.query.text))
            for job_id, (_, score) in zip(ids, pairs, strict=True):
                if job_id in jobs:
                    await walk.take(*jobs[job_id])
                spot = walking.Spot(spot.state, score, job_id)
                if walk.leaves():
                    break
            start += len(pairs)
            searched = _more(searched, began)
            if len(pairs) < size:
                return None if not pairs or spot.job_id == ids[-1] else spot
        return spot

    def _size(self, walk: walking.Walk, searched: int) -> int:
        """How many are read at once."""
        if walk.query.text:
            return searched
        return CHUNK if walk.filters else walk.query.limit - len(walk.found)

    async def _messages(
        self, client: link.Client, place: discover.Place, spot: walking.Spot, walk: walking.Walk
    ) -> walking.Spot | None:
        """Jobs as huey has them: some of them came from producers that are not watched."""
        state = queue.JobState(spot.state)
        at = max(spot.skipped, 0)
        searched = SEARCHED_FIRST
        while not walk.full():
            began = time.perf_counter()
            size = min(searched, self._size(walk, searched))
            first, last = at, at + size - 1
            oldest = walk.query.order == "oldest"
            ranked = place.ranked and state is queue.JobState.WAITING
            command = portion(place, state, first, last, oldest=oldest)
            (reply,) = await asking.ask(client, command)
            messages = reply if isinstance(reply, list) else []
            if ranked:
                messages = [message[TIME_PREFIX:] for message in messages]
            elif oldest and state is queue.JobState.WAITING:
                messages = messages[::-1]
            bare = [
                self.maker.unjournalled(place.name, message, state, ranked=ranked)
                for message in messages
            ]
            ids = [_known_as(row, message) for row, message in zip(bare, messages, strict=True)]
            known = await self.read(client, place.name, ids, payload=bool(walk.query.text))
            for job_id, row in zip(ids, bare, strict=True):
                at += 1
                await walk.take(*known.get(job_id, (row, None)))
                if walk.leaves():
                    break
            searched = _more(searched, began)
            if len(messages) < size:
                return None if at == first + len(messages) else _at(spot, at)
        return _at(spot, at)


def _known_as(row: queue.Job, message: bytes) -> str:
    """The id under which the journal may have the job of a message."""
    return (heads.begins(message) if row.verdict.code == "unreadable" else "") or row.id


def states(place: discover.Place, state: str) -> tuple[str, ...]:
    if state and state not in ORDER:
        raise errors.Unsupported(
            f"huey has no jobs that are {state}.", fix=f"It has {', '.join(ORDER)}."
        )
    if not place.journalled and state not in ("", "waiting", "delayed"):
        raise errors.Unsupported(
            f"Which jobs of {place.name} are {state} cannot be seen: {discover.NO_JOURNAL}.",
            fix="Call journal.watch(huey) in its producers and consumers.",
        )
    return (state,) if state else (ORDER if place.journalled else ("waiting", "delayed"))


def portion(
    place: discover.Place, state: queue.JobState, first: int, last: int, *, oldest: bool
) -> link.Command:
    """The command for some of huey's messages."""
    if state is queue.JobState.DELAYED or place.ranked:
        key = place.schedule if state is queue.JobState.DELAYED else place.list
        return ("ZRANGE" if oldest else "ZREVRANGE", key, first, last)
    return ("LRANGE", place.list, *((-last - 1, -first - 1) if oldest else (first, last)))


def _more(searched: int, began: float) -> int:
    """How many are read at once next: more as long as they are read quickly."""
    quick = time.perf_counter() - began < _QUICK_S
    return min(SEARCHED, searched * 2) if quick else SEARCHED_FIRST


def _at(spot: walking.Spot, skipped: int) -> walking.Spot:
    return walking.Spot(spot.state, skipped=skipped)
