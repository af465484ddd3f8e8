"""Pages of jobs: by state, filtered, newest or oldest first, from where the last page ended.

RQ's registries are sorted by when they forget a job, not by when it ended: with one time to live
for all jobs that is the same order. Failed jobs that are kept for ever come last, by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import JsonValue

from mrcore import redact
from mrcore.model import plans, queue, wire
from mrcore.sources.engine import walking
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, figures, keys, payload, record, rows
from mrcore.sources.rq import walking as own

CHUNK = 100
"""Jobs that are read at once."""


class Placed(NamedTuple):
    """A job's id with its score in a registry, as it is written there."""

    job_id: str
    score: str


class Jobs:
    """Reads the jobs of one source's queues."""

    def __init__(self, maker: rows.Maker) -> None:
        self.maker = maker

    async def page(
        self,
        client: link.Client,
        name: str,
        query: plans.Query,
        cursor: str | None,
        now: datetime,
        most: int | None = None,
    ) -> wire.Page:
        """One page; it returns within 250 ms with what it has.

        Raises Unsupported for a state that there is not, NotFound for a cursor that is not ours,
        BadRequest for what is no filter.
        """
        those = own.states(query.state)

        async def total() -> int:
            asked = [command for state in those for command in figures.counted(state, name, now)]
            counts = await asking.ask(client, *asked)
            return sum(asking.whole(count) for count in counts)

        return await walking.through(
            walking.Walk(query, now, most),
            those,
            cursor,
            total,
            lambda spot, walk: self._state(client, name, spot, walk),
        )

    async def _state(
        self, client: link.Client, name: str, spot: walking.Spot, walk: walking.Walk
    ) -> walking.Spot | None:
        """Walk through one state; where to go on in it, or None at its end."""
        newest = walk.query.order != "oldest"
        start = await _start(client, name, spot, newest=newest)
        while not walk.full():
            size = CHUNK if walk.filters else min(300, walk.query.limit - len(walk.found))
            placed = await portion(client, name, spot.state, start, size, newest=newest)
            read = await self.read(client, name, spot.state, placed, data=bool(walk.query.text))
            for one in placed:
                start += 1
                if (row := read.get(one.job_id)) is not None:
                    await walk.take(*row)
                spot = walking.Spot(spot.state, one.score, one.job_id, start)
                if walk.leaves():
                    break
            if len(placed) < size and placed[-1:] == [Placed(spot.job_id, spot.score)]:
                return None
            if not placed:
                return None
        return spot

    async def read(
        self,
        client: link.Client,
        name: str,
        state: str,
        placed: Sequence[Placed],
        *,
        data: bool = False,
    ) -> dict[str, tuple[queue.Job, JsonValue]]:
        """Rows and, if asked for, payloads that can be searched, of the jobs that are there."""
        commands: list[link.Command] = []
        last = "data" if data else "status"
        for job_id, _ in placed:
            commands.append(("HMGET", keys.job(job_id), *record.SUMMARY, last))
            commands.append(("XLEN", keys.results(job_id)))
            commands.append(("XREVRANGE", keys.results(job_id), "+", "-", "COUNT", 1))
        replies = await asking.ask(client, *commands)
        each = zip(placed, replies[::3], replies[1::3], replies[2::3], strict=True)
        held = await self._held(client, name, state, placed)
        found: dict[str, tuple[queue.Job, JsonValue]] = {}
        for (job_id, score), values, attempts, entries in each:
            one = summed(job_id, values, attempts, entries)
            if one is None or one.origin not in ("", name):
                continue
            said = payload.words(values[-1]) if data else None
            number = record.number(score)
            row = self.maker.job(name, one, state, number, held.get(job_id), said)
            found[job_id] = (row, said)
        return found

    async def _held(
        self, client: link.Client, name: str, state: str, placed: Sequence[Placed]
    ) -> dict[str, rows.Held]:
        """Since when, by whom and why these are quarantined."""
        if state != "quarantined":
            return {}
        replies = await asking.ask(
            client,
            *(("HMGET", keys.held(name, job_id), "from", "by", "why") for job_id, _ in placed),
        )
        found: dict[str, rows.Held] = {}
        for (job_id, score), values in zip(placed, replies, strict=True):
            before, by, why = (asking.text(value) for value in values or (None, None, None))
            since = record.epoch((record.number(score) or 0.0) / 1000)
            found[job_id] = rows.Held(since, before, by, redact.text(why))
        return found


def summed(job_id: str, values: Any, attempts: Any, entries: Any) -> record.Record | None:
    """A job's summary with its last failure, which RQ keeps beside it."""
    fields = asking.some(values)[: len(record.SUMMARY)]
    one = record.summary(job_id, fields) if fields else None
    if one is None:
        return None
    newest = [record.attempt(entry) for entry in asking.some(entries)]
    trace = newest[0].trace if newest and newest[0].trace else one.trace
    return _replaced(one, trace, asking.whole(attempts))


def _replaced(one: record.Record, trace: str, attempts: int) -> record.Record:
    return record.Record(**{**one.__dict__, "trace": trace, "attempts": attempts})


async def portion(
    client: link.Client, name: str, state: str, start: int, size: int, *, newest: bool
) -> list[Placed]:
    """Some ids of a state; of the queue itself the newest are at its end."""
    key = keys.where(state, name)
    if state == "queued":
        span = (-start - size, -start - 1) if newest else (start, start + size - 1)
        (reply,) = await asking.ask(client, ("LRANGE", key, *span))
        ids = [asking.text(member) for member in asking.some(reply)]
        return [Placed(job_id, "") for job_id in (reversed(ids) if newest else ids)]
    command = "ZREVRANGE" if newest else "ZRANGE"
    (reply,) = await asking.ask(client, (command, key, start, start + size - 1, "WITHSCORES"))
    found = [
        Placed(asking.text(member), asking.text(score)) for member, score in asking.pairs(reply)
    ]
    if state == "started":  # its members are job:execution
        return [Placed(job_id.partition(":")[0], score) for job_id, score in found]
    return found


async def _start(client: link.Client, name: str, spot: walking.Spot, *, newest: bool) -> int:
    """The rank after the row where the last page ended, also when that row has left."""
    if not spot.job_id:
        return 0
    key = keys.where(spot.state, name)
    if spot.state == "queued":
        # Looked for near where it was: the newest end moves as jobs come, the oldest as they go.
        reach = ("RANK", -1 if newest else 1, "MAXLEN", spot.skipped + 10_000)
        at, size = await asking.ask(client, ("LPOS", key, spot.job_id, *reach), ("LLEN", key))
        if not isinstance(at, int):
            return spot.skipped if newest else 0
        return asking.whole(size) - at if newest else at + 1
    if spot.state == "started":
        return spot.skipped
    return await walking.rank(asking.ask, client, key, spot, newest=newest)
