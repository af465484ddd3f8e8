"""`process.restart` in a stack: planned by pid, wished of the supervisor, watched until ready."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from mrcore import folder
from mrcore.model import base, plans
from mrcore.sources import base as sources
from mrcore.sources import connections, live_meetings, wishes

ACTION = "process.restart"
CORE = "serve"
_BACKEND = "backend"
HEARD_S = 5.0
READY_S = 40.0
CHUNK_S = 50.0
_LOOK_S = 0.05
_ALL = {"postgres": "session", "valkey": "client"}


class Row(Protocol):
    """What is needed of a process of processes.json."""

    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def since(self) -> datetime | None: ...


Look = Callable[[], Awaitable[tuple[dict[base.Ref, Row], str]]]
"""The processes by their refs, and why nobody supervises them ('' where somebody does)."""


def why_not(row: Row, trouble: str) -> str:
    """Why a process cannot be restarted now; empty when it can."""
    if trouble:
        return f"Nobody would start {row.name} again: {trouble}."
    if row.name == CORE:
        return "The core would cut off itself; mrcore up starts it again when it ends."
    if row.state != "ready" or row.pid is None:
        return f"{row.name} is {row.state}: only what is ready can be restarted."
    return ""


class Restarts:
    """Plans and applies the restart of one stack's processes."""

    def __init__(self, state: folder.StateFolder, look: Look) -> None:
        self._state = state
        self._look = look

    async def plan(self, refs: Sequence[base.Ref]) -> AsyncIterator[sources.Planned]:
        """Each process with its pid, and what its restart cuts off."""
        rows, trouble = await self._look()
        for each in refs:
            row = rows.get(each)
            why = why_not(row, trouble) if row else "The stack has no such process."
            if row is None or row.pid is None or why:
                yield plans.LeftOut(why=why, count=1, samples=(each,))
                continue
            since = f", running since {row.since:%Y-%m-%d %H:%M:%S} UTC" if row.since else ""
            label = f"{row.name} of this stack, pid {row.pid}{since}"
            yield plans.Target(ref=each, label=label, guard=_guard(row), at=row.since)
            if row.name.startswith(_BACKEND):
                found = await live_meetings.at_ports(row.pid)
                for remark in live_meetings.remarks(*found, "drops {n}"):
                    yield remark
            count = await asyncio.to_thread(connections.open_to, row.pid)
            for remark in _remarks(row.name, count):
                yield remark

    async def apply(self, chunk: Sequence[plans.Target], by: plans.By) -> list[plans.TargetOutcome]:
        """One after the other; what does not fit into 50 s is not begun."""
        end_s = time.monotonic() + CHUNK_S
        outcomes = []
        for number, target in enumerate(chunk):
            if number and time.monotonic() > end_s - READY_S:
                why = "Not begun: those before it took too long. Plan it again."
                outcomes.append(_outcome(target, plans.Outcome.FAILED, why))
            else:
                outcomes.append(await self._restart(target, by))
        return outcomes

    async def _restart(self, target: plans.Target, by: plans.By) -> plans.TargetOutcome:
        rows, trouble = await self._look()
        row = rows.get(target.ref)
        if row is None:
            return _outcome(target, plans.Outcome.SKIPPED, "It has moved on: it is gone.")
        if moved := _moved(target.guard, row):
            return _outcome(target, plans.Outcome.SKIPPED, f"It has moved on: {moved}.")
        if why := why_not(row, trouble):
            return _outcome(target, plans.Outcome.FAILED, why)
        assert row.pid is not None
        try:
            wishes.write(self._state, wishes.Wish(row.name, row.pid, by.login))
        except OSError as error:
            why = f"The wish for the supervisor cannot be written: {error}."
            return _outcome(target, plans.Outcome.FAILED, why)
        return await self._watch(target, row)

    async def _watch(self, target: plans.Target, before: Row) -> plans.TargetOutcome:
        """Until the supervisor has another pid of it that is ready."""
        began_s = time.monotonic()
        try:
            while (waited_s := time.monotonic() - began_s) < READY_S:
                rows, _ = await self._look()
                row = rows.get(target.ref, before)
                if row.pid not in (None, before.pid) and row.state == "ready":
                    why = f"pid {before.pid} → {row.pid}"
                    return _outcome(target, plans.Outcome.DONE, why)
                if waited_s > HEARD_S and wishes.withdraw(self._state, before.name):
                    why = f"The supervisor did not hear of it within {HEARD_S:g} s."
                    return _outcome(target, plans.Outcome.FAILED, why)
                await asyncio.sleep(_LOOK_S)
        finally:
            wishes.withdraw(self._state, before.name)
        why = (
            f"pid {before.pid} was told to end; no other is ready after {READY_S:g} s: see its log."
        )
        return _outcome(target, plans.Outcome.FAILED, why)


def _guard(row: Row) -> plans.Args:
    since = row.since.isoformat() if row.since else ""
    return {"pid": row.pid, "since": since, "state": row.state}


def _moved(guard: plans.Args, row: Row) -> str:
    now = _guard(row)
    if guard["pid"] != now["pid"]:
        return f"pid {guard['pid']} → {now['pid'] or 'none'}"
    if guard["state"] != now["state"]:
        return f"{guard['state']} → {now['state']}"
    if guard["since"] != now["since"]:
        return f"since {guard['since']} → {now['since']}"
    return ""


def _remarks(name: str, count: int | None) -> Iterator[plans.Remark]:
    if name not in _ALL or not count:
        yield from connections.remarks(count, name, "drops {n} of " + name)
        return
    what = _ALL[name] if count == 1 else f"{_ALL[name]}s"
    text = f"cuts off all {count:,} {what} of {name}"
    yield plans.Remark(text=text, level=base.Level.WARN)


def _outcome(target: plans.Target, outcome: plans.Outcome, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=target.ref, outcome=outcome, why=why)
