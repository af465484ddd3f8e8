"""Jobs, queues and schedules to act on, and what can happen to each meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable
from datetime import timedelta
from typing import Any

import rq
from rq.job import Job

from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.sources.rq import keys
from tests.contract import rig, rq_desk

QUEUE = "deedQueue"
JOB_STATES = {
    "queue.retry": ("failed", "failed", "failed"),
    "job.remove": ("failed", "finished", "queued", "queued", "scheduled", "quarantined failed"),
    "job.quarantine": ("failed", "queued", "queued", "scheduled"),
    "job.release": ("quarantined failed", "quarantined scheduled", "quarantined queued"),
    "job.promote": ("scheduled", "scheduled"),
    "job.delay": ("scheduled", "scheduled"),
    "job.duplicate": ("failed", "finished", "queued", "scheduled"),
    "queue.clean": ("failed", "failed"),
    "queue.drain": ("queued", "queued"),
}
ACTS = (
    *JOB_STATES, "queue.pause", "queue.resume", "schedule.run", "schedule.remove",
    "schedule.register",
)  # fmt: skip
SCHEDULES = {
    f"again-{n}": {"queue": QUEUE, "every_s": 86_400, "job": "tests.contract.rq_jobs.send_otp"}
    for n in range(2)
}
"""What the rig's settings declare."""

EMPTIES = ("queue.clean", "queue.drain")
"""What is asked of a queue and done to its jobs."""
ARGS: dict[base.ActionId, plans.Args] = {
    "job.delay": {"by_s": 7_200},
    "queue.clean": {"state": "failed", "older_s": 0},
}
_OTHERS = {
    "it is retried": "queue.retry",
    "it is removed": "job.remove",
    "it is quarantined": "job.quarantine",
    "it is released": "job.release",
    "it is promoted": "job.promote",
    "it is duplicated": "job.duplicate",
}
_SCORED = (
    "failed", "finished", "scheduled", "deferred", "canceled", "quarantined",
)  # fmt: skip


class Deeds:
    """What the rig of RQ acts on; `another` plans and applies as another core would."""

    def __init__(self, desk: rq_desk.Desk, open_source: Callable[[], source_base.Source]) -> None:
        self._desk = desk
        self._open_source = open_source
        self._numbers = itertools.count()

    # -- what to act on

    async def deed(self, action: base.ActionId) -> rig.Deed:
        self._desk.conn.delete(keys.SUSPENDED)
        chosen: tuple[base.Ref, ...] = ()
        if action in EMPTIES:  # no others shall be there
            self._desk.conn.delete(keys.where("failed", QUEUE))
            chosen = (ref.make("rq", "queue", QUEUE),)
        if action in JOB_STATES:
            refs = await self._jobs(JOB_STATES[action])
        elif action in ("queue.pause", "queue.resume"):
            refs = (await self._pausable(paused=action == "queue.resume"),)
        elif action == "schedule.register":
            for mark in self._desk.conn.scan_iter("mr:rq:done:*"):
                self._desk.conn.delete(mark)  # its schedules are the same in every deed
            refs = tuple(self._repeats(name) for name in SCHEDULES)
        else:
            refs = self._schedules(action)
        return rig.Deed(action, refs, refs[0], ARGS.get(action, {}), chosen)

    async def _jobs(self, states: tuple[str, ...]) -> tuple[base.Ref, ...]:
        desk = self._desk
        desk.conn.delete(keys.where("queued", QUEUE))
        made = {n: self._made(n, s) for n, s in enumerate(states) if not s.endswith("queued")}
        desk.run_all(QUEUE)
        for number in range(len(states)):
            if number not in made:
                made[number] = desk.send(QUEUE, number)
        refs = []
        for number, state in enumerate(states):
            of = ref.make("rq", "job", QUEUE, made[number])
            assert made[number] in desk.ids(QUEUE, state.removeprefix("quarantined "))
            if state.startswith("quarantined"):
                await self.another("job.quarantine", of)
            refs.append(of)
        return tuple(refs)

    def _made(self, number: int, state: str) -> str:
        """Enqueue one that is in that state once all has run."""
        if state.endswith("scheduled"):
            later = timedelta(seconds=10_000 + number)
            job = self._desk.queue(QUEUE).enqueue_in(later, "tests.contract.rq_jobs.refuse", number)
            return str(job.id)
        well = state == "finished"
        return self._desk.send(QUEUE, number) if well else self._desk.fail(QUEUE, number)

    async def _pausable(self, *, paused: bool) -> base.Ref:
        name = f"pausable{next(self._numbers)}"
        self._desk.send(name)
        of = ref.make("rq", "queue", name)
        if paused:
            await self.another("queue.pause", of)
        return of

    def _repeats(self, name: str) -> base.Ref:
        """The first is not there at all, the second repeats every 15 min."""
        conn = self._desk.conn
        conn.zrem(keys.where("scheduled", QUEUE), name)
        conn.delete(keys.job(name))
        if name != next(iter(SCHEDULES)):
            self._desk.queue(QUEUE).enqueue_in(
                timedelta(minutes=15),
                "tests.contract.rq_jobs.send_otp",
                "all",
                job_id=name,
                repeat=rq.Repeat(times=9, interval=900),
            )
        return ref.make("rq", "schedule", f"repeat:{QUEUE}:{name}")

    def _schedules(self, action: base.ActionId) -> tuple[base.Ref, ...]:
        names = [f"tick {next(self._numbers)}" for _ in range(2)]
        if action == "schedule.run":
            self._desk.cron(QUEUE, *names)
            return tuple(ref.make("rq", "schedule", name) for name in names)
        refs = []
        for number, _ in enumerate(names):
            job = self._desk.queue(QUEUE).create_job("tests.contract.rq_jobs.send_otp", ("all",))
            job.save()
            self._desk.conn.zadd(keys.THIRD_PARTY, {job.id: 4_000_000_000 + number})
            refs.append(ref.make("rq", "schedule", f"scheduler:{job.id}"))
        return tuple(refs)

    # -- what is so

    def state(self, action: base.ActionId, of: base.Ref) -> Hashable:
        conn, name = self._desk.conn, ref.parse(of).id
        if action in JOB_STATES:
            return self._job(name)
        if action in ("queue.pause", "queue.resume"):
            return (conn.get(keys.SUSPENDED),)
        if action == "schedule.register":
            own = name.removeprefix(f"repeat:{QUEUE}:")
            facts = frozenset(conn.hgetall(keys.job(own)).items())
            return facts, conn.zscore(keys.where("scheduled", QUEUE), own)
        if action == "schedule.remove":
            return (conn.zscore(keys.THIRD_PARTY, name.partition(":")[2]),)
        runs = conn.zrange(keys.history(name), 0, -1, withscores=True)
        waiting = self._desk.ids(QUEUE, "queued")
        mine = tuple(job_id.decode() in waiting for job_id, _ in runs)
        return tuple(runs), conn.zscore(keys.CRON_NAMES, name), mine

    def _job(self, job_id: str) -> Hashable:
        """Its keys, its place in each registry and in the list, and when it is forgotten."""
        conn = self._desk.conn
        owned = (keys.held(QUEUE, job_id), keys.results(job_id), keys.copied(QUEUE, job_id))
        dumps = tuple(conn.dump(key) for key in owned)
        facts = frozenset(conn.hgetall(keys.job(job_id)).items())
        ends = conn.expiretime(keys.job(job_id)), conn.expiretime(keys.results(job_id))
        copy = (conn.get(keys.copied(QUEUE, job_id)) or b"").decode()
        copied = tuple(conn.hmget(keys.job(copy), "status", "enqueued_at")), self._places(copy)
        return facts, dumps, ends, self._places(job_id), copied

    def _places(self, job_id: str) -> Hashable:
        conn = self._desk.conn
        scores = tuple(conn.zscore(keys.where(state, QUEUE), job_id) for state in _SCORED)
        return scores, self._desk.ids(QUEUE, "queued").count(job_id)

    def facts(self, action: base.ActionId, of: base.Ref) -> Hashable:
        conn, name = self._desk.conn, ref.parse(of).id
        if action == "schedule.run":
            return tuple(conn.zrange(keys.history(name), -1, -1))
        if action not in JOB_STATES:
            return self.state(action, of)
        fields = ("status", "enqueued_at", "started_at", "ended_at")
        copy = conn.get(keys.copied(QUEUE, name)) if action == "job.duplicate" else None
        return tuple(conn.hmget(keys.job(name), *fields)), self._places(name), copy

    # -- what happens meanwhile

    async def move_on(self, deed: rig.Deed) -> None:
        again = {"job.quarantine": "queue.retry"}
        if deed.action in ("job.remove", "job.delay", *EMPTIES):
            await self._anew(deed.moved_on)
        else:
            await self.another(again.get(deed.action, deed.action), deed.moved_on)

    def churn(self, action: base.ActionId) -> rig.Churn:
        if action in JOB_STATES:
            others = {name: self._other(done) for name, done in _OTHERS.items()}
            return {
                **others,
                "it comes back to the state that it was in": self._comes_back,
                "waiting jobs run": self._runs,
                "a worker takes the next": self._claimed,
                "it is enqueued anew under the same id": self._anew,
                "what is delayed is due": self._due,
                "RQ forgets it": self._forgotten,
            }
        if action in ("queue.pause", "queue.resume"):
            return {
                "it is paused": self._other("queue.pause"),
                "it is resumed": self._other("queue.resume"),
                "a job comes": self._comes,
            }
        if action == "schedule.run":
            return {
                "it is run by hand": self._other("schedule.run"),
                "it is due": self._ticks,
                "waiting jobs run": self._runs,
            }
        if action == "schedule.register":
            return {
                "it is registered": self._other("schedule.register"),
                "it is due": self._repeat_is_due,
            }
        return {"it is removed": self._other("schedule.remove"), "it ran": self._next}

    def _other(self, action: base.ActionId) -> Callable[[base.Ref], Any]:
        async def act(of: base.Ref) -> None:
            await self.another(action, of)

        return act

    async def another(self, action: base.ActionId, of: base.Ref) -> None:
        """Another core does it, if it can be done."""
        async with self._open_source() as source:
            selection, args = plans.Selection(refs=(of,)), ARGS.get(action, {})
            planned = source.plan(action, selection, args, lambda looked, total: None)
            targets = [part async for part in planned if isinstance(part, plans.Target)]
            by = plans.By(login="ravi", operation=next(self._numbers))
            for outcome in await source.apply(action, targets, args, by):
                assert outcome.outcome is not plans.Outcome.FAILED, outcome

    async def _runs(self, of: base.Ref) -> None:
        self._desk.run_all(QUEUE)

    async def _comes_back(self, of: base.Ref) -> None:
        """As it was but for when it came there."""
        name = ref.parse(of).id
        if name in self._desk.ids(QUEUE, "failed"):
            await self.another("queue.retry", of)
            self._desk.run_all(QUEUE)
        elif self._desk.conn.zscore(keys.where("quarantined", QUEUE), name):
            await self.another("job.release", of)
            await self.another("job.quarantine", of)
        else:
            await self._anew(of)

    async def _claimed(self, of: base.Ref) -> None:
        queue = keys.where("queued", QUEUE)
        self._desk.conn.lmove(queue, f"{queue}:intermediate", "LEFT", "RIGHT")

    async def _anew(self, of: base.Ref) -> None:
        self._desk.send(QUEUE, 0, job_id=ref.parse(of).id)

    async def _due(self, of: base.Ref) -> None:
        self._desk.due(QUEUE, ref.parse(of).id)

    async def _forgotten(self, of: base.Ref) -> None:
        name = ref.parse(of).id
        for state in ("failed", "finished"):
            if name in self._desk.ids(QUEUE, state):
                if Job.exists(name, connection=self._desk.conn):  # names may outlive jobs
                    Job.fetch(name, connection=self._desk.conn).delete()
                self._desk.conn.zrem(keys.where(state, QUEUE), name)
                return

    async def _comes(self, of: base.Ref) -> None:
        self._desk.send(ref.parse(of).id)

    async def _ticks(self, of: base.Ref) -> None:
        self._desk.tick(ref.parse(of).id)

    async def _repeat_is_due(self, of: base.Ref) -> None:
        name, where = (
            ref.parse(of).id.removeprefix(f"repeat:{QUEUE}:"),
            keys.where("scheduled", QUEUE),
        )
        self._desk.conn.zadd(where, {name: 4_100_000_000}, xx=True)

    async def _next(self, of: base.Ref) -> None:
        job_id = ref.parse(of).id.partition(":")[2]
        self._desk.conn.zadd(keys.THIRD_PARTY, {job_id: 4_100_000_000}, xx=True)
