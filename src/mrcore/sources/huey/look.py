"""The live set: queues, workers and schedules, in a fixed number of round trips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mrcore.journal import keys, record
from mrcore.model import base, queue, ref, wire
from mrcore.sources.huey import asking, discover, rows
from mrcore.sources.redis import link

BACKLOG_S = 120.0
LATELY_S = 300.0
_MOST = 1_000
_TOTALS = ("enqueued", "completed", "failed")
_RATES = {"enqueued": "queue.in_rate", "completed": "queue.out_rate", "failed": "queue.fail_rate"}


@dataclass(frozen=True)
class Seen:
    """One look: entities, and by queue the totals that rates are made of."""

    entities: tuple[base.Entity, ...]
    totals: dict[base.Ref, dict[str, float]]


@dataclass(frozen=True)
class Facts:
    """What the replies say of one queue."""

    waiting: int
    delayed: int
    active: int
    failed: int
    completed: int
    oldest: float | None
    paused: float | None
    lately: int
    meta: dict[bytes, bytes]
    totals: dict[str, float]


class Look:
    """Looks at one Redis; it remembers the last totals, for rates."""

    def __init__(self, source: str, root: keys.Root, found: discover.Found) -> None:
        self.source = source
        self.root = root
        self._found = found
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
        points += self._rates(seen, now)
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
        self._found.journal([name.decode("utf-8", "replace") for name in _some(names)])
        places = self._found.places()
        facts = await self._facts(client, places, now)
        hands = list(_pairs(workers))[:_MOST]
        alive = await asking.ask(
            client, *(("EXISTS", self.root.alive(n.decode("utf-8", "replace"))) for n, _ in hands)
        )
        staff = [
            rows.worker(self.source, n.decode("utf-8", "replace"), v, alive=bool(a))
            for (n, v), a in zip(hands, alive, strict=True)
        ]
        ghosts = await self._ghosts(client, [w for w in staff if w.verdict.code == "dead"])
        queues = [
            self._queue(place, fact, staff, ghosts.get(place.name, 0), now)
            for place, fact in zip(places, facts, strict=True)
        ]
        due = await self._schedules(client, _some(schedules), now)
        totals = {q.ref: f.totals for q, f, p in zip(queues, facts, places, strict=True) if f.meta}
        return Seen((*queues, *staff, *due), totals)

    async def _facts(
        self, client: link.Client, places: Sequence[discover.Place], now: datetime
    ) -> list[Facts]:
        """One pipeline for all queues; a second for those whose keys were guessed wrong."""
        facts = await self._ask_facts(client, places, now)
        moved = [i for i, (p, f) in enumerate(zip(places, facts, strict=True)) if _moved(p, f)]
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
    ) -> list[Facts]:
        commands: list[link.Command] = []
        since = now.timestamp() - LATELY_S
        for place in places:
            of = self.root.queue(place.name)
            commands += [
                place.waiting,
                ("ZCARD", place.schedule),
                *(("ZCARD", of.state(state)) for state in ("active", "failed", "completed")),
                ("ZRANGE", of.state("waiting"), 0, 0, "WITHSCORES"),
                ("GET", of.paused),
                ("ZCOUNT", of.state("failed"), f"{since:.3f}", "+inf"),
                ("HGETALL", of.meta),
                ("HMGET", of.stats, *_TOTALS),
            ]
        replies = iter(await asking.ask(client, *commands))
        return [_parse([next(replies) for _ in range(10)]) for _ in places]

    async def _ghosts(self, client: link.Client, dead: Sequence[queue.Worker]) -> dict[str, int]:
        """How many jobs dead workers hold, by queue; asked only while there is a dead one."""
        pairs = [(name, worker.name) for worker in dead for name in worker.queues]
        held = await asking.ask(
            client, *(("LLEN", self.root.queue(name).hands(worker)) for name, worker in pairs)
        )
        found: dict[str, int] = {}
        for (name, _), count in zip(pairs, held, strict=True):
            found[name] = found.get(name, 0) + _int(count)
        return found

    def _queue(
        self,
        place: discover.Place,
        facts: Facts,
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
            ),
            paused_since=rows.instant(facts.paused),
            workers=known,
            oldest_enqueued_at=rows.instant(facts.oldest if facts.waiting else None),
            listed=facts.meta.get(b"listed", b"1") != b"0",
            keep_completed=_kept(facts.meta.get(b"keep_completed")),
            keep_failed=_kept(facts.meta.get(b"keep_failed")),
        )

    async def _schedules(
        self, client: link.Client, names: Sequence[bytes], now: datetime
    ) -> list[queue.Schedule]:
        known = sorted(name.decode("utf-8", "replace") for name in names)[:_MOST]
        replies = await asking.ask(client, *(("HGETALL", keys.schedule(n)) for n in known))
        found = zip(known, replies, strict=True)
        made = [rows.schedule(self.source, n, dict(_pairs(reply)), now) for n, reply in found]
        return [s for s in made if self._found.wanted(s.queue)]


def _verdict(facts: Facts, workers: int | None, ghosts: int, now: datetime) -> base.Verdict:
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


def _parse(replies: Sequence[Any]) -> Facts:
    waiting, delayed, active, failed, completed, oldest, paused, lately, meta, totals = replies
    numbers = [record.number(v) or 0.0 for v in totals or (None,) * len(_TOTALS)]
    return Facts(
        waiting=_int(waiting),
        delayed=_int(delayed),
        active=_int(active),
        failed=_int(failed),
        completed=_int(completed),
        oldest=record.number(oldest[1]) if oldest else None,
        paused=record.number(paused) if isinstance(paused, bytes) else None,
        lately=_int(lately),
        meta=dict(_pairs(meta)),
        totals=dict(zip(_TOTALS, numbers, strict=True)),
    )


def _moved(place: discover.Place, facts: Facts) -> bool:
    """Whether the queue's meta says that it is elsewhere."""
    meta = facts.meta
    if not place.journalled or b"list" not in meta or b"schedule" not in meta:
        return False
    return (meta[b"list"].decode(), meta[b"schedule"].decode()) != (place.list, place.schedule)


def _int(reply: Any) -> int:
    return reply if isinstance(reply, int) else 0


def _kept(value: bytes | None) -> int | None:
    number = record.number(value)
    return None if number is None else int(number)


def _some(reply: Any) -> list[bytes]:
    return sorted(reply)[:_MOST] if isinstance(reply, list | set) else []


def _pairs(reply: Any) -> Iterator[tuple[bytes, bytes]]:
    """HGETALL's flat reply as pairs."""
    items = reply if isinstance(reply, list) else []
    return zip(items[::2], items[1::2], strict=False)
