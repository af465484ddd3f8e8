"""The live set: queues, workers and schedules, in a fixed number of round trips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from mrcore.journal import keys
from mrcore.model import base, queue, ref, wire
from mrcore.sources.huey import asking, discover, figures, offers, rights, rows
from mrcore.sources.redis import link

BACKLOG_S = 120.0
LATELY_S = 300.0
_RATES = {"enqueued": "queue.in_rate", "completed": "queue.out_rate", "failed": "queue.fail_rate"}


@dataclass(frozen=True)
class Seen:
    """One look: entities, and by queue the totals that rates are made of."""

    entities: tuple[base.Entity, ...]
    totals: dict[base.Ref, dict[str, float]]


class Look:
    """Looks at one Redis; it remembers the last totals, for rates."""

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
        self._before: tuple[datetime, Seen] | None = None

    async def sample(self, client: link.Client, now: datetime) -> wire.Sample:
        """The whole live set and its points.

        Raises SourceError.
        """
        seen = await self.read(client, now)
        points = [
            wire.Point(metric=f"queue.{state}", ref=entity.ref, at=now, value=float(count))
            for entity in seen.entities
            if isinstance(entity, queue.Queue)
            for state, count in _shown(entity.counts)
        ]
        rates = list(self._rates(seen, now))
        self.in_rates = {p.ref: p.value for p in rates if p.metric == _RATES["enqueued"]}
        points += rates
        self._before = (now, seen)
        return wire.Sample(at=now, entities=seen.entities, points=tuple(points))

    def _rates(self, seen: Seen, now: datetime) -> Iterator[wire.Point]:
        if self._before is None:
            return
        at, before = self._before
        took_s = (now - at).total_seconds()
        for of, totals in seen.totals.items():
            old = before.totals.get(of)
            if old is None or took_s <= 0:
                continue
            for total, metric in _RATES.items():
                grew = totals[total] - old[total]
                if grew >= 0:  # the counters of a Redis that lost its data begin anew
                    yield wire.Point(metric=metric, ref=of, at=now, value=grew / took_s)

    async def read(self, client: link.Client, now: datetime) -> Seen:
        """Queues, workers and schedules now. Raises SourceError."""
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
        ghosts = await self._ghosts(client, [w for w in staff if w.verdict.code == "dead"])
        queues = [
            self._queue(place, fact, staff, ghosts.get(place.name, 0), now)
            for place, fact in zip(places, facts, strict=True)
        ]
        due = await self._schedules(client, figures.some(schedules), now)
        totals = {q.ref: f.totals for q, f, p in zip(queues, facts, places, strict=True) if f.meta}
        return Seen((*queues, *staff, *due), totals)

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
        since = now.timestamp() - LATELY_S
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
                ("HGETALL", of.meta),
                ("HMGET", of.stats, *figures.TOTALS),
            ]
        replies = iter(await asking.ask(client, *commands))
        return [figures.parse([next(replies) for _ in range(12)]) for _ in places]

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

    def _queue(
        self,
        place: discover.Place,
        facts: figures.Facts,
        staff: Sequence[queue.Worker],
        ghosts: int,
        now: datetime,
    ) -> queue.Queue:
        workers = sum(1 for w in staff if place.name in w.queues and w.verdict.code != "dead")
        known = workers if place.journalled else None
        return queue.Queue(
            ref=ref.make(self.source, "queue", place.name),
            verdict=_verdict(facts, known, ghosts, now),
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
            paused_since=rows.instant(facts.paused),
            paused_by=facts.paused_by[0],
            paused_why=facts.paused_by[1],
            workers=known,
            oldest_enqueued_at=rows.instant(facts.oldest if facts.waiting else None),
            listed=facts.meta.get(b"listed", b"1") != b"0",
            keep_completed=figures.kept(facts.meta.get(b"keep_completed")),
            keep_failed=figures.kept(facts.meta.get(b"keep_failed")),
        )

    async def _schedules(
        self, client: link.Client, names: Sequence[bytes], now: datetime
    ) -> list[queue.Schedule]:
        known = sorted(name.decode("utf-8", "replace") for name in names)[: figures.MOST]
        replies = await asking.ask(client, *(("HGETALL", keys.schedule(n)) for n in known))
        found = zip(known, replies, strict=True)
        made = [
            rows.schedule(self.source, n, dict(figures.pairs(reply)), self._who, now)
            for n, reply in found
        ]
        return [s for s in made if self._found.wanted(s.queue)]


def _verdict(facts: figures.Facts, workers: int | None, ghosts: int, now: datetime) -> base.Verdict:
    if workers is None:
        return base.Verdict(
            level=base.Level.UNKNOWN,
            code="no_journal",
            why="Only waiting and delayed jobs can be seen; journal.watch(huey) shows the rest.",
        )
    if facts.waiting and not workers:
        return base.Verdict(level=base.Level.BAD, code="no_worker", why="Jobs wait, no worker.")
    if ghosts:
        why = f"{ghosts} jobs are in the hands of dead workers; they go back into the queue."
        return base.Verdict(level=base.Level.BAD, code="ghosts", why=why)
    late = facts.oldest is not None and now.timestamp() - facts.oldest > BACKLOG_S
    if facts.waiting and late and facts.paused is None:
        why = f"The oldest job has waited for more than {BACKLOG_S:.0f} s."
        return base.Verdict(level=base.Level.WARN, code="backlog", why=why)
    if facts.lately:
        why = f"{facts.lately:,} failed within {LATELY_S / 60:.0f} minutes."
        return base.Verdict(level=base.Level.WARN, code="failing", why=why)
    return base.OK


def _shown(counts: queue.Counts) -> Iterator[tuple[str, int]]:
    for state in ("waiting", "active", "delayed", "failed"):
        yield state, getattr(counts, state)
