"""Failed jobs by fingerprint: the newest 10,000 of a queue, looked at bit by bit and remembered.

A failure is known by its job and its score, so only new failures are read again. A page answers
within 250 ms with what it has; a follow goes on.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

from mrcore import match
from mrcore.model import base, plans, queue, wire
from mrcore.queues import fingerprint, groups
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.engine import asking, walking
from mrcore.sources.redis import link

NEWEST = 10_000
PORTION = 250
"""Jobs that are read in one round trip: 2 to 3 ms of Redis."""

BUDGET_S = 0.2
QUEUES = 32
"""Queues whose failures are remembered."""

AGAIN_S = 1.0
"""How often a follow looks whether something has changed."""

ACTIONS: tuple[base.ActionId, ...] = ("queue.retry", "job.remove", "job.quarantine")
P = TypeVar("P")
Q = TypeVar("Q", contravariant=True)
Pair = tuple[str, str]
"""A job's id and its score, as it is written."""


class Failure(NamedTuple):
    """A failed job: what is counted of it."""

    print: fingerprint.Print
    name: str
    at: datetime | None


class Failures(Protocol[Q]):
    """How one engine keeps what has failed."""

    engine: str
    ask: asking.Ask

    def where(self, place: Q) -> tuple[str, str]:
        """The name of a queue and its sorted set of failed jobs.

        Raises Unsupported where they cannot be seen.
        """
        ...

    def offered(self, place: Q) -> tuple[base.ActionId, ...]:
        """What a login may do to jobs of that queue."""
        ...

    async def read(
        self, client: link.Client, place: Q, some: Sequence[Pair]
    ) -> Mapping[str, Failure]:
        """Failures by job id; what has gone meanwhile is not among them."""
        ...


@dataclass
class _Heap:
    """What is known of one queue's failed jobs, newest first."""

    total: int = 0
    order: list[Pair] = field(default_factory=list)
    known: dict[Pair, Failure | None] = field(default_factory=dict)
    left: list[Pair] = field(default_factory=list)
    tally: groups.Tally | None = None
    """Of all that are known, while no job has left: what is read is added to it."""

    def ties(self) -> int:
        """How many are as new as the newest."""
        return sum(score == self.order[0][1] for _, score in self.order) if self.order else 0


class Groups(Generic[P]):
    """Groups the failed jobs of one source's queues."""

    def __init__(
        self,
        source: str,
        hand: kept.Kept[link.Client],
        failures: Failures[P],
        now: source_base.Now,
    ) -> None:
        self._source = source
        self._hand = hand
        self._failures = failures
        self._now = now
        self._heaps: dict[str, _Heap] = {}

    async def page(
        self, place: P, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        """The commonest groups; with a follow's cursor once they are others, or more is known.

        Raises Unsupported where failures cannot be seen, NotFound for a cursor that is not ours,
        BadRequest for what is no filter.
        """
        self._failures.where(place)
        keep, skip, seen = match.of(query.text), *_load(cursor)
        until = time.monotonic() + wait_s
        while True:
            heap = await self._look(place)
            found = self._rows(place, heap, query, keep)
            page = _page(heap, found, query, skip, self._now(), follows=wait_s > 0)
            if not wait_s or page.cursor != seen:
                return page
            if time.monotonic() >= until:
                return page.model_copy(update={"rows": ()})
            if not heap.left:
                await asyncio.sleep(min(AGAIN_S, max(0.0, until - time.monotonic())))

    async def group(self, place: P, known: str) -> queue.FailureGroup | None:
        """One group, if the newest failures have it; all of them are looked at."""
        heap = await self._look(place)
        while heap.left:
            heap = await self._look(place)
        found = self._rows(place, heap, plans.Query(fingerprint=known), match.of(""))
        return found[0] if found else None

    async def _look(self, place: P) -> _Heap:
        """Go on looking for 200 ms at most."""
        name, zset = self._failures.where(place)
        heap = self._heaps.pop(name, None) or _Heap()
        self._heaps[name] = heap  # the last one used is the last one dropped
        while len(self._heaps) > QUEUES:
            del self._heaps[next(iter(self._heaps))]
        until = time.perf_counter() + BUDGET_S
        await self._hand.run(lambda client: self._order(client, zset, heap))
        while heap.left and time.perf_counter() < until:
            await self._hand.run(lambda client: self._read(client, place, heap))
        return heap

    async def _order(self, client: link.Client, zset: str, heap: _Heap) -> None:
        """Which jobs have failed: only the new ones are asked for where that is enough."""
        ask = self._failures.ask
        newest = heap.order[0][1] if heap.order else "-inf"
        total, fresh, tied, at_top = await ask(
            client,
            ("ZCARD", zset),
            ("ZCOUNT", zset, f"({newest}", "+inf"),
            ("ZCOUNT", zset, newest, newest),
            ("ZREVRANGE", zset, 0, 0, "WITHSCORES"),
        )
        total, fresh = asking.whole(total), asking.whole(fresh)
        same = asking.whole(tied) == heap.ties()
        if total == heap.total and same and asking.scored(at_top) == heap.order[:1]:
            return
        only_new = bool(heap.order) and same and total - heap.total == fresh < NEWEST
        size = fresh if only_new else NEWEST
        (reply,) = await ask(client, ("ZREVRANGE", zset, 0, size - 1, "WITHSCORES"))
        found = asking.scored(reply)
        heap.order = [*found, *heap.order][:NEWEST] if only_new else found
        heap.total = total
        heap.tally = None
        there = set(heap.order)
        heap.known = {pair: one for pair, one in heap.known.items() if pair in there}
        heap.left = [pair for pair in heap.order if pair not in heap.known]

    async def _read(self, client: link.Client, place: P, heap: _Heap) -> None:
        """The next portion of those that are not known yet."""
        some, heap.left = heap.left[:PORTION], heap.left[PORTION:]
        read = await self._failures.read(client, place, some)
        found = {pair: read.get(pair[0]) for pair in some}
        heap.known |= found
        if heap.tally is not None:
            _count(heap.tally, found.items())

    def _rows(
        self, place: P, heap: _Heap, query: plans.Query, keep: match.Matches
    ) -> list[queue.FailureGroup]:
        """All groups as they are known now, the commonest first."""
        now, (name, _) = self._now(), self._failures.where(place)
        tally = None if _narrows(query) else heap.tally
        if tally is None:
            tally = groups.Tally(self._source, self._failures.engine, name)
            pairs = ((pair, heap.known.get(pair)) for pair in heap.order)
            _count(tally, ((pair, one) for pair, one in pairs if one and _meant(query, one, now)))
        if not _narrows(query):
            heap.tally = tally
        whole = not heap.left and len(heap.order) == heap.total
        offered = self._failures.offered(place)
        actions = tuple(action for action in ACTIONS if action in offered)
        found = tally.rows(now, NEWEST, whole=whole, actions=actions)
        return [row for row in found if not query.text or keep(_words(row))]


def _count(tally: groups.Tally, read: Iterable[tuple[Pair, Failure | None]]) -> None:
    for (job_id, _), one in read:
        if one is not None:
            tally.count(one.print, job_id, one.name, one.at)


def _narrows(query: plans.Query) -> bool:
    """Whether a query means some of the failed jobs only."""
    some = query.name or query.fingerprint
    return bool(some) or query.younger_s is not None or query.older_s is not None


def _meant(query: plans.Query, one: Failure, now: datetime) -> bool:
    """Whether a query means a failed job."""
    return (
        (not query.name or one.name == query.name)
        and (not query.fingerprint or one.print.id == query.fingerprint)
        and walking.spans(query, one.at, now)
    )


def _words(row: queue.FailureGroup) -> str:
    return f"{row.title} {row.code} {row.frame} {' '.join(row.names)}"


def _page(
    heap: _Heap,
    found: list[queue.FailureGroup],
    query: plans.Query,
    skip: int,
    now: datetime,
    *,
    follows: bool,
) -> wire.Page:
    """Some of the groups; a follow's cursor is what it has seen, else it leads to the next rows."""
    some = tuple(found[skip : skip + query.limit])
    scanned = len(heap.order) - len(heap.left)
    cursor: str | None = None
    if follows:
        told = [(row.fingerprint, row.jobs, str(row.last_at)) for row in some]
        cursor = json.dumps(["seen", hash((heap.total, scanned, tuple(told)))])
    elif skip + query.limit < len(found):
        cursor = json.dumps(["skip", skip + query.limit])
    elif heap.left:
        cursor = json.dumps(["skip", 0])
    looked = wire.Looked(scanned=scanned, total=heap.total, complete=cursor is None)
    return wire.Page(at=now, rows=some, cursor=cursor, looked=looked)


def _load(cursor: str | None) -> tuple[int, str | None]:
    """How many groups to leave out, and the cursor of a follow."""
    if not cursor:
        return 0, None
    try:
        kind, number = json.loads(cursor)
        if kind == "seen" and isinstance(number, int):
            return 0, cursor
        if kind == "skip" and isinstance(number, int) and number >= 0:
            return number, None
    except (ValueError, TypeError):
        pass
    raise walking.nowhere(cursor)
