"""Jobs, queues, schedules and workers to act on, and what can happen to each meanwhile."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta
from typing import Any

import huey
import redis

from mrcore import journal, scheduler
from mrcore.journal import keys
from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from tests import waiting
from tests.contract import rig
from tests.core import journals

QUEUE = "deedQueue"
LATER = timedelta(days=400)
JOB_STATES = {
    "queue.retry": ("failed", "failed", "failed"),
    "job.remove": ("failed", "completed", "waiting", "delayed", "quarantined"),
    "job.quarantine": ("failed", "waiting", "delayed"),
    "job.release": ("quarantined", "quarantined delayed", "quarantined waiting"),
    "job.edit": ("failed", "failed", "failed"),
    "job.duplicate": ("failed", "waiting", "delayed"),
    "job.promote": ("delayed", "delayed"),
    "job.delay": ("delayed", "delayed"),
    "queue.clean": ("failed", "failed"),
    "queue.drain": ("waiting", "waiting"),
}
QUEUE_ACTS = ("queue.pause", "queue.resume")
SEEN_ANEW = (b"registered_at", b"ticks")
"""What is observed of a schedule: it begins anew with each registration, also with an undo."""

SCHEDULE_ACTS = ("schedule.run", "schedule.register", "schedule.remove")
ACTS = (*JOB_STATES, *QUEUE_ACTS, *SCHEDULE_ACTS, "job.priority", "worker.restart")
ARGS: dict[base.ActionId, plans.Args] = {
    "job.edit": {"patch": [{"op": "replace", "path": "/args/0", "value": 99}]},
    "job.delay": {"by_s": 600},
    "job.priority": {"priority": 7},
    "queue.clean": {"state": "failed", "older_s": 0},
}
_OTHERS = {
    "it is retried": "queue.retry",
    "it is removed": "job.remove",
    "it is quarantined": "job.quarantine",
    "it is released": "job.release",
    "it is edited": "job.edit",
    "it is duplicated": "job.duplicate",
    "it is due at once": "job.promote",
    "it is due later": "job.delay",
}


class Crew:
    """A worker's heart that begins anew when it ends, as under a supervisor."""

    def __init__(self, url: str, queue: str) -> None:
        self._pool = redis.ConnectionPool.from_url(url)
        self._queue = queue
        self._ended = threading.Event()
        self._began = threading.Event()
        self._leaving = False
        self.name = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._began.wait(20)

    def _run(self) -> None:
        while not self._leaving:
            made = huey.RedisHuey(self._queue, connection_pool=self._pool)
            heart = journal.watch(made).heart
            heart.restart = self._ended.set
            heart.beat_s = 0.05
            self.name = heart.name  # before anybody can see it
            heart.start()
            self._began.set()
            self._ended.wait()
            self._ended.clear()
            heart.stop()
            for beating in threading.enumerate():  # before its connections are taken away
                if beating.name == f"heart {heart.name}":
                    beating.join(20)

    def end(self) -> None:
        """As when it is killed by hand: another one begins."""
        self._began.clear()
        self._ended.set()
        assert self._began.wait(20)

    def close(self) -> None:
        self._leaving = True
        self._ended.set()
        self._thread.join(20)
        self._pool.disconnect()


class Deeds:
    """What the rig of huey acts on; `another` plans and applies as another core would."""

    def __init__(
        self,
        url: str,
        desk: journals.Desk,
        open_source: Callable[[], source_base.Source],
    ) -> None:
        self._url = url
        self._desk = desk
        self._declared: list[scheduler.Declared] = []
        self._open_source = open_source
        self._numbers = itertools.count()
        self._claims: list[journal.Claim] = []
        self._crews: dict[base.Ref, Crew] = {}
        self._stack = contextlib.ExitStack()
        self._queues: dict[str, journals.Desk] = {}
        self._ok = desk.huey.task(name="ok")(lambda n: None)
        self._bad = desk.huey.task(name="bad")(_refuse)

    def close(self) -> None:
        for crew in self._crews.values():
            crew.close()
        self._stack.close()

    # -- what to act on

    async def deed(self, action: base.ActionId) -> rig.Deed:
        chosen: tuple[base.Ref, ...] = ()
        if action in JOB_STATES:
            refs = await self._jobs(JOB_STATES[action], alone=action.startswith("queue."))
            if action in ("queue.clean", "queue.drain"):
                chosen = (ref.make("huey", "queue", QUEUE),)
        elif action in SCHEDULE_ACTS:
            refs = self._schedules()
            if (
                action == "schedule.register"
            ):  # one is removed; of the other the code says two things
                await self.another("schedule.remove", refs[0])
        elif action == "job.priority":
            refs = self._ranked_jobs()
        elif action == "worker.restart":
            refs = self._workers()
        else:
            refs = tuple([await self._queue(paused=action == "queue.resume") for _ in range(2)])
        return rig.Deed(action, refs, refs[0], ARGS.get(action, {}), chosen)

    async def _jobs(self, states: tuple[str, ...], *, alone: bool) -> tuple[base.Ref, ...]:
        """New jobs; with `alone` there are no others in their states."""
        desk = self._desk
        for claim in self._claims:
            desk.journal.run(claim)
        self._claims.clear()
        desk.run_all()
        for job_id in desk.ids("failed") if alone else ():
            await self._trimmed(ref.make("huey", "job", QUEUE, job_id))
        made = {n: self._job_that_ran(n, s) for n, s in enumerate(states) if "waiting" not in s}
        desk.run_all()
        for number in set(range(len(states))) - made.keys():
            if not alone:
                self._ok(-1)
            made[number] = self._ok(number).id
        refs = []
        for number, state in enumerate(states):
            wanted = "failed" if state == "quarantined" else state.removeprefix("quarantined ")
            assert desk.job(made[number]).state == wanted
            refs.append(ref.make("huey", "job", QUEUE, made[number]))
            if state != wanted:
                await self.another("job.quarantine", refs[-1])
        return tuple(refs)

    def _job_that_ran(self, number: int, state: str) -> str:
        """Enqueue one that is in that state once all has run."""
        if "delayed" in state:
            return str(self._ok.schedule((number,), delay=10_000 + number).id)
        task = self._ok if state == "completed" else self._bad
        return str(task(number).id)

    async def _queue(self, *, paused: bool) -> base.Ref:
        name = f"pausable{next(self._numbers)}"
        desk = self._queues[name] = self._stack.enter_context(journals.desk(self._url, name))
        desk.huey.task(name="work")(lambda: None)()
        of = ref.make("huey", "queue", name)
        if paused:
            await self.another("queue.pause", of)
        return of

    def _ranked_jobs(self) -> tuple[base.Ref, ...]:
        name = f"ranked{next(self._numbers)}"
        made = huey.PriorityRedisHuey(name, connection_pool=self._desk.pool)
        work = made.task(name="work", priority=3)(lambda n: None)
        return tuple(ref.make("huey", "job", name, work(n).id) for n in range(2))

    def _schedules(self) -> tuple[base.Ref, ...]:
        names = [f"tick {next(self._numbers)}" for _ in range(2)]
        every = timedelta(hours=1)
        self._declared += [
            scheduler.Declared(name, QUEUE, "ok", every, args=(name,), says=says)
            for name, says in zip(names, (None, 24 * every), strict=True)
        ]
        self._scheduler(source_base.utc_now).tick()
        return tuple(ref.make("huey", "schedule", name) for name in names)

    def _scheduler(self, now: source_base.Now) -> scheduler.Scheduler:
        hueys = {QUEUE: self._desk.huey}
        return scheduler.Scheduler(hueys, self._declared, owner="contract", now=now)

    def _workers(self) -> tuple[base.Ref, ...]:
        for crew in self._crews.values():
            crew.close()
        crews = [Crew(self._url, f"crew{next(self._numbers)}") for _ in range(2)]
        self._crews = {ref.make("huey", "worker", crew.name): crew for crew in crews}
        return tuple(self._crews)

    # -- what is so

    def state(self, action: base.ActionId, of: base.Ref) -> Hashable:
        conn, address = self._desk.conn, ref.parse(of)
        match address.kind:
            case "job" if action == "job.priority":
                return self._rank(of)
            case "job" if action == "job.duplicate":
                return self._job(address.id), self._copies(address.id)
            case "job":
                return self._job(address.id)
            case "queue":
                at = keys.Root().queue(address.id)
                return conn.get(at.paused), conn.dump(at.paused_by)
            case "schedule":
                key = keys.schedule(address.id)
                known = conn.hgetall(key).items()
                facts = frozenset((k, v) for k, v in known if k not in SEEN_ANEW)
                job = self._desk.keys.job
                mine = (conn.hget(job(i), "schedule") for i in self._desk.ids("waiting"))
                return facts, sum(one == key.encode() for one in mine)
        return conn.hexists(keys.Root().workers, address.id)

    def _job(self, job_id: str) -> Hashable:
        """Its hash, its place in each state, and its messages in huey's list and schedule."""
        conn, at, place = self._desk.conn, self._desk.keys, self._desk.journal.place
        scores = tuple(conn.zscore(at.state(state), job_id) for state in keys.STATES)
        listed = [m for m in conn.lrange(place.waiting, 0, -1) if job_id.encode() in m]
        later = conn.zrange(place.schedule, 0, -1, withscores=True)
        due = [pair for pair in later if job_id.encode() in pair[0]]
        dumps = conn.dump(at.job(job_id)), conn.dump(at.quarantine(job_id))
        return dumps, conn.ttl(at.job(job_id)), scores, tuple(listed), tuple(due)

    def _rank(self, of: base.Ref) -> Hashable:
        """A message of a queue with priorities, and its score."""
        name, job_id = (part.decode() for part in ref.parse(of).ids)
        pairs = self._desk.conn.zrange(f"huey.redis.{name}", 0, -1, withscores=True)
        return tuple(pair for pair in pairs if job_id.encode() in pair[0])

    def _copies(self, job_id: str) -> Hashable:
        """What there is of the copies of a job."""
        conn, at = self._desk.conn, self._desk.keys
        names = [key for key in conn.keys(at.job("*")) if conn.hget(key, "copy_of")]
        mine = [key for key in names if conn.hget(key, "copy_of") == job_id.encode()]
        return frozenset((key, conn.dump(key)) for key in mine)

    def facts(self, action: base.ActionId, of: base.Ref) -> Hashable:
        conn, address = self._desk.conn, ref.parse(of)
        if address.kind == "job" and action != "job.priority":
            at = self._desk.keys
            scores = tuple(conn.zscore(at.state(state), address.id) for state in keys.STATES)
            names = ["state", "attempts", *(["copies"] if action == "job.duplicate" else [])]
            return tuple(conn.hmget(at.job(address.id), *names)), scores
        if address.kind == "queue":
            return conn.get(keys.Root().queue(address.id).paused)
        if address.kind == "schedule":
            own = ("last_enqueued_at",) if action == "schedule.run" else ("declared",)
            goes_by = ("every_s",) if action == "schedule.register" else ()
            return tuple(conn.hmget(keys.schedule(address.id), *own, *goes_by, "removed_at"))
        return self.state(action, of)

    # -- what happens meanwhile

    async def move_on(self, deed: rig.Deed) -> None:
        of = deed.moved_on
        match deed.action:
            case "job.release":
                await self.another("job.release", of)
            case "queue.drain":
                await self.another("job.remove", of)
            case "queue.pause" | "queue.resume" | "queue.retry" | "job.promote" | "job.delay":
                await self.another(deed.action, of)
            case "schedule.run" | "schedule.register" | "schedule.remove":
                await self.another(deed.action, of)
            case "job.priority":
                await self._reranked(of)
            case "worker.restart":
                await self._end(of)
            case _:
                await self.another("queue.retry", of)

    def churn(self, action: base.ActionId) -> rig.Churn:
        match ref_kind(action):
            case "job" if action == "job.priority":
                return {
                    "it has another priority": self._reranked,
                    "a worker takes the next": self._popped,
                    "nothing": self._nothing,
                }
            case "job":
                others = {name: self._other(done) for name, done in _OTHERS.items()}
                return {
                    **others,
                    "it comes back to the state that it was in": self._comes_back,
                    "waiting jobs run": self._runs,
                    "a worker takes the next": self._claimed,
                    "it is enqueued anew under the same id": self._anew,
                    "what is delayed is due": self._due,
                    "retention trims it": self._trimmed,
                }
            case "queue":
                return {
                    "it is paused": self._other("queue.pause"),
                    "it is resumed": self._other("queue.resume"),
                    "a job comes": self._comes,
                }
            case "schedule":
                return {
                    "it is run by hand": self._other("schedule.run"),
                    "it is removed": self._other("schedule.remove"),
                    "it is registered": self._other("schedule.register"),
                    "it is due": self._ticks,
                    "waiting jobs run": self._runs,
                }
        return {"it ends and begins anew": self._end, "nothing": self._nothing}

    def _other(self, action: base.ActionId) -> Callable[[base.Ref], Any]:
        async def act(of: base.Ref) -> None:
            await self.another(action, of)

        return act

    async def another(self, action: base.ActionId, of: base.Ref, **more: Any) -> None:
        """Another core does it, if it can be done."""
        async with self._open_source() as source:
            selection = plans.Selection(refs=(of,))
            args = {**ARGS.get(action, {}), **more}
            planned = source.plan(action, selection, args, lambda looked, total: None)
            targets = [part async for part in planned if isinstance(part, plans.Target)]
            by = plans.By(login="ravi", operation=1_000 + next(self._numbers))
            for outcome in await source.apply(action, targets, args, by):
                assert outcome.outcome is plans.Outcome.DONE, outcome

    async def _reranked(self, of: base.Ref) -> None:
        await self.another("job.priority", of, priority=100 + next(self._numbers))

    async def _popped(self, of: base.Ref) -> None:
        name, _ = (part.decode() for part in ref.parse(of).ids)
        self._desk.conn.zpopmin(f"huey.redis.{name}")

    async def _runs(self, of: base.Ref) -> None:
        self._desk.run_all()

    async def _comes_back(self, of: base.Ref) -> None:
        """As it was but for its attempts, or for when it came there."""
        state = self._desk.conn.hget(self._desk.keys.job(ref.parse(of).id), "state")
        if state == b"failed":
            await self.another("queue.retry", of)
            self._desk.run_all()
        elif state == b"quarantined":
            await self.another("job.release", of)
            await self.another("job.quarantine", of)
        else:
            await self._anew(of)

    async def _claimed(self, of: base.Ref) -> None:
        claim = self._desk.journal.claim()
        if claim is not None:
            self._claims.append(claim)

    async def _anew(self, of: base.Ref) -> None:
        self._desk.huey.enqueue(self._ok.s(0, id=ref.parse(of).id))

    async def _due(self, of: base.Ref) -> None:
        self._desk.journal.move_due(datetime.now(UTC).replace(tzinfo=None) + LATER)

    async def _trimmed(self, of: base.Ref) -> None:
        job_id, at = ref.parse(of).id, self._desk.keys
        state = self._desk.conn.hget(at.job(job_id), "state")
        if state in (b"failed", b"completed"):
            self._desk.conn.zrem(at.state(state.decode()), job_id)
            self._desk.conn.unlink(at.job(job_id))

    async def _comes(self, of: base.Ref) -> None:
        desk = self._queues[ref.parse(of).id]
        desk.huey.enqueue(next(iter(desk.huey._registry._registry.values()))())

    async def _ticks(self, of: base.Ref) -> None:
        at = datetime.now(UTC) + timedelta(hours=next(self._numbers) + 1)
        self._scheduler(lambda: at).tick()

    async def _end(self, of: base.Ref) -> None:
        crew = self._crews[of]
        crew.end()
        await waiting.until(lambda: not self.state("worker.restart", of))

    async def _nothing(self, of: base.Ref) -> None:
        """So that most examples do restart something."""


def ref_kind(action: base.ActionId) -> str:
    """The kind that an action of huey acts on."""
    if action in QUEUE_ACTS:
        return "queue"
    if action in SCHEDULE_ACTS:
        return "schedule"
    return "worker" if action == "worker.restart" else "job"


def _refuse(number: int) -> None:
    raise ConnectionError(f"535-5.7.8 refused {number}")
