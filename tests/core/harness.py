"""A core with simulated sources on a real unix socket, inside the test's own event loop.

```python
async with harness.running(state, harness.Jobs("huey")) as here:
    async with here.client() as client: ...
```
The sources here are simulated upstreams: what they watch exists only in the test.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from mrcore import client, core, errors, folder, settings
from mrcore.api import app, gate, server
from mrcore.model import base as model
from mrcore.model import plans, queue, ref, wire
from mrcore.sources import base
from tests import waiting

T = TypeVar("T")

LEFT_S = 10.0
"""How long a core waits for calls into sources that it left behind, before its test ends."""


class Simulated(base.SourceBase):
    """A source whose live set is the attribute `entities`; `samples` counts what it gave."""

    def __init__(self, name: str, *, now: base.Now = base.utc_now) -> None:
        super().__init__(name, now=now)
        self.entities: tuple[model.Entity, ...] = ()
        self.points: tuple[wire.Point, ...] = ()
        self.samples = 0

    async def sample(self) -> wire.Sample:
        self.samples += 1
        return wire.Sample(at=self.now(), entities=self.entities, points=self.points)


class Jobs(Simulated):
    """Jobs that can be retried while they are failed, and removed and put back.

    Every call of `apply` and `undo` is noted in `chunks`; `passed_s` is a clock that only the
    source moves, by `target_s` for each target.
    """

    def __init__(self, name: str = "huey", *, now: base.Now = base.utc_now) -> None:
        super().__init__(name, now=now)
        self.states: dict[str, str] = {}
        self.chunks: list[list[str]] = []
        self._removed: dict[tuple[int, str], plans.TargetOutcome] = {}
        self.trouble: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.failing: Exception | None = None
        self.target_s = 0.0
        self.passed_s = 0.0

    def ref(self, job: str) -> str:
        return ref.make(self.name, "job", "emailQueue", job)

    def add(self, *jobs: str, state: str = "failed") -> list[str]:
        self.states.update(dict.fromkeys(jobs, state))
        return [self.ref(job) for job in jobs]

    def describe(self) -> wire.Description:
        actions = ("queue.retry", "job.remove", "job.reveal")
        return wire.Description(kinds=("job",), collections=("jobs",), actions=actions)

    async def sample(self) -> wire.Sample:
        if self.failing is not None:
            raise self.failing
        self.entities = tuple(
            queue.Job(
                ref=self.ref(job),
                engine="simulated",
                queue="emailQueue",
                id=job,
                name="send",
                state=queue.JobState(state),
                actions=("queue.retry",) if state == "failed" else (),
            )
            for job, state in list(self.states.items())[:100]
        )
        return await super().sample()

    async def page(
        self, ref: str, collection: str, query: plans.Query, cursor: str | None, wait_s: float
    ) -> wire.Page:
        rows = (await self.sample()).entities
        return wire.Page(at=self.now(), rows=rows[: query.limit])

    async def detail(self, ref: str) -> wire.Detail:
        found = [entity for entity in (await self.sample()).entities if entity.ref == ref]
        if not found:
            raise errors.NotFound(f"There is no {ref}.")
        return wire.Detail(at=self.now(), entity=found[0])

    async def plan(
        self,
        action: str,
        selection: plans.Selection,
        args: plans.Args,
        progress: base.Progress,
    ) -> AsyncIterator[base.Planned]:
        chosen = selection.refs or [self.ref(job) for job in self.states]
        for each in chosen:
            job = ref.parse(each).id
            state = self.states.get(job, "gone")
            if state == "failed" or (action == "job.remove" and state != "gone"):
                yield plans.Target(
                    ref=each, label=f"send {job}", guard={"state": state}, note="ECONNREFUSED"
                )
            else:
                yield plans.LeftOut(why=f"is {state}", count=1, samples=(each,))

    async def apply(
        self, action: str, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        await self._begun([target.ref for target in chunk])
        if action == "queue.retry":
            return [self._retry(target) for target in chunk]
        return [self._remove(target, by.operation) for target in chunk]

    async def _begun(self, refs: list[str]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.trouble is not None:
            raise self.trouble
        self.chunks.append(refs)
        self.passed_s += self.target_s * len(refs)

    def _retry(self, target: plans.Target) -> plans.TargetOutcome:
        if moved := self._moved(target):
            return moved
        self.states[ref.parse(target.ref).id] = "waiting"
        return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE)

    def _remove(self, target: plans.Target, operation: int) -> plans.TargetOutcome:
        if known := self._removed.get((operation, target.ref)):
            return known
        if moved := self._moved(target):
            return moved
        state = self.states.pop(ref.parse(target.ref).id)
        done = plans.TargetOutcome(
            ref=target.ref, outcome=plans.Outcome.DONE, memento={"state": state, "raw": "s3cret"}
        )
        return self._removed.setdefault((operation, target.ref), done)

    def _moved(self, target: plans.Target) -> plans.TargetOutcome | None:
        """Why nothing is done, unless the guard holds."""
        state, before = self.states.get(ref.parse(target.ref).id, "gone"), target.guard["state"]
        if state == before:
            return None
        return plans.TargetOutcome(
            ref=target.ref, outcome=plans.Outcome.SKIPPED, why=f"{before} → {state}"
        )

    async def plan_undo(
        self, action: str, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[base.Planned]:
        for each in done:
            state = self.states.get(ref.parse(each.target.ref).id, "gone")
            if state == "gone":
                yield each.target.model_copy(update={"guard": {"state": "gone"}, "note": ""})
            else:
                yield plans.LeftOut(why=f"is {state} again", count=1, samples=(each.target.ref,))
        yield plans.Remark(text=f"undoes {action}")

    async def undo(
        self, action: str, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        await self._begun([each.target.ref for each in chunk])
        return [self._restore(each) for each in chunk]

    def _restore(self, undoable: plans.Undoable) -> plans.TargetOutcome:
        if moved := self._moved(undoable.target):
            return moved
        self.states[ref.parse(undoable.target.ref).id] = str(undoable.memento["state"])
        return plans.TargetOutcome(ref=undoable.target.ref, outcome=plans.Outcome.DONE)

    async def reveal(self, ref: str) -> wire.Detail:
        found = await self.detail(ref)
        section = wire.Section(id="payload", title="Payload", text="s3cret")
        return found.model_copy(update={"sections": (section,)})


@dataclass(frozen=True)
class Running:
    """A core that answers on a socket."""

    core: core.Core
    where: folder.StateFolder
    clients: gate.Clients

    def client(self) -> client.CoreClient:
        """A new client, over the socket that the state folder names."""
        return client.CoreClient.at(state=self.where.path)


def watch(
    behind: core.Core, source: base.Source, *, interval_s: float = 0.05, deadline_s: float = 0.5
) -> None:
    """Let a core watch a source that was made by the test."""
    own = settings.SourceSettings(kind="simulated", interval_s=interval_s, deadline_s=deadline_s)

    async def opener() -> tuple[base.Source, settings.SourceSettings]:
        return source, own

    behind.monitor.watch(source.name, own.kind, opener)


@contextlib.asynccontextmanager
async def unserved(
    state: Path,
    *sources: base.Source,
    now: base.Now = base.utc_now,
    **options: Any,
) -> AsyncIterator[core.Core]:
    """A core without its API, over settings given as `options`."""
    where = folder.StateFolder(state).make()
    own = settings.Settings(**{"environment": "test", **options})
    async with core.Core(own, where, now=now) as behind:
        for source in sources:
            watch(behind, source)
        yield behind
    await behind.monitor.settle(LEFT_S)


@contextlib.asynccontextmanager
async def running(
    state: Path,
    *sources: base.Source,
    now: base.Now = base.utc_now,
    **options: Any,
) -> AsyncIterator[Running]:
    """A core that watches `sources` and answers on the socket of its state folder."""
    where = folder.StateFolder(state).make()
    clients = gate.Clients()
    path = where.runtime / "core.sock"
    async with unserved(state, *sources, now=now, **options) as behind:
        serving = server.Server(
            app.create(behind, clients), listening=lambda: None, quiet=behind.quiet
        )
        task = asyncio.create_task(serving.serve(sockets=[server.bind_unix(path)]))
        where.write_json("core.json", {"pid": behind.pid, "socket": str(path), "control": ""})
        try:
            await waiting.until(lambda: serving.started and behind.monitor.tried)
            yield Running(behind, where, clients)
        finally:
            serving.should_exit = True
            await task
            path.unlink(missing_ok=True)


class InstantLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer: hours pass at once, in their order.

    Only for code without threads and sockets, whose answers the clock would not wait for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0

    def time(self) -> float:
        return self._now_s

    def _run_once(self) -> None:
        if not self._ready:  # type: ignore[attr-defined]
            timers = [h for h in self._scheduled if not h.cancelled()]  # type: ignore[attr-defined]
            if timers:
                self._now_s = max(self._now_s, min(timers).when())
        super()._run_once()  # type: ignore[misc]

    def now(self) -> datetime:
        """The loop's time as an instant."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._now_s)


def instantly(work: Callable[[InstantLoop], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on an InstantLoop."""
    loop = InstantLoop()
    try:
        return loop.run_until_complete(asyncio.wait_for(work(loop), 24 * 3600))
    finally:
        loop.close()


def replay(events: Iterable[wire.Snapshot | wire.Changed | wire.Touched]) -> dict[str, Any]:
    """The live entities by ref after applying events in their order, as a screen does."""
    live: dict[str, Any] = {}
    for event in events:
        if isinstance(event, wire.Snapshot):
            live = {e.ref: e for source in event.sources for e in source.upserts}
        elif isinstance(event, wire.Changed):
            for gone in event.removes:
                live.pop(gone, None)
            live.update({e.ref: e for e in event.upserts})
    return live


def selection(*refs: str) -> plans.Selection:
    """These refs."""
    return plans.Selection(refs=refs)


def query(**what: Any) -> plans.Query:
    """Rows that are so."""
    return plans.Query(**what)
