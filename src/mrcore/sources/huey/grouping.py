"""Failed jobs by fingerprint: the newest 10,000 of a queue, looked at bit by bit and remembered.

What changes in a queue is few beside what stays: only new failures are read again. A page answers
within 250 ms with what it has; a follow goes on.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote

from mrcore import errors, match
from mrcore.journal import keys, record
from mrcore.model import base, plans, queue, ref, wire
from mrcore.queues import fingerprint, groups
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.huey import asking, discover, jobs, offers, prints, rights, rows
from mrcore.sources.redis import link

NEWEST = 10_000
PORTION = 250
"""Jobs that are read in one round trip: 2 ms of Redis."""

BUDGET_S = 0.2
QUEUES = 32
"""Queues whose failures are remembered."""

AGAIN_S = 1.0
"""How often a follow looks whether something has changed."""

ACTIONS = (offers.RETRY, offers.REMOVE, offers.QUARANTINE)


class _Known(NamedTuple):
    """A failed job: what is counted of it, and its score when that was read."""

    score: str
    known: fingerprint.Print
    ref: base.Ref
    name: str
    at: datetime | None


@dataclass
class _Heap:
    """What is known of one queue's failed jobs, newest first."""

    total: int = 0
    order: list[tuple[str, str]] = field(default_factory=list)
    jobs: dict[str, _Known] = field(default_factory=dict)
    left: list[tuple[str, str]] = field(default_factory=list)
    attempts: int = 1
    """How often most of them were tried: that attempt is asked for at once."""


class Groups:
    """Groups the failed jobs of one source's queues."""

    def __init__(
        self,
        source: str,
        hand: kept.Kept[link.Client],
        root: keys.Root,
        known: prints.Prints,
        who: rights.Rights,
        now: source_base.Now,
    ) -> None:
        self._source = source
        self._hand = hand
        self._root = root
        self._prints = known
        self._who = who
        self._now = now
        self._heaps: dict[str, _Heap] = {}

    async def page(
        self, place: discover.Place, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        """The commonest groups; with a follow's cursor once they are others, or more is known.

        Raises Unsupported without a journal, NotFound for a cursor that is not ours, BadRequest
        for what is no filter.
        """
        jobs.states(place, "failed")
        keep, skip, seen = match.of(query.text), *_load(cursor)
        until = time.monotonic() + wait_s
        while True:
            heap = await self.look(place)
            found = self._rows(place.name, heap, query, keep)
            page = _page(heap, found, query, skip, self._now(), follows=wait_s > 0)
            if not wait_s or page.cursor != seen:
                return page
            if time.monotonic() >= until:
                return page.model_copy(update={"rows": ()})
            if not heap.left:
                await asyncio.sleep(min(AGAIN_S, max(0.0, until - time.monotonic())))

    async def group(self, place: discover.Place, known: str) -> queue.FailureGroup | None:
        """One group, if the newest failures have it; all of them are looked at."""
        if not place.journalled:
            return None
        heap = await self.look(place)
        while heap.left:
            heap = await self.look(place)
        found = self._rows(place.name, heap, plans.Query(fingerprint=known), match.of(""))
        return found[0] if found else None

    async def look(self, place: discover.Place) -> _Heap:
        """Go on looking for 200 ms at most."""
        heap = self._heaps.pop(place.name, None) or _Heap()
        self._heaps[place.name] = heap  # the last one used is the last one dropped
        while len(self._heaps) > QUEUES:
            del self._heaps[next(iter(self._heaps))]
        until = time.perf_counter() + BUDGET_S
        await self._hand.run(lambda client: self._order(client, place.name, heap))
        while heap.left and time.perf_counter() < until:
            await self._hand.run(lambda client: self._read(client, place.name, heap))
        return heap

    async def _order(self, client: link.Client, of: str, heap: _Heap) -> None:
        """Which jobs have failed: only the new ones are asked for where that is enough."""
        zset = self._root.queue(of).state("failed")
        newest = heap.order[0][1] if heap.order else "-inf"
        total, fresh, at_top = await asking.ask(
            client,
            ("ZCARD", zset),
            ("ZCOUNT", zset, f"({newest}", "+inf"),
            ("ZREVRANGE", zset, 0, 0, "WITHSCORES"),
        )
        total, fresh = (n if isinstance(n, int) else 0 for n in (total, fresh))
        same = jobs.scored(at_top) == [(i.encode(), s) for i, s in heap.order[:1]]
        if total == heap.total and same:
            return
        size = fresh if heap.order and total - heap.total == fresh < NEWEST else NEWEST
        (reply,) = await asking.ask(client, ("ZREVRANGE", zset, 0, size - 1, "WITHSCORES"))
        found = [(i.decode("utf-8", "replace"), s) for i, s in jobs.scored(reply)]
        heap.order = [*found, *heap.order][:NEWEST] if size != NEWEST else found
        heap.total = total
        there = dict(heap.order)
        heap.jobs = {i: one for i, one in heap.jobs.items() if there.get(i) == one.score}
        heap.left = [pair for pair in heap.order if pair[0] not in heap.jobs]

    async def _read(self, client: link.Client, of: str, heap: _Heap) -> None:
        """The next portion of those that are not known yet."""
        some, heap.left = heap.left[:PORTION], heap.left[PORTION:]
        at, usual = self._root.queue(of), heap.attempts
        fields = ("task", "error", "attempts", f"attempt:{usual}")
        replies = await asking.ask(client, *(("HMGET", at.job(i), *fields) for i, _ in some))
        facts: dict[str, tuple[int, str]] = {}
        names: dict[str, str] = {}
        for (job_id, _), values in zip(some, replies, strict=True):
            if not isinstance(values, list) or values[0] is None:
                continue
            task, error, tried, attempt = values
            attempts = int(record.number(tried) or 0)
            facts[job_id] = (attempts, (error or b"").decode("utf-8", "replace"))
            names[job_id] = task.decode("utf-8", "replace").rpartition(".")[2]
            if attempts == usual and self._prints.get(of, job_id, attempts) is None:
                self._prints.make(of, job_id, *facts[job_id], attempt)
            heap.attempts = attempts
        known = await self._prints.read(client, of, facts)
        prefix = ref.make(self._source, "job", of)
        for job_id, score in some:
            if job_id in known:
                full = f"{prefix}/{quote(job_id, safe='')}"
                ended = rows.instant(record.number(score.encode()))
                heap.jobs[job_id] = _Known(score, known[job_id], full, names[job_id], ended)

    def _rows(
        self, of: str, heap: _Heap, query: plans.Query, keep: match.Matches
    ) -> list[queue.FailureGroup]:
        """All groups as they are known now, the commonest first."""
        now = self._now()
        tally = groups.Tally(self._source, "huey", of)
        meant = _meant(query, now)
        for job_id, _ in heap.order:
            one = heap.jobs.get(job_id)
            if one is not None and meant(one):
                tally.count(one.known, one.ref, one.name, one.at)
        whole = not heap.left and len(heap.order) == heap.total
        actions = self._who.offered(ACTIONS)
        found = tally.rows(now, NEWEST, whole=whole, actions=actions)
        return [row for row in found if not query.text or keep(_words(row))]


def _meant(query: plans.Query, now: datetime) -> Callable[[_Known], bool]:
    """Whether a query means a failed job."""
    after = None if query.younger_s is None else now - timedelta(seconds=query.younger_s)
    before = None if query.older_s is None else now - timedelta(seconds=query.older_s)

    def meant(one: _Known) -> bool:
        return (
            (not query.name or one.name == query.name)
            and (not query.fingerprint or one.known.id == query.fingerprint)
            and (after is None or (one.at is not None and one.at >= after))
            and (before is None or (one.at is not None and one.at <= before))
        )

    return meant


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
    rows_ = tuple(found[skip : skip + query.limit])
    scanned = len(heap.order) - len(heap.left)
    cursor: str | None = None
    if follows:
        told = [(row.fingerprint, row.jobs, str(row.last_at)) for row in rows_]
        cursor = json.dumps(["seen", hash((heap.total, scanned, tuple(told)))])
    elif skip + query.limit < len(found):
        cursor = json.dumps(["skip", skip + query.limit])
    elif heap.left:
        cursor = json.dumps(["skip", 0])
    looked = wire.Looked(scanned=scanned, total=heap.total, complete=cursor is None)
    return wire.Page(at=now, rows=rows_, cursor=cursor, looked=looked)


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
