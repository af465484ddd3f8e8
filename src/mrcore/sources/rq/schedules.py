"""Schedules: RQ's cron jobs, jobs that repeat, and those of the package rq-scheduler."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from mrcore import redact
from mrcore.model import base, queue, ref
from mrcore.queues import ticks
from mrcore.sources.engine import declared
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, crons, declaring, figures, keys, offers, record, rights

LATE_S = 60.0
REPEATS, RUNS = 20, 20
"""Delayed jobs of a queue that are looked at for a repeat; runs of a schedule."""


class Schedules:
    """Reads them for one look."""

    def __init__(
        self, source: str, who: rights.Rights, now: datetime, should: declared.Schedules
    ) -> None:
        self._source = source
        self._who = who
        self._now = now
        self._should = should

    async def read(
        self,
        client: link.Client,
        schedulers: Sequence[tuple[str, float]],
        declared: Sequence[Mapping[bytes, bytes]],
        third_party: Sequence[tuple[str, float]],
        queues: Sequence[str],
    ) -> list[queue.Schedule]:
        """All of them, by name."""
        found: dict[str, list[crons.Cron]] = {}
        for (name, seen), facts in zip(schedulers, declared, strict=True):
            for one in crons.crons(name, seen, facts):
                found.setdefault(one.name, []).append(one)
        made = await self._crons(client, found)
        made += await self._repeats(client, queues)
        made += await self._others(client, third_party)
        may = self._who.offered((offers.REGISTER,))
        made = declaring.against(self._source, made, self._should, may)
        return sorted(made, key=lambda one: one.name)

    async def _crons(
        self, client: link.Client, found: Mapping[str, Sequence[crons.Cron]]
    ) -> list[queue.Schedule]:
        histories = await asking.ask(
            client,
            *(("ZREVRANGE", keys.history(name), 0, RUNS - 1, "WITHSCORES") for name in found),
        )
        runs = [list(figures.scored(history)) for history in histories]
        flat = [job_id for one in runs for job_id, _ in one]
        fields = ("status", "started_at", "ended_at")
        states = await asking.ask(
            client, *(("HMGET", keys.job(job_id), *fields) for job_id in flat)
        )
        ended = dict(zip(flat, states, strict=True))
        return [
            self._cron(same, [at for _, at in one], [ended[job_id] for job_id, _ in one])
            for same, one in zip(found.values(), runs, strict=True)
        ]

    def _cron(
        self, same: Sequence[crons.Cron], ticked: Sequence[float], jobs: Sequence[Any]
    ) -> queue.Schedule:
        """From those of one name, when they have enqueued, newest first, and what became of it."""
        first = same[0]
        next_at = min((one.next_at for one in same if one.next_at), default=None)
        known = [at for at in map(record.epoch, ticked) if at is not None]
        does = ticks.truth(
            ticks.Told(
                declared_s=first.every_s,
                registered_s=first.every_s,
                line=first.line,
                zone="UTC",
                ticks=known,
                runs=list(_ended(jobs)),
                registered=len(same),
                registrars=sorted({one.scheduler for one in same}),
            )
        )
        return queue.Schedule(
            ref=ref.make(self._source, "schedule", first.name),
            verdict=self._verdict(same, next_at, does),
            actions=self._who.offered((offers.RUN,) if first.runnable else ()),
            engine="rq",
            name=first.name,
            queue=first.queue,
            job=first.function.rpartition(".")[2],
            declared=first.declared,
            interval_s=first.interval_s(self._now),
            next_at=next_at,
            last_enqueued_at=known[0] if known else None,
            last_succeeded_at=does.last_succeeded_at,
            missed=does.missed,
            observed_s=does.observed_s,
            overrun=does.overrun,
            registered=len(same),
        )

    def _verdict(
        self, same: Sequence[crons.Cron], next_at: datetime | None, does: ticks.Truth
    ) -> base.Verdict:
        """That nothing is enqueued is worse than what is enqueued otherwise than declared."""
        if next_at is not None and self._now - next_at > timedelta(seconds=LATE_S):
            why = f"It is due and {same[0].scheduler} does not enqueue it."
            return base.Verdict(level=base.Level.BAD, code="overdue", why=why)
        return does.verdict if does.verdict.code else ticks.missed(does, self._now) or base.OK

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
        those = [
            (*one, values)
            for one, values in zip(found, hashes, strict=True)
            if values and record.number(values[0])
        ]
        runs = await self._results(client, [job_id for _, job_id, _, _ in those])
        same = Counter((name, *values[1:3]) for name, _, _, values in those)
        return [
            self._repeat(name, job_id, score, values, (ran, same[(name, *values[1:3])]))
            for (name, job_id, score, values), ran in zip(those, runs, strict=True)
        ]

    async def _results(self, client: link.Client, ids: Sequence[str]) -> list[list[ticks.Ran]]:
        """The runs of jobs that keep their id from run to run, as far as RQ keeps them: 10."""
        replies = await asking.ask(
            client, *(("XREVRANGE", keys.results(one), "+", "-", "COUNT", RUNS) for one in ids)
        )
        return [[ran for e in asking.some(one) if (ran := _ran(e)) is not None] for one in replies]

    def _repeat(
        self,
        name: str,
        job_id: str,
        score: float,
        values: Any,
        past: tuple[Sequence[ticks.Ran], int],
    ) -> queue.Schedule:
        """`past`: its runs, and how many jobs repeat the same call as often."""
        left, intervals, call, enqueued = values
        try:
            every = record.number(json.loads(asking.text(intervals))[-1])
        except (ValueError, LookupError, TypeError):
            every = None
        known = record.summary(job_id, (b"scheduled", b"", call, *(None,) * 8))
        job = known.name if known else ""
        again = int(record.number(left) or 0)
        runs, registered = past
        told = ticks.Told(
            declared_s=every,
            ticks=[ran.started_at or ran.finished_at for ran in runs],
            runs=runs,
            missed=0,  # it counts from the end of a run: what is late is only late
            registered=registered,
        )
        does, due = ticks.truth(told), record.epoch(score)
        verdict = does.verdict
        if due is not None and self._now - due > timedelta(seconds=LATE_S):
            why = "It is due and nobody enqueues it: no worker runs RQ's scheduler."
            verdict = base.Verdict(level=base.Level.BAD, code="overdue", why=why)
        return queue.Schedule(
            ref=ref.make(self._source, "schedule", f"repeat:{name}:{job_id}"),
            verdict=verdict,
            engine="rq",
            name=redact.text(f"{job} {job_id}"),
            queue=name,
            job=redact.text(job),
            declared=f"every {ticks.every(every or 0.0)}, {again} more",
            interval_s=every,
            next_at=due,
            last_enqueued_at=record.instant(enqueued),
            last_succeeded_at=does.last_succeeded_at,
            observed_s=does.observed_s,
            overrun=does.overrun,
            registered=registered,
        )

    async def _others(
        self, client: link.Client, third_party: Sequence[tuple[str, float]]
    ) -> list[queue.Schedule]:
        """Those of rq-scheduler keep their interval in a pickle: it is not read."""
        fields = ("origin", "description", "enqueued_at")
        hashes = await asking.ask(
            client, *(("HMGET", keys.job(job_id), *fields) for job_id, _ in third_party)
        )
        same = Counter(tuple(values or ())[:2] for values in hashes)
        runs = await self._results(client, [job_id for job_id, _ in third_party])
        made = []
        for (job_id, score), values, ran in zip(third_party, hashes, runs, strict=True):
            origin, call, enqueued = values or (None, None, None)
            known = record.summary(job_id, (b"", origin or b"", call, *(None,) * 8))
            due = record.epoch(score)
            told = ticks.Told(
                ticks=[one.started_at or one.finished_at for one in ran],
                runs=ran,
                registered=same[(origin, call)] if call else 1,
            )
            does = ticks.truth(told)
            verdict = does.verdict
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
                    last_succeeded_at=does.last_succeeded_at,
                    observed_s=does.observed_s,
                    registered=told.registered,
                )
            )
        return made


def _ended(jobs: Sequence[Any]) -> Iterator[ticks.Ran]:
    """Runs from status, started_at and ended_at of jobs; those that RQ has forgotten tell none."""
    for values in jobs:
        status, *times = values or (None, None, None)
        started, ended = (record.instant(time) for time in times)
        if ended is not None and status in (b"finished", b"failed"):
            yield ticks.Ran(ended, started, status == b"finished")


def _ran(entry: Any) -> ticks.Ran | None:
    """A run from a result of its job."""
    one = record.attempt(entry)
    ended = one.ended_at or one.at
    return ticks.Ran(ended, one.started_at, one.outcome == "succeeded") if ended else None
