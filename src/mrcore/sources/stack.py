"""Kind `stack`: the processes of `mrcore up`, from its processes.json and from the system."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import psutil
from pydantic import Field

from mrcore import errors, folder, redact, settings
from mrcore.model import base, plans, ref, stack, wire
from mrcore.sources import base as sources
from mrcore.sources import restarting, supervised

_RECENT = timedelta(seconds=60)
_SAME_START_S = 2.0

_BAD, _WARN, _UNKNOWN = base.Level.BAD, base.Level.WARN, base.Level.UNKNOWN


class Settings(settings.SourceSettings):
    """Where the stack is."""

    kind: Literal["stack"] = "stack"
    state: Path = Field(description="state folder of the stack")


@dataclass(frozen=True)
class Seen:
    """What the system says of a pid: psutil's status word, memory, share of one core."""

    status: str
    rss_bytes: int = 0
    cpu: float | None = None


Look = tuple[Sequence[supervised.Row], str, Mapping[str, Seen]]
"""Rows of the file, what is wrong with the supervisor, and the system's answer by name."""


class StackSource(sources.SourceBase):
    """Reads one small file and asks the system about its pids, in a thread."""

    def __init__(self, name: str, state: Path, *, now: sources.Now) -> None:
        super().__init__(name, now=now)
        self._folder = folder.StateFolder(state)
        self._known: dict[int, psutil.Process] = {}
        self._thread = futures.ThreadPoolExecutor(1, thread_name_prefix=name)
        self._looking: asyncio.Future[Look] | None = None
        self._restarts = restarting.Restarts(self._folder, self._by_ref)

    async def __aexit__(self, *exc: object) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def describe(self) -> wire.Description:
        return wire.Description(kinds=(stack.Process.KIND,), actions=(restarting.ACTION,))

    async def sample(self) -> wire.Sample:
        """Every process with its verdict, memory and processor time.

        Raises Unreachable when no stack was ever started in the folder.
        """
        rows, trouble, seen = await self._looked()
        now = self.now()
        entities = tuple(self._entity(row, trouble, seen.get(row.name), now) for row in rows)
        points = tuple(p for row in rows for p in self._points(row, seen.get(row.name), now))
        return wire.Sample(at=now, entities=entities, points=points)

    async def detail(self, ref: base.Ref) -> wire.Detail:
        """One process with everything that is known of it."""
        sample = await self.sample()
        for entity in sample.entities:
            if entity.ref == ref and isinstance(entity, stack.Process):
                fields = _fields(entity)
                facts = wire.Section(id="facts", title="process", fields=fields)
                return wire.Detail(at=sample.at, entity=entity, sections=(facts,))
        raise errors.NotFound(f"The stack has no process {ref}.")

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: sources.Progress,
    ) -> AsyncIterator[sources.Planned]:
        """Restarts of processes by their pids."""
        if action != restarting.ACTION or selection.ref:
            raise self._unsupported(f"action {action!r}")
        async for item in self._restarts.plan(selection.refs):
            yield item

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        """Restart each process that is still the one that was planned."""
        if action != restarting.ACTION:
            raise self._unsupported(f"action {action!r}")
        return await self._restarts.apply(chunk, by)

    async def _by_ref(self) -> tuple[dict[base.Ref, supervised.Row], str]:
        rows, trouble, _ = await self._looked()
        return {self._ref(row): row for row in rows}, trouble

    async def _looked(self) -> Look:
        """What one look finds; one that hangs is waited for again, not joined by another."""
        if self._looking is None or self._looking.done():
            loop = asyncio.get_running_loop()
            self._looking = loop.run_in_executor(self._thread, self._look)
            self._looking.add_done_callback(lambda look: look.cancelled() or look.exception())
        return await asyncio.shield(self._looking)

    def _look(self) -> Look:
        rows, trouble = supervised.rows(self._folder)
        seen = {row.name: self._ask(row) for row in rows if row.pid is not None}
        pids = {row.pid for row in rows}
        self._known = {pid: known for pid, known in self._known.items() if pid in pids}
        return rows, trouble, seen

    def _ask(self, row: supervised.Row) -> Seen:
        assert row.pid is not None
        try:
            known = self._known.get(row.pid)
            # psutil tells a reused pid apart by its start time, and measures from call to call.
            first = known is None or not known.is_running()
            if known is None or first:
                known = self._known[row.pid] = psutil.Process(row.pid)
            if row.started_s and abs(known.create_time() - row.started_s) > _SAME_START_S:
                return Seen(psutil.STATUS_DEAD)
            with known.oneshot():
                cpu = known.cpu_percent()
                return Seen(known.status(), known.memory_info().rss, None if first else cpu)
        except psutil.ZombieProcess:
            return Seen(psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return Seen(psutil.STATUS_DEAD)
        except psutil.AccessDenied:
            return Seen("")

    def _entity(
        self, row: supervised.Row, trouble: str, seen: Seen | None, now: datetime
    ) -> stack.Process:
        told = {"command": redact.repeated(row.command), "last_exit": redact.text(row.last_exit)}
        row = row.model_copy(update=told)
        facts = row.model_dump(exclude={"started_s"})
        verdict = judge(row, trouble, seen, now)
        acts = () if restarting.why_not(row, trouble) else (restarting.ACTION,)
        return stack.Process(ref=self._ref(row), verdict=verdict, actions=acts, **facts)

    def _points(self, row: supervised.Row, seen: Seen | None, now: datetime) -> list[wire.Point]:
        if seen is None or not seen.rss_bytes:
            return []
        values: dict[str, Any] = {"process.rss_bytes": seen.rss_bytes, "process.cpu": seen.cpu}
        return [
            wire.Point(metric=metric, ref=self._ref(row), at=now, value=float(value))
            for metric, value in values.items()
            if value is not None
        ]

    def _ref(self, row: supervised.Row) -> base.Ref:
        return ref.make(self.name, stack.Process.KIND, row.name)


def judge(row: supervised.Row, trouble: str, seen: Seen | None, now: datetime) -> base.Verdict:
    """The verdict of one process; `seen` is None where the file has no pid."""
    if trouble:
        return base.Verdict(level=_UNKNOWN, code="no_supervisor", why=trouble)
    if row.state == "failed":
        return base.Verdict(level=_BAD, code="failed", why=row.last_exit)
    if row.state == "backoff":
        return base.Verdict(level=_BAD, code="backoff", why=f"{row.last_exit}; starts again soon")
    if seen is not None and seen.status in (psutil.STATUS_DEAD, psutil.STATUS_ZOMBIE):
        return base.Verdict(level=_BAD, code="dead", why=f"pid {row.pid} is gone")
    if seen is not None and seen.status == psutil.STATUS_STOPPED:
        why = f"stopped by a signal; kill -CONT {row.pid} lets it go on"
        return base.Verdict(level=_BAD, code="stopped_by_signal", why=why)
    if row.state in ("starting", "stopping"):
        why = "" if row.pid else "waits for what it needs"
        return base.Verdict(level=_WARN, code=row.state, why=why)
    if supervised.was_stopped(row.state, row.last_exit):
        return base.Verdict(code="stopped", why=row.last_exit)
    wished = row.last_exit.startswith(stack.RESTARTED)
    recent = row.since is not None and now - row.since < _RECENT
    if row.restarts and row.state == "ready" and recent and not wished:
        return base.Verdict(level=_WARN, code="restarting", why=f"{row.last_exit}; started again")
    return base.OK


def _fields(process: stack.Process) -> tuple[wire.Field, ...]:
    return (
        wire.Field(name="state", value=process.state),
        wire.Field(name="pid", value=process.pid),
        wire.Field(name="since", at=process.since),
        wire.Field(name="restarts", value=process.restarts),
        wire.Field(name="last exit", value=process.last_exit),
        wire.Field(name="command", value=process.command),
        wire.Field(name="log", value=process.log),
    )


def open_source(name: str, settings: Settings, *, now: sources.Now) -> sources.Source:
    """The source of the stack in `settings.state`."""
    return StackSource(name, settings.state, now=now)
