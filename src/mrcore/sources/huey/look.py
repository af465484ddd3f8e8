"""The live set: queues, workers and schedules, in a fixed number of round trips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from mrcore.journal import keys
from mrcore.model import base, queue, ref, wire
from mrcore.queues import history, measures, truth
from mrcore.sources.huey import asking, discover, figures, offers, rights, rows, ticking
from mrcore.sources.redis import link

_NO_JOURNAL = base.Verdict(
    level=base.Level.UNKNOWN,
    code="no_journal",
    why="Only waiting and delayed jobs can be seen; journal.watch(huey) shows the rest.",
)


@dataclass(frozen=True)
class Seen:
    """One look: entities, and by queue what its verdict is made of."""

    entities: tuple[base.Entity, ...]
    told: dict[base.Ref, truth.Facts]


class Look:
    """Looks at one Redis; `past` remembers what rates are made of."""

    def __init__(
        self,
        source: str,
        root: keys.Root,
        found: discover.Found,
        who: rights.Rights,
        *,
        restartable: bool = False,
    ) -> None:
        self.source = source
        self.root = root
        self.in_rates: dict[base.Ref, float] = {}
        """Jobs a second that came into each queue between the last two samples."""
        self._found = found
        self._who = who
        self._restartable = restartable
        self.past = history.History()

    async def place(self, client: link.Client, name: str) -> discover.Place | None:
        """Where a queue is, or None where there is none."""
        return await discover.place(client, self.root, self._found, name)

    async def sample(self, client: link.Client, now: datetime) -> wire.Sample:
        """The whole live set and its points.

        Raises SourceError.
        """
        seen = await self.read(client, now, remember=True)
        points = [
            wire.Point(metric=f"queue.{state}", ref=entity.ref, at=now, value=float(count))
            for entity in seen.entities
            if isinstance(entity, queue.Queue)
            for state, count in _shown(entity.counts)
        ]
        points += [p for of, told in seen.told.items() for p in measures.points(of, told, now)]
        self.in_rates = {p.ref: p.value for p in points if p.metric == "queue.in_rate"}
        return wire.Sample(at=now, entities=seen.entities, points=tuple(points))

    async def read(self, client: link.Client, now: datetime, *, remember: bool = False) -> Seen:
        """Queues, workers and schedules now; only a sample is remembered. Raises SourceError."""
        names, workers, schedules = await asking.ask(
            client,
            ("SMEMBERS", self.root.queues),
            ("HGETALL", self.root.workers),
            ("SMEMBERS", keys.SCHEDULES),
        )
        self._found.journal([name.decode("utf-8", "replace") for name in figures.some(names)])
        places = self._found.places()
        facts = await self._facts(client, places, now)
        hands = list(figures.pairs(workers))[: figures.MOST]
        alive = await asking.ask(
            client, *(("EXISTS", self.root.alive(n.decode("utf-8", "replace"))) for n, _ in hands)
        )
        staff = [
            self._offering(rows.worker(self.source, n.decode("utf-8", "replace"), v, alive=bool(a)))
            for (n, v), a in zip(hands, alive, strict=True)
        ]
        staff = await self._doing(client, staff)
        ghosts = await self._ghosts(client, [w for w in staff if w.verdict.code == "dead"])
        due = await self._schedules(client, figures.some(schedules), now)
        told = {
            ref.make(self.source, "queue", place.name): self._told(
                place, fact, staff, due, ghosts.get(place.name, 0), now, remember=remember
            )
            for place, fact in zip(places, facts, strict=True)
        }
        if remember:
            self.past.forget(set(told))
        queues = [
            self._queue(of, place, fact, told[of])
            for of, place, fact in zip(told, places, facts, strict=True)
        ]
        return Seen((*queues, *staff, *due), told)

    async def _doing(
        self, client: link.Client, staff: Sequence[queue.Worker]
    ) -> list[queue.Worker]:
        """The same workers with the names of what they work on."""
        held = [of for worker in staff for of in worker.busy_with]
        jobs = [tuple(part.decode("utf-8", "replace") for part in ref.parse(of).ids) for of in held]
        replies = await asking.ask(
            client, *(("HGET", self.root.queue(name).job(job_id), "task") for name, job_id in jobs)
        )
        names = {of: rows.called(reply) for of, reply in zip(held, replies, strict=True)}
        return [
            worker.model_copy(update={"does": tuple(names[of] for of in worker.busy_with)})
            for worker in staff
        ]

    def _offering(self, worker: queue.Worker) -> queue.Worker:
        if worker.verdict.code == "dead" or not (worker.supervised or self._restartable):
            return worker
        return worker.model_copy(update={"actions": self._who.offered((offers.RESTART,))})

    async def _facts(
        self, client: link.Client, places: Sequence[discover.Place], now: datetime
    ) -> list[figures.Facts]:
        """One pipeline for all queues; a second for those whose keys were guessed wrong."""
        facts = await self._ask_facts(client, places, now)
        moved = [
            i for i, (p, f) in enumerate(zip(places, facts, strict=True)) if figures.moved(p, f)
        ]
        if moved:
            for index in moved:
                meta = facts[index].meta
                place = discover.Place(
                    places[index].name, meta[b"list"].decode(), meta[b"schedule"].decode()
                )
                self._found.learn(place)
            again = [self._found.get(places[i].name) or places[i] for i in moved]
            for index, fact in zip(moved, await self._ask_facts(client, again, now), strict=True):
                facts[index] = fact
        return facts

    async def _ask_facts(
        self, client: link.Client, places: Sequence[discover.Place], now: datetime
    ) -> list[figures.Facts]:
        commands: list[link.Command] = []
        since, late = (now.timestamp() - s for s in (truth.LATELY_S, truth.OVERDUE_S))
        for place in places:
            of = self.root.queue(place.name)
            commands += [
                place.waiting,
                ("ZCARD", place.schedule),
                *(("ZCARD", of.state(state)) for state in figures.COUNTED),
                ("ZRANGE", of.state("waiting"), 0, 0, "WITHSCORES"),
                ("GET", of.paused),
                ("HMGET", of.paused_by, "by", "why"),
                ("ZCOUNT", of.state("failed"), f"{since:.3f}", "+inf"),
                ("ZRANGE", of.state("delayed"), 0, 0, "WITHSCORES"),
                ("ZCOUNT", of.state("delayed"), "-inf", f"{late:.3f}"),
                ("HGETALL", of.meta),
                ("HMGET", of.stats, *figures.TOTALS),
            ]
        replies = iter(await asking.ask(client, *commands))
        return [figures.parse([next(replies) for _ in range(14)]) for _ in places]

    async def _ghosts(self, client: link.Client, dead: Sequence[queue.Worker]) -> dict[str, int]:
        """How many jobs dead workers hold, by queue; asked only while there is a dead one."""
        pairs = [(name, worker.name) for worker in dead for name in worker.queues]
        held = await asking.ask(
            client, *(("LLEN", self.root.queue(name).hands(worker)) for name, worker in pairs)
        )
        found: dict[str, int] = {}
        for (name, _), count in zip(pairs, held, strict=True):
            found[name] = found.get(name, 0) + figures.whole(count)
        return found

    def _told(
        self,
        place: discover.Place,
        facts: figures.Facts,
        staff: Sequence[queue.Worker],
        due: Sequence[queue.Schedule],
        ghosts: int,
        now: datetime,
        *,
        remember: bool,
    ) -> truth.Facts:
        """A queue's facts for its verdict."""
        if not place.journalled:
            return truth.Facts(now=now, waiting=facts.waiting)
        of = ref.make(self.source, "queue", place.name)
        hands = [w for w in staff if place.name in w.queues]
        workers = sum(1 for w in hands if w.verdict.code != "dead")
        if remember and facts.meta:
            totals = truth.Totals(now, *facts.totals.values())
            seen_at = max((w.last_seen_at for w in hands if w.last_seen_at), default=None)
            moves = self.past.see(
                of, totals, waiting=facts.waiting, workers=workers, worker_seen_at=seen_at
            )
        else:
            moves = self.past.last(of)
        late = [s for s in due if s.queue == place.name and s.verdict.code == "overdue"]
        return truth.Facts(
            now=now,
            waiting=facts.waiting,
            active=facts.active,
            workers=workers,
            no_worker_since=moves.no_worker_since,
            oldest_at=rows.instant(facts.oldest if facts.waiting else None),
            ghosts=ghosts,
            paused=facts.paused is not None,
            paused_since=rows.instant(facts.paused),
            paused_by=facts.paused_by[0],
            paused_why=facts.paused_by[1],
            growing_since=moves.growing_since,
            in_per_s=moves.rates.in_per_s,
            out_per_s=moves.rates.out_per_s,
            fail_per_s=moves.rates.fail_per_s,
            retries_per_s=moves.rates.retries_per_s,
            overdue=facts.overdue,
            overdue_at=rows.instant(facts.due),
            failed_lately=facts.lately,
            missed=tuple(s.name for s in late),
            missed_at=min((s.next_at for s in late if s.next_at), default=None),
        )

    def _queue(
        self, of: base.Ref, place: discover.Place, facts: figures.Facts, told: truth.Facts
    ) -> queue.Queue:
        return queue.Queue(
            ref=of,
            verdict=truth.verdict(told) if place.journalled else _NO_JOURNAL,
            engine="huey",
            name=place.name,
            counts=queue.Counts(
                waiting=facts.waiting,
                active=facts.active,
                delayed=facts.delayed,
                failed=facts.failed,
                completed=facts.completed,
                quarantined=facts.quarantined,
            ),
            actions=self._who.offered(
                offers.of_queue(journalled=place.journalled, paused=facts.paused is not None)
            ),
            paused_since=told.paused_since,
            paused_by=told.paused_by,
            paused_why=told.paused_why,
            workers=told.workers,
            oldest_enqueued_at=told.oldest_at,
            listed=facts.meta.get(b"listed", b"1") != b"0",
            keep_completed=figures.kept(facts.meta.get(b"keep_completed")),
            keep_failed=figures.kept(facts.meta.get(b"keep_failed")),
        )

    async def _schedules(
        self, client: link.Client, names: Sequence[bytes], now: datetime
    ) -> list[queue.Schedule]:
        known = sorted(name.decode("utf-8", "replace") for name in names)[: figures.MOST]
        replies = await asking.ask(client, *(("HGETALL", keys.schedule(n)) for n in known))
        found = {n: dict(figures.pairs(reply)) for n, reply in zip(known, replies, strict=True)}
        same = ticking.same(found)
        made = [
            ticking.schedule(self.source, n, facts, self._who, now, same.get(n, ()))
            for n, facts in found.items()
        ]
        return [s for s in made if self._found.wanted(s.queue)]


def _shown(counts: queue.Counts) -> Iterator[tuple[str, int]]:
    for state in ("waiting", "active", "delayed", "failed"):
        yield state, getattr(counts, state)
