"""Pages of jobs: by state, filtered, newest or oldest first, from where the last page ended.

A cursor is JSON: the state, then the score and the id of the last row (in huey's own list: how many
rows were looked at). It goes on after that row even when rows have come and gone before it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mrcore import errors, match, redact
from mrcore.journal import keys, record
from mrcore.model import plans, queue, wire
from mrcore.sources.huey import asking, discover, rows
from mrcore.sources.redis import link

BUDGET_S = 0.2
CHUNK = 300
_TIME_PREFIX = 8  # bytes that PriorityRedisHuey puts before a message
SEARCHED_BYTES = 16 * 1024
ORDER = ("active", "failed", "waiting", "delayed", "completed")
"""The states in which a page without one goes through them."""

Keep = Callable[[bytes], bool]


@dataclass
class Walk:
    """A page in the making."""

    query: plans.Query
    keep: Keep
    began: float = field(default_factory=time.perf_counter)
    found: list[queue.Job] = field(default_factory=list)
    refs: set[str] = field(default_factory=set)
    scanned: int = 0

    def full(self) -> bool:
        """Whether to stop here: enough rows, or no time left."""
        spent_s = time.perf_counter() - self.began
        return len(self.found) >= self.query.limit or (self.scanned > 0 and spent_s > BUDGET_S)

    def take(self, row: queue.Job, payload: Any) -> None:
        """Look at one row; a job that is enqueued twice is one row."""
        self.scanned += 1
        if row.ref in self.refs:
            return
        words = f"{row.id} {row.name} {row.error} {row.worker} {_text(payload)}"
        if not self.query.text or self.keep(words.encode("utf-8", "replace")[:SEARCHED_BYTES]):
            self.found.append(row)
            self.refs.add(row.ref)


@dataclass(frozen=True)
class Spot:
    """Where a page goes on: in which state, after which row."""

    state: str
    score: str = ""
    job_id: str = ""
    skipped: int = -1

    def dump(self) -> str:
        return json.dumps([self.state, self.score, self.job_id, self.skipped])

    @classmethod
    def load(cls, cursor: str) -> Spot:
        """Raises NotFound for a cursor that is not ours."""
        try:
            state, score, job_id, skipped = json.loads(cursor)
            spot = cls(str(state), str(score), str(job_id), int(skipped))
        except (ValueError, TypeError) as error:
            raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.") from error
        if spot.state not in ORDER or not _is_score(spot.score):
            raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.")
        return spot


class Jobs:
    """Reads the jobs of one source's queues."""

    def __init__(self, maker: rows.Maker, root: keys.Root, found: discover.Found) -> None:
        self.maker = maker
        self.root = root
        self.found = found

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
        states = _states(place, query.state)
        walk = Walk(query, match.of(query.text))
        spot = Spot.load(cursor) if cursor else Spot(states[0])
        total = await self._total(client, place, states)
        after: Spot | None = spot
        for state in states[states.index(spot.state) if spot.state in states else 0 :]:
            start = spot if state == spot.state else Spot(state)
            after = await self._state(client, place, start, walk)
            if after is not None:
                break
            if walk.full() and state != states[-1]:
                after = Spot(states[states.index(state) + 1])
                break
        looked = wire.Looked(scanned=walk.scanned, total=total, complete=after is None)
        dumped = None if after is None else after.dump()
        return wire.Page(at=now, rows=tuple(walk.found), cursor=dumped, looked=looked)

    async def _total(
        self, client: link.Client, place: discover.Place, states: Sequence[str]
    ) -> int:
        counts = await asking.ask(client, *(self._count(place, state) for state in states))
        return sum(count for count in counts if isinstance(count, int))

    def _count(self, place: discover.Place, state: str) -> link.Command:
        if state == "waiting":
            return place.waiting
        if state == "delayed":
            return "ZCARD", place.schedule
        return "ZCARD", self.root.queue(place.name).state(state)

    async def _state(
        self, client: link.Client, place: discover.Place, spot: Spot, walk: Walk
    ) -> Spot | None:
        """Walk through one state; where to go on in it, or None at its end."""
        if spot.state in ("waiting", "delayed"):
            known = ("ZCARD", self.root.queue(place.name).state(spot.state))
            truth, journal = await asking.ask(client, self._count(place, spot.state), known)
            if spot.skipped >= 0 or truth != journal:
                return await self._messages(client, place, spot, walk)
        return await self._recorded(client, place, spot, walk)

    async def _recorded(
        self, client: link.Client, place: discover.Place, spot: Spot, walk: Walk
    ) -> Spot | None:
        """Jobs that the journal has in this state."""
        zset = self.root.queue(place.name).state(spot.state)
        newest = walk.query.order != "oldest"
        start = await _start(client, zset, spot, newest=newest)
        while not walk.full():
            size = CHUNK if walk.query.text else walk.query.limit - len(walk.found)
            command = "ZREVRANGE" if newest else "ZRANGE"
            (reply,) = await asking.ask(
                client, (command, zset, start, start + size - 1, "WITHSCORES")
            )
            pairs = _scored(reply)
            ids = [member.decode("utf-8", "replace") for member, _ in pairs]
            jobs = await self.read(client, place.name, ids, payload=bool(walk.query.text))
            for job_id, (_, score) in zip(ids, pairs, strict=True):
                if job_id in jobs:
                    walk.take(*jobs[job_id])
                spot = Spot(spot.state, score, job_id)
                if walk.full():
                    break
            start += len(pairs)
            if len(pairs) < size:
                return None if not pairs or spot.job_id == ids[-1] else spot
        return spot

    async def _messages(
        self, client: link.Client, place: discover.Place, spot: Spot, walk: Walk
    ) -> Spot | None:
        """Jobs as huey has them: some of them came from producers that are not watched."""
        state = queue.JobState(spot.state)
        at = max(spot.skipped, 0)
        while not walk.full():
            size = min(CHUNK, walk.query.limit - len(walk.found)) if not walk.query.text else CHUNK
            first, last = at, at + size - 1
            oldest = walk.query.order == "oldest"
            ranked = place.ranked and state is queue.JobState.WAITING
            if ranked or state is queue.JobState.DELAYED:
                key = place.list if ranked else place.schedule
                command: link.Command = ("ZRANGE" if oldest else "ZREVRANGE", key, first, last)
            elif oldest:
                command = ("LRANGE", place.list, -last - 1, -first - 1)
            else:
                command = ("LRANGE", place.list, first, last)
            (reply,) = await asking.ask(client, command)
            messages = reply if isinstance(reply, list) else []
            if ranked:
                messages = [message[_TIME_PREFIX:] for message in messages]
            elif oldest and state is queue.JobState.WAITING:
                messages = messages[::-1]
            bare = [
                self.maker.unjournalled(place.name, message, state, at + n)
                for n, message in enumerate(messages)
            ]
            ids = [row.id for row in bare]
            known = await self.read(client, place.name, ids, payload=bool(walk.query.text))
            for row in bare:
                at += 1
                walk.take(*known.get(row.id, (row, None)))
                if walk.full():
                    break
            if len(messages) < size:
                return None if at == first + len(messages) else _at(spot, at)
        return _at(spot, at)

    async def read(
        self,
        client: link.Client,
        of: str,
        ids: Sequence[str],
        *,
        payload: bool,
        clean: redact.Redactor = redact.ALL,
    ) -> dict[str, tuple[queue.Job, Any]]:
        """Rows and, if asked for, (cleaned) payloads of the jobs that are written down."""
        at = self.root.queue(of)
        commands: list[link.Command] = []
        last = "payload" if payload else "state"
        for job_id in ids:
            commands.append(("HMGET", at.job(job_id), *record.SUMMARY, last))
            commands.append(("HEXISTS", at.job(job_id), "message"))
        replies = await asking.ask(client, *commands)
        found: dict[str, tuple[record.Record, bool, Any]] = {}
        for job_id, values, has in zip(ids, replies[::2], replies[1::2], strict=True):
            if isinstance(values, list) and (one := record.summary(job_id, values[:-1])):
                given = clean.value(record.parse(values[-1])) if payload else None
                found[job_id] = (one, has == 1, given)
        dead = await self._dead(
            client, {r.worker for r, _, _ in found.values() if r.state == "active"}
        )
        return {
            job_id: (self.maker.job(of, one, alive=one.worker not in dead, kept=has), given)
            for job_id, (one, has, given) in found.items()
        }

    async def _dead(self, client: link.Client, workers: set[str]) -> set[str]:
        names = sorted(workers)
        alive = await asking.ask(client, *(("EXISTS", self.root.alive(name)) for name in names))
        return {name for name, there in zip(names, alive, strict=True) if there == 0}


def _states(place: discover.Place, state: str) -> tuple[str, ...]:
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


async def _start(client: link.Client, zset: str, spot: Spot, *, newest: bool) -> int:
    """The rank after the row where the last page ended, also when that row has left."""
    if not spot.job_id:
        return 0
    before = (f"({spot.score}", "+inf") if newest else ("-inf", f"({spot.score}")
    rank, passed = await asking.ask(
        client, ("ZREVRANK" if newest else "ZRANK", zset, spot.job_id), ("ZCOUNT", zset, *before)
    )
    if isinstance(rank, int):
        return rank + 1
    return passed if isinstance(passed, int) else 0


def _scored(reply: Any) -> list[tuple[bytes, str]]:
    items = reply if isinstance(reply, list) else []
    return [(m, s.decode()) for m, s in zip(items[::2], items[1::2], strict=True)]


def _at(spot: Spot, skipped: int) -> Spot:
    return Spot(spot.state, skipped=skipped)


def _is_score(score: str) -> bool:
    try:
        return not score or float(score) == float(score)
    except ValueError:
        return False


def _text(payload: Any) -> str:
    return "" if payload is None else json.dumps(payload)
