"""Jobs, queues and schedulers of a board to act on, and what can happen to each meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from tests.contract import bull_jobs, rig
from tests.node import boards

JOBS, FIRST, SECOND, TICKS = "deeds", "deeds first", "deeds second", "deeds ticks"
QUEUES = (JOBS, FIRST, SECOND, TICKS)
STATES = {
    "queue.retry": ("failed", "failed", "failed"),
    "job.edit": ("failed", "failed"),
    "job.remove": ("failed", "completed", "wait", "delayed", "prioritized"),
    "job.promote": ("delayed", "delayed"),
    "job.delay": ("delayed", "delayed"),
    "job.duplicate": ("failed", "completed", "wait"),
    "job.priority": ("wait", "prioritized"),
}
ARGS: dict[base.ActionId, plans.Args] = {
    "job.edit": {"patch": [{"op": "add", "path": "/edited", "value": True}]},
    "job.delay": {"by_s": 5_400},
    "job.priority": {"priority": 9},
    "queue.clean": {"state": "completed", "older_s": 5},
}
OF_QUEUES = ("queue.pause", "queue.resume", "queue.clean", "queue.drain")
ACTS = (*STATES, *OF_QUEUES, "schedule.run", "schedule.remove")
_GUARDED = ("atm", "timestamp", "finishedOn", "delay", "priority")


class Deeds:
    """What the rig of bullboard acts on; `another` plans and applies as another core would."""

    def __init__(
        self,
        desk: bull_jobs.Desk,
        board: boards.Board,
        open_source: Callable[[], source_base.Source],
    ) -> None:
        self._desk = desk
        self._board = board
        self._open_source = open_source
        self._numbers = itertools.count(1)

    # -- what to act on

    async def deed(self, action: base.ActionId) -> rig.Deed:
        args = ARGS.get(action, {})
        if action in STATES:
            self._desk.clear(JOBS)
            ids = [self._desk.add(JOBS, state) for state in STATES[action]]
            refs = tuple(ref.make("bullboard", "job", JOBS, id_) for id_ in ids)
        elif action in OF_QUEUES:
            refs = tuple(self._queue(name, action) for name in (FIRST, SECOND))
        else:
            names = [f"tick {next(self._numbers)}" for _ in range(2)]
            for name in names:
                self._board.schedule(TICKS, name, 3600, name=name, data={"of": name})
            refs = tuple(ref.make("bullboard", "schedule", TICKS, name) for name in names)
        return rig.Deed(action, refs, refs[0], args)

    def _queue(self, name: str, action: base.ActionId) -> base.Ref:
        self._desk.clear(name)
        for state in ("completed", "completed", "wait", "prioritized", "failed"):
            self._desk.add(name, state)
        if action == "queue.resume":
            self._desk.conn.hset(self._desk.key(name, "meta"), "paused", 1)
        return ref.make("bullboard", "queue", name)

    # -- what is so

    def state(self, action: base.ActionId, of: base.Ref) -> Hashable:
        address, desk = ref.parse(of), self._desk
        if address.kind == "queue":
            meta: Any = desk.conn.hget(desk.key(address.id, "meta"), "paused")
            sets = [desk.ids(address.id, state) for state in ("completed", "wait", "prioritized")]
            return bool(meta), tuple(map(tuple, sets))
        if address.kind == "schedule":
            there = desk.conn.zscore(desk.key(TICKS, "repeat"), address.id)
            ran = desk.copies(TICKS, {b"name": address.id.encode()})
            return there is not None, ran
        place = desk.place(JOBS, address.id)
        own = desk.fields(JOBS, address.id, "data", "delay", "priority")
        if action == "job.duplicate":
            data: Any = own[0]
            return desk.copies(JOBS, {b"data": data}) if data else None
        return place, own, desk.conn.zscore(desk.key(JOBS, "delayed"), address.id)

    def facts(self, action: base.ActionId, of: base.Ref) -> Hashable:
        address, desk = ref.parse(of), self._desk
        if address.kind == "queue":
            paused, (completed, wait, prioritized) = self.state(action, of)  # type: ignore[misc]
            if action in ("queue.pause", "queue.resume"):
                return paused
            return len(completed) if action == "queue.clean" else len(wait) + len(prioritized)
        if address.kind == "schedule":
            score = desk.conn.zscore(desk.key(TICKS, "repeat"), address.id)
            every = desk.conn.hget(desk.key(TICKS, f"repeat:{address.id}"), "every")
            return score, every
        return desk.place(JOBS, address.id), desk.fields(JOBS, address.id, *_GUARDED)

    # -- what happens meanwhile

    async def move_on(self, deed: rig.Deed) -> None:
        of = deed.moved_on
        match ref.parse(of).kind:
            case "queue" if deed.action in ("queue.pause", "queue.resume"):
                await self.another(deed.action, of)
            case "queue":
                await self._comes(of)
            case "schedule":
                await self._changed(of)
            case _ if deed.action in ("job.promote", "job.delay"):
                await self.another("job.promote", of)
            case _ if deed.action == "job.priority":
                await self._taken(of)
            case _:
                await self.another("queue.retry", of)

    def churn(self, action: base.ActionId) -> rig.Churn:
        if action in OF_QUEUES:
            return {
                "it is paused": self._other("queue.pause"),
                "it is resumed": self._other("queue.resume"),
                "jobs come": self._comes,
                "a worker takes one": self._worked,
            }
        if action.startswith("schedule."):
            return {
                "it is changed": self._changed,
                "it is removed": self._other("schedule.remove"),
                "it is run by hand": self._other("schedule.run"),
            }
        return {
            "it is retried": self._other("queue.retry"),
            "it is promoted": self._other("job.promote"),
            "it is delayed": self._other("job.delay", {"by_s": 60}),
            "it is given a priority": self._other("job.priority", {"priority": 3}),
            "it is removed": self._gone,
            "a worker takes it": self._taken,
        }

    def _other(
        self, action: base.ActionId, args: plans.Args | None = None
    ) -> Callable[[base.Ref], Awaitable[None]]:
        async def act(of: base.Ref) -> None:
            await self.another(action, of, args)

        return act

    async def another(
        self, action: base.ActionId, of: base.Ref, args: plans.Args | None = None
    ) -> None:
        """Another core does it, if it can be done."""
        async with self._open_source() as source:
            selection = plans.Selection(refs=(of,))
            planned = source.plan(action, selection, args or {}, lambda looked, total: None)
            targets = [part async for part in planned if isinstance(part, plans.Target)]
            for outcome in await source.apply(action, targets, args or {}, plans.By(login="ravi")):
                assert outcome.outcome is plans.Outcome.DONE, outcome

    async def _comes(self, of: base.Ref) -> None:
        for state in ("wait", "completed"):
            self._desk.add(ref.parse(of).id, state)

    async def _worked(self, of: base.Ref) -> None:
        name = ref.parse(of).id
        for id_ in self._desk.ids(name, "wait")[-1:]:
            self._desk.take(name, id_)

    async def _changed(self, of: base.Ref) -> None:
        name = ref.parse(of).id
        every_s = 3600 + next(self._numbers)
        self._board.schedule(TICKS, name, every_s, name=name, data={"of": name})

    async def _gone(self, of: base.Ref) -> None:
        self._desk.forget(JOBS, ref.parse(of).id)

    async def _taken(self, of: base.Ref) -> None:
        self._desk.take(JOBS, ref.parse(of).id)
