"""The live set: queues, workers and schedules, in two round trips for all queues."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from mrcore.model import base, queue, ref, wire
from mrcore.queues import history, limits, measures, truth
from mrcore.sources.bullmq import (
    asking,
    capturing,
    figures,
    offers,
    pasts,
    places,
    rights,
    rows,
    schedules,
    workers,
)
from mrcore.sources.engine import declared
from mrcore.sources.redis import link

_SHOWN = ("waiting", "active", "delayed", "failed")


class Close(NamedTuple):
    """What the second round trip adds: when the oldest came, whose the active ones are."""

    oldest_at: datetime | None
    busy: dict[str, list[workers.Doing]]
    ghosts: int
    declared: list[schedules.Declared]


@dataclass
class _Counter:
    """Completed and failed jobs of a queue since it was first looked at."""

    newest: str = "+inf"
    completed: float = 0.0
    known: bool = False


@dataclass
class Look:
    """Looks at one Redis; it remembers totals, for rates, and pauses that are over."""

    source: str
    found: places.Found
    staff: workers.Staff
    who: rights.Rights
    tail: capturing.Tail
    should: declared.Schedules = field(default_factory=dict)
    unlisted: Collection[str] = ()
    """Names of queues that no board shows, as they are shown here."""

    _history: history.History = field(default_factory=history.History)
    _limits: limits.Limits = field(default_factory=limits.Limits)
    _pasts: pasts.Pasts = field(default_factory=pasts.Pasts)
    _counters: dict[str, _Counter] = field(default_factory=dict)
    _over: dict[str, str] = field(default_factory=dict)
    _told: dict[base.Ref, truth.Facts] = field(default_factory=dict)

    async def sample(self, client: link.Client, now: datetime) -> wire.Sample:
        """The whole live set and its points. Raises SourceError."""
        entities = await self.read(client, now)
        queues = [entity for entity in entities if isinstance(entity, queue.Queue)]
        points = [
            wire.Point(
                metric=f"queue.{state}",
                ref=entity.ref,
                at=now,
                value=float(getattr(entity.counts, state)),
            )
            for entity in queues
            for state in _SHOWN
        ]
        points += [p for one in queues for p in measures.points(one.ref, self._told[one.ref], now)]
        return wire.Sample(at=now, entities=tuple(entities), points=tuple(points))

    async def read(self, client: link.Client, now: datetime) -> list[base.Entity]:
        """Queues, workers and schedules now. Raises SourceError."""
        known = self.found.places()
        for place in known:
            if place.shown not in self._counters:
                self._counters[place.shown] = _Counter()
                self.staff.doubt()
        asked: list[link.Command] = []
        for place in known:
            asked += figures.commands(place, now, self._counters[place.shown].newest)
        replies = iter(await asking.ask(client, *asked))
        facts = {
            place: figures.parse([next(replies) for _ in range(len(asked) // len(known))])
            for place in known
        }
        there = {place: one for place, one in facts.items() if one.there}
        close = await self._close(client, there)
        repeats = [
            pasts.Known(ref.make(self.source, "schedule", place.shown, one.id), place, one)
            for place, seen in close.items()
            for one in seen.declared
        ]
        does = await self._pasts.read(client, repeats)
        hands = await self.staff.ask(client, known, now)
        found: list[base.Entity] = []
        for place, one in there.items():
            found.append(self._queue(place, one, close[place], hands, now))
            may = self.who.offered(self._may(place, one, offers.OF_SCHEDULES))
            found += [
                schedules.entity(one.of, place, one.declared, does[one.of], now, may)
                for one in repeats
                if one.place == place
            ]
            found += self._missing(place, one, close[place], now)
        there_now = {entity.ref for entity in found}
        self._history.forget(there_now)
        self._told = {of: told for of, told in self._told.items() if of in there_now}
        busy = {
            (place.shown, name): refs
            for place, one in close.items()
            for name, refs in one.busy.items()
        }
        names = {place.shown for place in there}
        staff = [hand for hand in hands or () if hand.queue in names]
        return [*found, *workers.entities(self.source, staff, busy)]

    async def _close(
        self, client: link.Client, facts: Mapping[places.Place, figures.Facts]
    ) -> dict[places.Place, Close]:
        """The second round trip: single jobs and schedules that the first one has named."""
        asked: list[link.Command] = []
        for place, one in facts.items():
            asked.append(("HGET", place.job(one.oldest or "mr"), "timestamp"))
            for job_id in one.active:
                asked.append(("HMGET", place.job(job_id), "pb", "name"))
                asked.append(("EXISTS", f"{place.job(job_id)}:lock"))
            for member, _ in one.repeat:
                key = f"{place.base}repeat:".encode() + member
                asked.append(("HMGET", key, *schedules.FIELDS))
        replies = iter(await asking.ask(client, *asked))
        return {place: self._one(place, one, replies) for place, one in facts.items()}

    def _one(self, place: places.Place, facts: figures.Facts, replies: Iterator[Any]) -> Close:
        oldest_at = rows.instant(next(replies))
        busy: dict[str, list[workers.Doing]] = {}
        ghosts = 0
        for job_id in facts.active:
            values, locked = asking.items(next(replies)) or (None, None), next(replies)
            name, job = (asking.text(value) for value in values)
            ghosts += locked == 0
            if name and locked:
                of = ref.make(self.source, "job", place.shown, job_id)
                busy.setdefault(name, []).append(workers.Doing(of, rows.shown(job)))
        found = [schedules.read(m, score, next(replies)) for m, score in facts.repeat]
        told = [one._replace(wanted=self._wanted(place, one)) for one in found]
        return Close(oldest_at, busy, ghosts, told)

    def _wanted(self, place: places.Place, one: schedules.Declared) -> declared.Schedule | None:
        """What the settings declare of it; older repeatable jobs are known by their job's name."""
        said = self.should.get(one.name if one.runs is None else one.id)
        return said if said and said.queue == place.shown else None

    def _missing(
        self, place: places.Place, facts: figures.Facts, close: Close, now: datetime
    ) -> Iterator[queue.Schedule]:
        """Schedules that the settings declare and this queue, read whole, does not have."""
        there = {one.name if one.runs is None else one.id for one in close.declared}
        may = self.who.offered(self._may(place, facts, offers.OF_SCHEDULES))
        for name, wanted in self.should.items():
            unread = len(facts.repeat) >= schedules.MOST
            if wanted.queue == place.shown and name not in there and not unread:
                of = ref.make(self.source, "schedule", place.shown, name)
                yield schedules.missing(of, name, wanted, now, may)

    def _queue(
        self,
        place: places.Place,
        facts: figures.Facts,
        close: Close,
        hands: Sequence[workers.Hand] | None,
        now: datetime,
    ) -> queue.Queue:
        of = ref.make(self.source, "queue", place.shown)
        count = None if hands is None else sum(1 for hand in hands if hand.queue == place.shown)
        moves = self._moves(of, place, facts, count, now)
        since, by, why = self._pause(place, facts)
        ttl_ms, stands = facts.limiter[0], facts.stands if count else None
        limited_until = self._limits.see(of, now, ttl_ms, sure=facts.exhausted, still=stands)
        missed = schedules.late(close.declared, now)
        waiting = facts.counts.waiting + facts.counts.paused + facts.counts.prioritized
        seen = truth.Facts(
            now=now,
            waiting=waiting,
            active=facts.counts.active,
            workers=count,
            no_worker_since=moves.no_worker_since,
            oldest_at=close.oldest_at,
            ghosts=close.ghosts,
            paused=facts.paused,
            paused_since=since,
            paused_by=by,
            paused_why=why,
            growing_since=moves.growing_since,
            in_per_s=moves.rates.in_per_s,
            out_per_s=moves.rates.out_per_s,
            fail_per_s=moves.rates.fail_per_s,
            retries_per_s=moves.rates.retries_per_s,
            overdue=_overdue(facts, now),
            overdue_at=facts.delayed[1] if _overdue(facts, now) else None,
            limited_until=limited_until,
            failed_lately=facts.failed_lately,
            missed=tuple(one.id for one in missed),
            missed_at=min((one.next_at for one in missed if one.next_at), default=None),
        )
        self._told[of] = seen
        may = self.who.offered(self._may(place, facts, offers.of_queue(paused=facts.paused)))
        return queue.Queue(
            ref=of,
            verdict=truth.verdict(seen),
            actions=may,
            engine="bullmq",
            name=place.shown,
            counts=facts.counts,
            paused_since=since,
            paused_by=by,
            paused_why=why,
            workers=count,
            oldest_enqueued_at=close.oldest_at,
            listed=place.shown not in self.unlisted,
            layout=facts.version,
            limited_until=limited_until,
        )

    def _may(
        self, place: places.Place, facts: figures.Facts, actions: tuple[base.ActionId, ...]
    ) -> tuple[base.ActionId, ...]:
        paused_list = facts.paused_list > 0
        refused = places.refusal(place, facts.version, paused_list=paused_list)
        return () if refused else actions

    def _moves(
        self,
        of: base.Ref,
        place: places.Place,
        facts: figures.Facts,
        count: int | None,
        now: datetime,
    ) -> history.Moves:
        """Counters of a queue without metrics are counted from its newest completed jobs."""
        counter = self._counters[place.shown]
        if counter.newest != "+inf":
            counter.completed += facts.completed_since
        counter.newest = facts.newest_completed or "0"
        counter.known = counter.known or bool(facts.newest_completed)
        ended, failed = facts.counted
        totals = truth.Totals(
            at=now,
            enqueued=facts.enqueued,
            completed=ended if ended is not None else counter.completed if counter.known else None,
            failed=failed,
            retried=self.tail.retried.get(place.shown, 0),
        )
        waiting = facts.counts.waiting + facts.counts.paused + facts.counts.prioritized
        moves = self._history.see(of, totals, waiting=waiting, workers=count)
        return moves

    def _pause(self, place: places.Place, facts: figures.Facts) -> tuple[datetime | None, str, str]:
        """Since when, by whom and why it is paused, where one of ours paused it.

        A pause of ours that somebody else has lifted is over, also when he pauses it again.
        """
        since, by, why, mark = facts.pause
        if not facts.paused:
            self._over[place.shown] = mark
        if not facts.paused or not mark or self._over.get(place.shown) == mark:
            return None, "", ""
        return since, by, why


def _overdue(facts: figures.Facts, now: datetime) -> int:
    """1 where the first delayed job is due and nobody moved it: how many more is not counted."""
    due = facts.delayed[1]
    return int(due is not None and now - due > timedelta(seconds=truth.OVERDUE_S))
