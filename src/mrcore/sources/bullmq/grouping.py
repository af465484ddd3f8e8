"""Failed jobs by fingerprint: the newest 10,000 of a queue, looked at bit by bit and remembered.

A failure is known by its job and when it ended, so only new failures are read again. A page
answers within 250 ms with what it has; a follow goes on.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote

from mrcore import errors, match
from mrcore.model import base, plans, queue, ref, wire
from mrcore.queues import fingerprint, groups
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.bullmq import asking, jobs, offers, places, rows
from mrcore.sources.redis import link

NEWEST = 10_000
PORTION = 250
"""Jobs that are read in one round trip: 3 ms of Redis."""

BUDGET_S = 0.2
QUEUES = 32
"""Queues whose failures are remembered."""

AGAIN_S = 1.0
ACTIONS = (offers.RETRY, offers.REMOVE, offers.QUARANTINE)


class _Known(NamedTuple):
    """A failed job: what is counted of it."""

    known: fingerprint.Print
    ref: base.Ref
    name: str
    at: datetime | None


@dataclass
class _Heap:
    """What is known of one queue's failed jobs, newest first: id and score."""

    total: int = 0
    order: list[tuple[str, str]] = field(default_factory=list)
    known: dict[tuple[str, str], _Known | None] = field(default_factory=dict)
    left: list[tuple[str, str]] = field(default_factory=list)


class Groups:
    """Groups the failed jobs of one source's queues."""

    def __init__(self, source: str, hand: kept.Kept[link.Client], now: source_base.Now) -> None:
        self._source = source
        self._hand = hand
        self._now = now
        self._heaps: dict[str, _Heap] = {}

    async def page(
        self,
        place: places.Place,
        query: plans.Query,
        cursor: str | None,
        wait_s: float,
        may: tuple[base.ActionId, ...],
    ) -> wire.Page:
        """The commonest groups; with a follow's cursor once they are others, or more is known.

        Raises NotFound for a cursor that is not ours, BadRequest for what is no filter.
        """
        keep, skip, seen = match.of(query.text), *_load(cursor)
        until = time.monotonic() + wait_s
        while True:
            heap = await self.look(place)
            page = self._page(place, heap, query, keep, skip, may, follows=wait_s > 0)
            if not wait_s or page.cursor != seen:
                return page
            if time.monotonic() >= until:
                return page.model_copy(update={"rows": ()})
            if not heap.left:
                await asyncio.sleep(min(AGAIN_S, max(0.0, until - time.monotonic())))

    async def group(
        self, place: places.Place, known: str, may: tuple[base.ActionId, ...]
    ) -> queue.FailureGroup | None:
        """One group, if the newest failures have it; all of them are looked at."""
        heap = await self.look(place)
        while heap.left:
            heap = await self.look(place)
        query = plans.Query(fingerprint=known)
        found = self._rows(place, heap, query, match.of(""), may)
        return found[0] if found else None

    async def look(self, place: places.Place) -> _Heap:
        """Go on looking, for 200 ms at most."""
        heap = self._heaps.pop(place.shown, None) or _Heap()
        self._heaps[place.shown] = heap  # the last one used is the last one dropped
        while len(self._heaps) > QUEUES:
            del self._heaps[next(iter(self._heaps))]
        until = time.perf_counter() + BUDGET_S
        await self._hand.run(lambda client: self._order(client, place, heap))
        while heap.left and time.perf_counter() < until:
            await self._hand.run(lambda client: self._read(client, place, heap))
        return heap

    async def _order(self, client: link.Client, place: places.Place, heap: _Heap) -> None:
        """Which jobs have failed: only the new ones are asked for where that is enough."""
        zset = place.base + "failed"
        top = heap.order[0] if heap.order else ("", "-inf")
        total, fresh, at_top = await asking.ask(
            client,
            ("ZCARD", zset),
            ("ZCOUNT", zset, f"({top[1]}", "+inf"),
            ("ZREVRANGE", zset, 0, 0, "WITHSCORES"),
        )
        total, fresh = asking.whole(total), asking.whole(fresh)
        first = [(asking.text(m), s.decode()) for m, s in asking.pairs(at_top)]
        if total == heap.total and first == heap.order[:1]:
            return
        size = fresh if heap.order and total - heap.total == fresh < NEWEST else NEWEST
        (reply,) = await asking.ask(client, ("ZREVRANGE", zset, 0, size - 1, "WITHSCORES"))
        found = [(asking.text(m), s.decode()) for m, s in asking.pairs(reply)]
        heap.order = [*found, *heap.order][:NEWEST] if size != NEWEST else found
        heap.total = total
        there = set(heap.order)
        heap.known = {pair: one for pair, one in heap.known.items() if pair in there}
        heap.left = [pair for pair in heap.order if pair not in heap.known]

    async def _read(self, client: link.Client, place: places.Place, heap: _Heap) -> None:
        """The next portion of those that are not known yet."""
        some, heap.left = heap.left[:PORTION], heap.left[PORTION:]
        fields = ("name", "failedReason", "stacktrace")
        replies = await asking.ask(client, *(("HMGET", place.job(i), *fields) for i, _ in some))
        prefix = ref.make(self._source, "job", place.shown)
        for (job_id, score), values in zip(some, replies, strict=True):
            name, error, trace = asking.items(values) or (None, None, None)
            if name is None:
                heap.known[job_id, score] = None
                continue
            heap.known[job_id, score] = _Known(
                fingerprint.of(asking.text(error), rows.newest(trace)),
                f"{prefix}/{quote(job_id, safe='')}",
                asking.text(name),
                rows.instant(score),
            )

    def _rows(
        self,
        place: places.Place,
        heap: _Heap,
        query: plans.Query,
        keep: match.Matches,
        may: tuple[base.ActionId, ...],
    ) -> list[queue.FailureGroup]:
        """All groups as they are known now, the commonest first."""
        now = self._now()
        tally = groups.Tally(self._source, "bullmq", place.shown)
        meant = jobs.span(query, now)
        for pair in heap.order:
            one = heap.known.get(pair)
            if (
                one is not None
                and (not query.name or one.name == query.name)
                and (not query.fingerprint or one.known.id == query.fingerprint)
                and meant(one.at)
            ):
                tally.count(one.known, one.ref, one.name, one.at)
        whole = not heap.left and len(heap.order) == heap.total
        actions = tuple(action for action in ACTIONS if action in may)
        found = tally.rows(now, NEWEST, whole=whole, actions=actions)
        return [row for row in found if not query.text or keep(_words(row))]

    def _page(
        self,
        place: places.Place,
        heap: _Heap,
        query: plans.Query,
        keep: match.Matches,
        skip: int,
        may: tuple[base.ActionId, ...],
        *,
        follows: bool,
    ) -> wire.Page:
        """Some of the groups; a follow's cursor is what it has seen, else it leads on."""
        found = self._rows(place, heap, query, keep, may)
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
        return wire.Page(at=self._now(), rows=some, cursor=cursor, looked=looked)


def _words(row: queue.FailureGroup) -> str:
    return f"{row.title} {row.code} {row.frame} {' '.join(row.names)}"


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
    raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.")
