"""Schedules: RQ's cron jobs, jobs that repeat, and those of the package rq-scheduler."""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mrcore import redact
from mrcore.model import base, queue, ref
from mrcore.queues import words
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, figures, keys, offers, record, rights

LATE_S = 60.0
REPEATS, RUNS = 20, 10
"""Delayed jobs of a queue that are looked at for a repeat; runs of a cron job."""

SECRET = "<not JSON serializable>"  # noqa: S105 (rq.utils.NOT_JSON_SERIALIZABLE)
"""In place of arguments that a cron scheduler could not write down."""


@dataclass(frozen=True)
class Cron:
    """A cron job as its scheduler has published it."""

    name: str
    queue: str
    function: str
    scheduler: str
    seen_at: datetime | None
    facts: Mapping[str, Any]

    @property
    def interval_s(self) -> float | None:
        return record.number(self.facts.get("interval"))

    @property
    def declared(self) -> str:
        line = self.facts.get("cron")
        return str(line) if line else f"every {words.age(self.interval_s or 0.0)}"

    @property
    def next_at(self) -> datetime | None:
        return record.instant(str(self.facts.get("next_enqueue_time") or "").encode())

    @property
    def runnable(self) -> bool:
        """Whether its arguments were written down."""
        return SECRET not in (self.facts.get("args"), self.facts.get("kwargs"))


def crons(scheduler: str, seen: float, facts: Mapping[bytes, bytes]) -> Iterator[Cron]:
    """The cron jobs of one scheduler."""
    try:
        found = json.loads(facts.get(b"cron_jobs", b"[]"))
    except ValueError:
        return
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict) and one.get("queue_name") and one.get("func_name"):
            function = str(one["func_name"])
            name = str(one.get("name") or function)
            at = record.epoch(seen)
            yield Cron(name, str(one["queue_name"]), function, scheduler, at, one)


class Schedules:
    """Reads them for one look."""

    def __init__(self, source: str, who: rights.Rights, now: datetime) -> None:
        self._source = source
        self._who = who
        self._now = now

    async def read(
        self,
        client: link.Client,
        schedulers: Sequence[tuple[str, float]],
        declared: Sequence[Mapping[bytes, bytes]],
        third_party: Sequence[tuple[str, float]],
        queues: Sequence[str],
    ) -> list[queue.Schedule]:
        """All of them, by name."""
        found: dict[str, list[Cron]] = {}
        for (name, seen), facts in zip(schedulers, declared, strict=True):
            for one in crons(name, seen, facts):
                found.setdefault(one.name, []).append(one)
        made = await self._crons(client, found)
        made += await self._repeats(client, queues)
        made += await self._others(client, third_party)
        return sorted(made, key=lambda one: one.name)

    async def _crons(
        self, client: link.Client, found: Mapping[str, Sequence[Cron]]
    ) -> list[queue.Schedule]:
        histories = await asking.ask(
            client,
            *(("ZREVRANGE", keys.history(name), 0, RUNS - 1, "WITHSCORES") for name in found),
        )
        runs = [list(figures.scored(history)) for history in histories]
        flat = [job_id for one in runs for job_id, _ in one]
        states = await asking.ask(
            client, *(("HMGET", keys.job(job_id), "status", "ended_at") for job_id in flat)
        )
        ended = dict(zip(flat, states, strict=True))
        return [
            self._cron(same, [(job_id, at, ended[job_id]) for job_id, at in one])
            for same, one in zip(found.values(), runs, strict=True)
        ]

    def _cron(self, same: Sequence[Cron], runs: Sequence[tuple[str, float, Any]]) -> queue.Schedule:
        first = same[0]
        next_at = min((one.next_at for one in same if one.next_at), default=None)
        well = (
            record.instant(state[1]) for _, _, state in runs if state and state[0] == b"finished"
        )
        times = [at for _, at, _ in runs]
        gaps = [later - earlier for later, earlier in itertools.pairwise(times)]
        return queue.Schedule(
            ref=ref.make(self._source, "schedule", first.name),
            verdict=self._verdict(same, next_at),
            actions=self._who.offered((offers.RUN,) if first.runnable else ()),
            engine="rq",
            name=first.name,
            queue=first.queue,
            job=first.function.rpartition(".")[2],
            declared=first.declared,
            interval_s=first.interval_s,
            next_at=next_at,
            last_enqueued_at=record.epoch(times[0]) if times else None,
            last_succeeded_at=next((at for at in well if at), None),
            observed_s=round(statistics.median(gaps), 3) if gaps else None,
            registered=len(same),
        )

    def _verdict(self, same: Sequence[Cron], next_at: datetime | None) -> base.Verdict:
        if len(same) > 1:
            why = f"{len(same)} schedulers run it: {', '.join(one.scheduler for one in same)}."
            return base.Verdict(level=base.Level.WARN, code="doubled", why=why)
        if next_at is not None and self._now - next_at > timedelta(seconds=LATE_S):
            why = f"It is due and {same[0].scheduler} does not enqueue it."
            return base.Verdict(level=base.Level.BAD, code="overdue", why=why)
        return base.OK

    async def _repeats(self, client: link.Client, queues: Sequence[str]) -> list[queue.Schedule]:
        """Jobs that put themselves back (`Repeat`): the first few delayed ones of each queue."""
        replies = await asking.ask(
            client,
            *(
                ("ZRANGE", keys.where("scheduled", name), 0, REPEATS - 1, "WITHSCORES")
                for name in queues
            ),
        )
        found = [
            (name, job_id, score)
            for name, reply in zip(queues, replies, strict=True)
            for job_id, score in figures.scored(reply)
        ]
        fields = ("repeats_left", "repeat_intervals", "description", "enqueued_at")
        hashes = await asking.ask(
            client, *(("HMGET", keys.job(job_id), *fields) for _, job_id, _ in found)
        )
        return [
            self._repeat(name, job_id, score, values)
            for (name, job_id, score), values in zip(found, hashes, strict=True)
            if values and record.number(values[0])
        ]

    def _repeat(self, name: str, job_id: str, score: float, values: Any) -> queue.Schedule:
        left, intervals, call, enqueued = values
        try:
            every = record.number(json.loads(asking.text(intervals))[-1])
        except (ValueError, LookupError, TypeError):
            every = None
        known = record.summary(job_id, (b"scheduled", b"", call, *(None,) * 8))
        job = known.name if known else ""
        again = int(record.number(left) or 0)
        return queue.Schedule(
            ref=ref.make(self._source, "schedule", f"repeat:{name}:{job_id}"),
            engine="rq",
            name=redact.text(f"{job} {job_id}"),
            queue=name,
            job=redact.text(job),
            declared=f"every {words.age(every or 0.0)}, {again} more",
            interval_s=every,
            next_at=record.epoch(score),
            last_enqueued_at=record.instant(enqueued),
        )

    async def _others(
        self, client: link.Client, third_party: Sequence[tuple[str, float]]
    ) -> list[queue.Schedule]:
        """Those of rq-scheduler keep their interval in a pickle: it is not read."""
        fields = ("origin", "description", "enqueued_at")
        hashes = await asking.ask(
            client, *(("HMGET", keys.job(job_id), *fields) for job_id, _ in third_party)
        )
        made = []
        for (job_id, score), values in zip(third_party, hashes, strict=True):
            origin, call, enqueued = values or (None, None, None)
            known = record.summary(job_id, (b"", origin or b"", call, *(None,) * 8))
            due = record.epoch(score)
            verdict = base.OK
            if due is not None and self._now - due > timedelta(seconds=LATE_S):
                why = "It is due and nobody enqueues it: no rqscheduler runs."
                verdict = base.Verdict(level=base.Level.BAD, code="overdue", why=why)
            made.append(
                queue.Schedule(
                    ref=ref.make(self._source, "schedule", f"scheduler:{job_id}"),
                    verdict=verdict,
                    actions=self._who.offered((offers.UNSCHEDULE,)),
                    engine="rq",
                    name=redact.text(f"{known.name if known else 'job'} {job_id}"),
                    queue=asking.text(origin),
                    job=redact.text(known.name if known else ""),
                    declared="by rq-scheduler (its interval is pickled)",
                    next_at=due,
                    last_enqueued_at=record.instant(enqueued),
                )
            )
        return made
