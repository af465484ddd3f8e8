"""The live set: queues, workers and schedules, in a fixed number of round trips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mrcore.model import base, queue, ref, wire
from mrcore.queues import history, measures, truth
from mrcore.sources.engine import declared
from mrcore.sources.redis import link
from mrcore.sources.rq import (
    asking,
    figures,
    keys,
    offers,
    record,
    retries,
    rights,
    rows,
    schedules,
)

MOST = 1_000


@dataclass(frozen=True)
class Names:
    """What there is, by name: the first round trip."""

    queues: tuple[str, ...]
    workers: tuple[str, ...]
    crons: tuple[tuple[str, float], ...]
    third_party: tuple[tuple[str, float], ...]
    suspension: figures.Suspension


@dataclass(frozen=True)
class Seen:
    """One look: entities, and what is known of each queue for points and verdicts."""

    entities: tuple[base.Entity, ...]
    told: dict[base.Ref, truth.Facts]


class Look:
    """Looks at one Redis; it remembers what workers have done, for rates."""

    def __init__(
        self, source: str, only: Sequence[str], who: rights.Rights, should: declared.Schedules
    ) -> None:
        self.source = source
        self.in_rates: dict[base.Ref, float] = {}
        """Jobs a second that came into each queue between the last two samples."""
        self.served: set[str] = set()
        """Queues that workers waited for at the last look."""
        self._only = frozenset(only)
        self._who = who
        self._should = should
        self._past = history.History()
        self._done = figures.Done()
        self._retries = retries.Retries()
        self._suspended_at: tuple[str, datetime] | None = None

    async def sample(self, client: link.Client, now: datetime) -> wire.Sample:
        """The whole live set and its points. Raises SourceError."""
        seen = await self.read(client, now)
        points = [
            wire.Point(metric=f"queue.{state}", ref=entity.ref, at=now, value=float(count))
            for entity in seen.entities
            if isinstance(entity, queue.Queue)
            for state, count in _shown(entity.counts)
        ]
        points += [p for of, told in seen.told.items() for p in measures.points(of, told, now)]
        self.in_rates = {p.ref: p.value for p in points if p.metric == "queue.in_rate"}
        return wire.Sample(at=now, entities=seen.entities, points=tuple(points))

    async def names(self, client: link.Client, now: datetime) -> Names:
        """What there is now."""
        names, workers, suspended, ends, crons, third = await asking.ask(
            client,
            ("SMEMBERS", keys.QUEUES),
            ("SMEMBERS", keys.WORKERS),
            ("GET", keys.SUSPENDED),
            ("PTTL", keys.SUSPENDED),
            ("ZREVRANGE", keys.CRONS, 0, 99, "WITHSCORES"),
            ("ZRANGE", keys.THIRD_PARTY, 0, 299, "WITHSCORES"),
        )
        known = {asking.text(name).removeprefix(keys.QUEUE) for name in asking.some(names)}
        staff = [asking.text(name).removeprefix("rq:worker:") for name in asking.some(workers)]
        found = known | await self._served(client, staff[:MOST])
        suspension = figures.suspension(suspended, ends)
        if suspension.value and suspension.since is None:
            suspension = suspension._replace(since=self._first_seen(suspension.value, now))
        return Names(
            tuple(sorted(n for n in found if not self._only or n in self._only)[:MOST]),
            tuple(sorted(staff)[:MOST]),
            tuple(figures.scored(crons)),
            tuple(figures.scored(third)),
            suspension,
        )

    async def _served(self, client: link.Client, staff: Sequence[str]) -> set[str]:
        """The queues that workers wait for: RQ knows no others before their first job."""
        commands = (("HGET", f"rq:worker:{name}", "queues") for name in staff)
        lists = [asking.text(one).split(",") for one in await asking.ask(client, *commands)]
        self.served = {name for names in lists for name in names if name}
        return self.served

    def _first_seen(self, value: str, now: datetime) -> datetime:
        """`rq suspend` does not write down when: it is known from the first look that saw it."""
        if self._suspended_at is None or self._suspended_at[0] != value:
            self._suspended_at = (value, now)
        return self._suspended_at[1]

    async def read(self, client: link.Client, now: datetime) -> Seen:
        """Queues, workers and schedules now. Raises SourceError."""
        names = await self.names(client, now)
        if not names.suspension.value:
            self._suspended_at = None
        hashes = [("HGETALL", f"rq:worker:{name}") for name in names.workers]
        crons = [("HGETALL", keys.cron(name)) for name, _ in names.crons]
        asked = [figures.commands(name, now) for name in names.queues]
        flat = [command for commands in asked for command in commands]
        followed = self._retries.followed()
        those = [retries.command(job_id) for _, job_id in followed]
        replies = iter(await asking.ask(client, *flat, *hashes, *those, *crons))
        facts = [figures.parse([next(replies) for _ in one]) for one in asked]
        staff = [dict(asking.pairs(next(replies))) for _ in hashes]
        again = self._retries.see((one, next(replies)) for one in followed)
        declared = [dict(asking.pairs(next(replies))) for _ in crons]
        told = {n: (rows.queues(f), f) for n, f in zip(names.workers, staff, strict=True)}
        self._done.see(told, again, now)
        heads, origins = await self._behind(
            client, dict(zip(names.queues, facts, strict=True)), told, now
        )
        workers = [
            rows.worker(self.source, name, fact, origin, now)
            for name, fact, origin in zip(names.workers, staff, origins, strict=True)
        ]
        finder = schedules.Schedules(self.source, self._who, now, self._should)
        due = await finder.read(client, names.crons, declared, names.third_party, names.queues)
        queues: list[queue.Queue] = []
        truths: dict[base.Ref, truth.Facts] = {}
        for name, fact, head in zip(names.queues, facts, heads, strict=True):
            row, known = self._queue(name, fact, head, names.suspension, workers, due, now)
            queues.append(row)
            truths[row.ref] = known
        self._past.forget(set(truths))
        wanted = [s for s in due if not self._only or s.queue in self._only]
        return Seen((*queues, *workers, *wanted), truths)

    async def _behind(
        self,
        client: link.Client,
        facts: Mapping[str, figures.Facts],
        staff: figures.Staff,
        now: datetime,
    ) -> tuple[list[datetime | None], list[rows.Busy]]:
        """When each queue's first job was enqueued, and of which queue each worker's job is.

        What will tell which attempts go again is read with them.
        """
        firsts = [fact.head for fact in facts.values()]
        first = [("HGET", keys.job(head), "enqueued_at") for head in firsts if head]
        current = [asking.text(hands.get(b"current_job")) for _, hands in staff.values()]
        fields = ("origin", "description")
        busy = [("HMGET", keys.job(job_id), *fields) for job_id in current if job_id]
        ahead = {name: list(fact.ahead) for name, fact in facts.items()}
        for (queues, _), job_id in zip(staff.values(), current, strict=True):
            if job_id and len(queues) == 1 and queues[0] in ahead:
                ahead[queues[0]].insert(0, job_id)
        failing = self._done.failing(now)
        wanted = self._retries.wanted(ahead, failing)
        those = [retries.command(job_id) for _, job_id in wanted]
        replies = iter(await asking.ask(client, *first, *busy, *those))
        heads = [record.instant(next(replies)) if head else None for head in firsts]
        origins = [rows.Busy.of(next(replies)) if one else rows.IDLE for one in current]
        self._retries.follow(zip(wanted, replies, strict=True), failing)
        return heads, origins

    def _queue(
        self,
        name: str,
        fact: figures.Facts,
        head: datetime | None,
        suspension: figures.Suspension,
        workers: Sequence[queue.Worker],
        due: Sequence[queue.Schedule],
        now: datetime,
    ) -> tuple[queue.Queue, truth.Facts]:
        of = ref.make(self.source, "queue", name)
        hands = [w for w in workers if name in w.queues and w.verdict.code != "dead"]
        known = self._past.see(
            of,
            self._done.totals(name, fact, now),
            waiting=fact.waiting,
            workers=len(hands),
        )
        missed = [s.name for s in due if s.queue == name and s.verdict.code == "overdue"]
        facts = truth.Facts(
            now=now,
            waiting=fact.waiting,
            active=fact.active,
            workers=len(hands),
            no_worker_since=known.no_worker_since,
            oldest_at=head,
            ghosts=fact.ghosts,
            paused=bool(suspension.value),
            paused_since=suspension.since,
            paused_by=suspension.by,
            paused_why=suspension.why,
            growing_since=known.growing_since,
            **known.rates._asdict(),
            overdue=fact.overdue,
            overdue_at=fact.overdue_at,
            failed_lately=fact.lately,
            missed=tuple(missed),
        )
        return self._row(of, name, fact, head, suspension, len(hands), facts), facts

    def _row(
        self,
        of: base.Ref,
        name: str,
        fact: figures.Facts,
        head: datetime | None,
        suspension: figures.Suspension,
        workers: int,
        facts: truth.Facts,
    ) -> queue.Queue:
        actions = offers.of_queue(
            paused=bool(suspension.value),
            waiting=fact.waiting + fact.delayed,
            ended=fact.failed + fact.finished,
        )
        return queue.Queue(
            ref=of,
            verdict=truth.verdict(facts),
            actions=self._who.offered(actions),
            engine="rq",
            name=name,
            counts=queue.Counts(
                waiting=fact.waiting,
                active=fact.active,
                delayed=fact.delayed,
                failed=fact.failed,
                completed=fact.finished + fact.canceled,
                waiting_children=fact.deferred,
                quarantined=fact.quarantined,
            ),
            paused_since=suspension.since,
            paused_by=suspension.by,
            paused_why=suspension.why,
            workers=workers,
            oldest_enqueued_at=head,
        )


def _shown(counts: queue.Counts) -> Iterator[tuple[str, Any]]:
    for state in ("waiting", "active", "delayed", "failed"):
        yield state, getattr(counts, state)
