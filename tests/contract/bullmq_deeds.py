"""Jobs, queues and schedules of a real BullMQ 6 to act on, and what can happen to them."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Hashable
from typing import Any

import redis

from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from tests.contract import rig
from tests.node import engines

QUEUE, CLOCK = "deeds", "clockwork"
JOB_STATES = {
    "queue.retry": ("failed", "failed", "failed"),
    "job.edit": ("failed", "failed"),
    "job.remove": ("failed", "completed", "waiting", "waiting", "delayed", "prioritized"),
    "job.promote": ("delayed", "delayed"),
    "job.delay": ("delayed", "delayed"),
    "job.priority": ("waiting", "waiting", "delayed", "prioritized"),
    "job.duplicate": ("failed", "waiting", "completed"),
    "job.quarantine": ("failed", "waiting", "waiting", "delayed", "prioritized"),
    "job.release": ("quarantined failed", "quarantined waiting", "quarantined delayed"),
}
SWEPT = {"queue.clean": ("failed",) * 3, "queue.drain": ("waiting", "waiting", "prioritized")}
ACTS = (
    *JOB_STATES, *SWEPT, "queue.pause", "queue.resume", "schedule.run", "schedule.remove",
    "schedule.register",
)  # fmt: skip
ARGS: dict[str, plans.Args] = {
    "job.delay": {"by_s": 7200},
    "job.priority": {"priority": 9},
    "job.edit": {"patch": [{"op": "replace", "path": "/n", "value": "edited"}]},
    "queue.clean": {"state": "failed", "older_s": 0},
}
SCHEDULES = {f"tick {n}": {"queue": CLOCK, "cron": "59 23 2 1 *"} for n in range(2)}
"""What the rig's settings declare."""

_PARTS = ("", ":logs", ":dependencies", ":processed", ":failed", ":unsuccessful")
_SETS = ("failed", "completed", "delayed", "prioritized", "waiting-children")


class Deeds:
    """What the rig of BullMQ acts on; `another` plans and applies as another core would."""

    def __init__(
        self,
        conn: redis.Redis,
        engine: engines.Engine,
        open_source: Callable[[], source_base.Source],
    ) -> None:
        self._conn = conn
        self._engine = engine
        self._open_source = open_source
        self._numbers = itertools.count(1)
        self._queue_of: dict[str, str] = {}

    # -- what to act on

    async def deed(self, action: base.ActionId) -> rig.Deed:
        args = ARGS.get(action, {})
        name = f"{QUEUE}{next(self._numbers)}"
        if action in JOB_STATES or action in SWEPT:
            refs = await self._jobs(name, JOB_STATES.get(action) or SWEPT[action])
            chosen = (ref.make("bullmq", "queue", name),) if action in SWEPT else ()
            return rig.Deed(action, refs, refs[0], args, chosen)
        if action in ("schedule.run", "schedule.remove"):
            refs = tuple(self._schedule(name, f"tick {n}") for n in range(2))
        elif action == "schedule.register":
            for mark in self._conn.scan_iter(f"{_ours(CLOCK)}did:*"):
                self._conn.delete(mark)  # its schedules are the same in every deed
            refs = tuple(self._otherwise(n) for n in range(2))
        else:
            names = [f"{name}-{n}" for n in range(2)]
            for one in names:
                self._engine.add(one, "work", {"n": 1})
                if action == "queue.resume":
                    await self.another("queue.pause", ref.make("bullmq", "queue", one))
            refs = tuple(ref.make("bullmq", "queue", one) for one in names)
        return rig.Deed(action, refs, refs[0], args)

    async def _jobs(self, name: str, states: tuple[str, ...]) -> tuple[base.Ref, ...]:
        """Jobs in these states: those that ended first, then those that wait."""
        made: dict[int, str] = {}
        ended = [n for n, state in enumerate(states) if "failed" in state or state == "completed"]
        for n in ended:
            data = {"n": n, "fails": -1 if "failed" in states[n] else 0, "log": "begun"}
            made[n] = self._engine.add(name, f"send {n}", data)
        if ended:
            self._engine("run", name)
        for n, state in enumerate(states):
            data = {"n": n, "fails": 0}
            if "waiting" in state:
                made[n] = self._engine.add(name, f"send {n}", data)
            elif "delayed" in state:
                made[n] = self._engine.add(name, "send", data, delay=3_600_000 + n)
            elif state == "prioritized":
                made[n] = self._engine.add(name, "send", data, priority=5)
        refs = [ref.make("bullmq", "job", name, made[n]) for n in range(len(states))]
        for of, state in zip(refs, states, strict=True):
            if state.startswith("quarantined"):
                await self.another("job.quarantine", of)
        return tuple(refs)

    def _schedule(self, name: str, schedule: str) -> base.Ref:
        template = {"name": schedule, "data": {"n": 1}, "opts": {"attempts": 3}}
        repeat = {"pattern": "0 0 1 1 *"}
        self._ask(name, "upsertJobScheduler", schedule, repeat, template)
        return ref.make("bullmq", "schedule", name, schedule)

    def _otherwise(self, n: int) -> base.Ref:
        """The first is not registered at all, the second goes by another line."""
        name, schedule = CLOCK, f"tick {n}"
        self._ask(name, "removeJobScheduler", schedule)
        if n:
            self._schedule(name, schedule)
        self._ask(name, "upsertJobScheduler", "other", {"pattern": "0 0 1 1 *"}, {"name": "other"})
        return ref.make("bullmq", "schedule", name, schedule)

    def _ask(self, name: str, method: str, *args: Any) -> None:
        self._engine("ask", name, method=method, args=list(args), silent=True)

    # -- what is so

    def state(self, action: base.ActionId, of: base.Ref) -> Hashable:
        address = ref.parse(of)
        name = address.ids[0].decode()
        if action == "job.duplicate":
            mark = self._conn.get(f"{_ours(name)}last:{address.id}")
            return self._copies(name, self._conn.hget(f"bull:{name}:{address.id}", "name")), mark
        if address.kind == "job":
            return self._job(name, address.id)
        if address.kind == "queue":
            if not self._conn.hexists(f"bull:{name}:meta", "paused"):
                return None  # who paused it before is of no meaning
            return frozenset(self._conn.hgetall(f"{_ours(name)}paused").items())
        base_ = f"bull:{name}:"
        score = self._conn.zscore(base_ + "repeat", address.id)
        facts = self._conn.dump(f"{base_}repeat:{address.id}")
        if action in ("schedule.remove", "schedule.register"):
            following = f"repeat:{address.id}:{int(score)}" if score else ""
            return score, facts, self._job(name, following)
        mark = self._conn.get(f"{_ours(name)}last:repeat:{address.id}")
        return score, facts, mark, self._copies(name, address.ids[-1])

    def _job(self, name: str, id_: str) -> Hashable:
        """Its keys, and its place in each state and in quarantine."""
        conn, base_, ours = self._conn, f"bull:{name}:", _ours(name)
        dumps = tuple(_plain(conn, f"{base_}{id_}{part}") for part in _PARTS)
        scores = tuple(conn.zscore(base_ + state, id_) for state in _SETS)
        wait = conn.lrange(f"{base_}wait", 0, -1)
        place = wait.index(id_.encode()) if id_.encode() in wait else None
        held = tuple(_plain(conn, f"{ours}quarantine:{id_}{part}") for part in _PARTS)
        lists = place is not None, id_.encode() in conn.lrange(f"{base_}active", 0, -1)
        return dumps, scores, lists, held, conn.zscore(f"{ours}quarantine", id_)

    def _copies(self, name: str, job: bytes | None) -> Hashable:
        """Every job of that name that waits and has an id of ours."""
        base_ = f"bull:{name}:"
        waiting = [*self._conn.lrange(f"{base_}wait", 0, -1)]
        waiting += self._conn.zrange(f"{base_}prioritized", 0, -1)
        names = {one: self._conn.hget(base_ + one.decode(), "name") for one in waiting}
        return frozenset(one for one in waiting if len(one) == 36 and names[one] == job)

    def facts(self, action: base.ActionId, of: base.Ref) -> Hashable:
        address, conn = ref.parse(of), self._conn
        name = address.ids[0].decode()
        base_, ours = f"bull:{name}:", _ours(name)
        if address.kind == "queue":
            return conn.hexists(base_ + "meta", "paused")
        if action == "schedule.register":
            fields = conn.hmget(f"{base_}repeat:{address.id}", "every", "pattern", "tz")
            return fields if conn.zscore(base_ + "repeat", address.id) else None
        if address.kind == "schedule":
            last = conn.get(f"{ours}last:repeat:{address.id}") if action == "schedule.run" else ""
            ran = conn.hget(f"{base_}repeat:{address.id}", "ic")
            return conn.zscore(base_ + "repeat", address.id), ran, last
        id_ = address.id
        held = conn.zscore(f"{ours}quarantine", id_)
        key = f"{ours}quarantine:{id_}" if held else base_ + id_
        wanted = ["atm", "ats", "timestamp"]
        wanted += {"job.edit": ["data"], "job.priority": ["priority"]}.get(action, [])
        scores = tuple(conn.zscore(base_ + state, id_) for state in _SETS)
        lists = [id_.encode() in conn.lrange(base_ + one, 0, -1) for one in ("wait", "active")]
        last = conn.get(f"{ours}last:{id_}") if action == "job.duplicate" else ""
        return tuple(conn.hmget(key, wanted)), scores, tuple(lists), held, last

    # -- what happens meanwhile

    async def move_on(self, deed: rig.Deed) -> None:
        of = deed.moved_on
        match deed.action:
            case "job.edit" | "queue.clean":
                await self.another("queue.retry", of)
            case "job.delay" | "job.priority":
                await self.another("job.remove", of)
            case "queue.drain":
                await self.another("job.remove", of)
            case "job.duplicate":
                await self.another("queue.retry", of)
            case "job.remove" | "job.quarantine":
                await self.another("queue.retry", of)
            case _:
                await self.another(deed.action, of)

    def churn(self, action: base.ActionId) -> rig.Churn:
        if action in ("queue.pause", "queue.resume"):
            return {
                "it is paused": self._other("queue.pause"),
                "it is resumed": self._other("queue.resume"),
                "its workers' library pauses it": self._engine_asks("pause"),
                "its workers' library resumes it": self._engine_asks("resume"),
                "a job comes": self._comes,
            }
        if action.startswith("schedule."):
            return {
                "it is run by hand": self._other("schedule.run"),
                "it is removed": self._other("schedule.remove"),
                "it is registered": self._other("schedule.register"),
                "it is declared anew": self._declared,
                "jobs run": self._runs,
            }
        return {
            "it is retried": self._other("queue.retry"),
            "it is removed": self._other("job.remove"),
            "it is quarantined": self._other("job.quarantine"),
            "it is released": self._other("job.release"),
            "it is promoted": self._other("job.promote"),
            "waiting jobs run": self._runs,
            "a worker takes the next": self._taken,
            "another payload": self._job_asks("updateData", {"n": "another"}),
            "another priority": self._job_asks("changePriority", {"priority": 3}),
            "another delay": self._job_asks("changeDelay", 600_000),
            "its board removes it": self._job_asks("remove"),
            "a job comes": self._comes,
        }

    def _other(self, action: base.ActionId) -> Callable[[base.Ref], Any]:
        async def act(of: base.Ref) -> None:
            await self.another(action, of)

        return act

    async def another(self, action: base.ActionId, of: base.Ref) -> None:
        """Another core does it, if it can be done."""
        async with self._open_source() as source:
            args = ARGS.get(action, {})
            planned = source.plan(action, plans.Selection(refs=(of,)), args, lambda n, m: None)
            targets = [part async for part in planned if isinstance(part, plans.Target)]
            for outcome in await source.apply(action, targets, args, plans.By(login="ravi")):
                assert outcome.outcome is plans.Outcome.DONE, outcome

    def _job_asks(self, method: str, *args: Any) -> Callable[[base.Ref], Any]:
        async def act(of: base.Ref) -> None:
            name, id_ = (part.decode() for part in ref.parse(of).ids)
            self._engine("call", name, id=id_, method=method, args=list(args))

        return act

    def _engine_asks(self, method: str) -> Callable[[base.Ref], Any]:
        async def act(of: base.Ref) -> None:
            self._ask(ref.parse(of).id, method)

        return act

    async def _runs(self, of: base.Ref) -> None:
        self._engine("run", ref.parse(of).ids[0].decode())

    async def _taken(self, of: base.Ref) -> None:
        self._engine("take", ref.parse(of).ids[0].decode())

    async def _comes(self, of: base.Ref) -> None:
        self._engine.add(ref.parse(of).ids[0].decode(), "send", {"n": "more"})

    async def _declared(self, of: base.Ref) -> None:
        name, schedule = (part.decode() for part in ref.parse(of).ids)
        with contextlib.suppress(AssertionError):  # there is a run of that instant already
            self._schedule(name, schedule)


def _ours(name: str) -> str:
    return f"mr:bullmq:bull:{name}:"


def _plain(conn: redis.Redis, key: str) -> Hashable:
    """What is in a key, whatever order a set or hash has it in."""
    match conn.type(key):
        case b"hash":
            return frozenset(conn.hgetall(key).items())
        case b"set":
            return frozenset(conn.smembers(key))
        case b"none":
            return None
    return json.dumps(conn.dump(key).hex())
