"""Looking at jobs for a plan: many at once, only what the plan needs of them."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from mrcore import errors
from mrcore.model import base, plans, queue, ref, wire
from mrcore.queues import expiry
from mrcore.sources import kept
from mrcore.sources.bullmq import asking, jobs, places, reading, rows, running
from mrcore.sources.engine import looking as engine_looking
from mrcore.sources.engine import walking
from mrcore.sources.redis import link

PORTION = 250
"""Jobs that are looked at in one round trip: about 3 ms of Redis."""

_S = queue.JobState
_PLAIN = re.compile(r"[0-9]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|repeat:[\w.-]+:[0-9]+")
_FIELDS = ("name", "timestamp", "atm", "attemptsMade", "ats", "priority", "data")


class Seen(NamedTuple):
    """A job as a plan needs it; `state` is None where there is none, and `gone` says why then.

    `since` is its score there, of a waiting job when it was added; `digest` is of its payload.
    """

    ref: base.Ref
    id: str = ""
    state: queue.JobState | None = None
    since: str = ""
    name: str = ""
    attempts: int = 0
    started: str = ""
    priority: str = "0"
    digest: str = ""
    last: str = ""
    payload: bytes | None = None
    enqueued_at: datetime | None = None
    expires_at: datetime | None = None
    gone: str = running.GONE

    @property
    def at(self) -> datetime | None:
        """Since when it is so."""
        return self.enqueued_at if self.state is _S.DELAYED else rows.instant(self._ms)

    @property
    def _ms(self) -> str:
        return "" if self.state is _S.PRIORITIZED else self.since

    @property
    def label(self) -> str:
        """Its name and id; an id that the engine did not give may tell of somebody."""
        return engine_looking.label(self.name, self.id, _PLAIN)

    @property
    def guard(self) -> plans.Args:
        state = self.state.value if self.state else ""
        return {
            "state": state,
            "since": self.since,
            "attempts": str(self.attempts),
            "started": self.started,
        }


Looked = engine_looking.Looked[Seen]


class Looker:
    """Looks at the jobs of one source."""

    def __init__(
        self, hand: kept.Kept[link.Client], runner: running.Runner, shelf: jobs.Jobs
    ) -> None:
        self._hand = hand
        self._runner = runner
        self._shelf = shelf

    async def selected(self, selection: plans.Selection) -> AsyncIterator[Looked]:
        """What is selected, in portions.

        Raises NotFound, Unsupported and BadRequest for a collection that there is not, and
        NotPermitted.
        """
        async for looked in engine_looking.chosen(selection.refs, self.refs, PORTION):
            yield looked
        if not selection.ref:
            return
        place = await self._owner(selection)
        query = selection.query
        if walking.filters(query):
            portions = self._filtered(place, query)
        else:
            portions = self._whole(place, query)
        async for looked in portions:
            yield looked

    async def _owner(self, selection: plans.Selection) -> places.Place:
        """The queue whose jobs are meant. Raises NotFound and Unsupported."""
        if selection.collection not in ("jobs", "found"):
            raise errors.Unsupported(f"There is no collection {selection.collection!r} to act on.")
        found = running.ids(self._runner.source, selection.ref, "queue", 1)
        place = None
        if found is not None:
            name = found[0]
            place = await self._hand.run(lambda client: self._runner.found.place(client, name))
        if place is None:
            raise errors.NotFound(f"There is no {selection.ref}; jobs belong to a queue.")
        return place

    async def refs(self, refs: Sequence[base.Ref]) -> list[Seen]:
        """Each of these, in their order; what is no job's ref is seen as gone."""
        seen = {of: Seen(of) for of in refs}
        by_queue: dict[str, list[str]] = {}
        for of in seen:
            if (found := running.ids(self._runner.source, of, "job", 2)) is not None:
                by_queue.setdefault(found[0], []).append(found[1])
        for name, ids in by_queue.items():
            for one in await self._hand.run(functools.partial(self._refs, name=name, ids=ids)):
                if one.ref in seen:
                    seen[one.ref] = one
        return list(seen.values())

    async def _refs(self, client: link.Client, name: str, ids: Sequence[str]) -> list[Seen]:
        place, why = await self._runner.place(client, name)
        if place is None:
            return []
        spots = await find(client, place, ids)
        there = {spot.id for spot in spots}
        prefix = ref.make(self._runner.source, "job", place.shown)
        deep = await deeper(client, place, [one for one in ids if one not in there])
        lost = [Seen(f"{prefix}/{quote(i, safe='')}", i, gone=running.DEEPER) for i in deep]
        return [*lost, *await self._look(client, place, spots, why)]

    async def _whole(self, place: places.Place, query: plans.Query) -> AsyncIterator[Looked]:
        """All of one state, or of all; those that come and go meanwhile do no harm."""
        those = jobs.states(query.state)
        newest = query.order != "oldest"
        total = await self._hand.run(lambda client: self._shelf.total(client, place, those))
        looked = 0
        for state in those:
            mark: walking.Spot | None = walking.Spot(state)
            while mark is not None:
                seen, mark = await self._hand.run(
                    functools.partial(self._portion, place=place, mark=mark, newest=newest)
                )
                looked += len(seen)
                if seen:
                    yield seen, looked, total

    async def _portion(
        self, client: link.Client, place: places.Place, mark: walking.Spot, newest: bool
    ) -> tuple[list[Seen], walking.Spot | None]:
        _, why = await self._runner.place(client, place.shown)
        start = await jobs.after(client, place, mark, newest=newest)
        state = _S(mark.state)
        spots = await jobs.portion(client, place, state, start, PORTION, newest=newest)
        seen = await self._look(client, place, spots, why)
        if len(spots) < PORTION:
            return seen, None
        last = spots[-1]
        return seen, walking.Spot(state, last.score, last.id, start + len(spots))

    def _filtered(self, place: places.Place, query: plans.Query) -> AsyncIterator[Looked]:
        """Those that match."""

        async def page(query: plans.Query, cursor: str | None) -> wire.Page:
            now = self._runner.now()
            return await self._hand.run(
                lambda client: self._shelf.page(client, place, query, cursor, now)
            )

        return engine_looking.filtered(page, query, self.refs)

    async def _look(
        self, client: link.Client, place: places.Place, spots: Sequence[reading.Spot], why: str
    ) -> list[Seen]:
        """What a plan needs of jobs; `why` is why their queue is not written to."""
        prefix = ref.make(self._runner.source, "job", place.shown)
        if why:
            return [Seen(f"{prefix}/{quote(s.id, safe='')}", s.id, gone=why) for s in spots]
        asked: list[link.Command] = []
        for spot in spots:
            asked.append(("HMGET", reading.hash_of(place, spot), *_FIELDS))
            asked.append(("GET", f"{place.ours}last:{spot.id}"))
        replies = await asking.ask(client, *asked)
        found = []
        for spot, values, last in zip(spots, replies[::2], replies[1::2], strict=True):
            of = f"{prefix}/{quote(spot.id, safe='')}"
            known = asking.items(values)
            found.append(self._seen(of, spot, known, last) if any(known[:2]) else Seen(of))
        return found

    def _seen(self, of: base.Ref, spot: reading.Spot, values: Sequence[Any], last: Any) -> Seen:
        name, timestamp, atm, made, ats, priority, data = values
        enqueued_at = rows.instant(timestamp)
        payload = rows.parsed(data) if reading.may_say(data) else None
        limits = self._shelf.maker.limits
        return Seen(
            of,
            spot.id,
            spot.state,
            spot.score or asking.text(timestamp),
            asking.text(name),
            int(asking.number(atm or made) or 0),
            asking.text(ats),
            asking.text(priority),
            digest(data),
            asking.text(last),
            data if isinstance(data, bytes) else None,
            enqueued_at,
            expiry.expires_at(asking.text(name), payload, enqueued_at, limits),
        )


def digest(payload: Any) -> str:
    """What a payload is known by: Redis' `redis.sha1hex`."""
    data = payload if isinstance(payload, bytes) else b""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


async def deeper(client: link.Client, place: places.Place, missing: Sequence[str]) -> list[str]:
    """Which of those that `find` has not found lie deeper in a list than it looks."""
    if not missing:
        return []
    lists = [("LLEN", jobs.key(place, state)) for state in jobs.LISTS]
    longest, *there = await asking.ask(client, *lists, *(("EXISTS", place.job(i)) for i in missing))
    if asking.whole(longest) <= 2 * running.DEEP:
        return []
    return [one for one, found in zip(missing, there[len(lists) - 1 :], strict=True) if found]


async def find(client: link.Client, place: places.Place, ids: Sequence[str]) -> list[reading.Spot]:
    """In which state each of these is: lists are looked through 100,000 deep from both ends."""
    zsets = (*jobs.ZSETS, _S.QUARANTINED)
    asked = [("ZSCORE", jobs.key(place, state), one) for one in ids for state in zsets]
    scores = iter(await asking.ask(client, *asked))
    found: dict[str, reading.Spot] = {}
    for one in ids:
        for state in zsets:
            score = next(scores)
            if isinstance(score, bytes) and one not in found:
                found[one] = reading.Spot(state, one, score.decode())
    missing = [one for one in ids if one not in found]
    for state in jobs.LISTS:
        for one in missing:
            for rank in (-1, 1):
                if one in found:
                    break
                command = ("LPOS", jobs.key(place, state), one, "RANK", rank)
                (at,) = await asking.ask(client, (*command, "MAXLEN", running.DEEP))
                if isinstance(at, int):
                    found[one] = reading.Spot(state, one)
    return [found[one] for one in ids if one in found]
