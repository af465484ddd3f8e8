"""`process.restart` in a stack: planned by pid, wished of the supervisor, watched until ready."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

from mrcore import folder
from mrcore.model import base, plans
from mrcore.sources import base as sources
from mrcore.sources import connections, live_meetings, supervised, wishes

ACTION = "process.restart"
CORE = "serve"
_BACKEND = "backend"
READY_S = 40.0
CHUNK_S = 50.0
_ALL = {"postgres": "session", "valkey": "client"}


Look = Callable[[], Awaitable[tuple[dict[base.Ref, supervised.Row], str]]]
"""The processes by their refs, and why nobody supervises them ('' where somebody does)."""


def why_not(row: supervised.Row, trouble: str) -> str:
    """Why a process cannot be restarted now; empty when it can."""
    if trouble:
        return f"Nobody would start {row.name} again: {trouble}."
    if row.name == CORE:
        return "The core would cut off itself; mrcore up starts it again when it ends."
    if supervised.was_stopped(row.state, row.last_exit):
        return ""
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
            if row is None or why:
                yield plans.LeftOut(why=why, count=1, samples=(each,))
                continue
            yield plans.Target(ref=each, label=_label(row), guard=_guard(row), at=row.since)
            if row.pid is None:
                yield plans.Remark(text=f"{row.name} {row.last_exit}: it begins again")
                continue
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
        return await self._watch(target, row, by)

    async def _watch(
        self, target: plans.Target, before: supervised.Row, by: plans.By
    ) -> plans.TargetOutcome:
        """Until the supervisor has another pid of it that is ready."""
        pid: int | None = None

        async def again() -> bool:
            nonlocal pid
            rows, _ = await self._look()
            row = rows.get(target.ref, before)
            pid = row.pid
            return pid not in (None, before.pid) and row.state == "ready"

        wish = wishes.Wish(before.name, before.pid or 0, by.login)
        if why := await supervised.fulfilled(self._state, wish, again, READY_S):
            return _outcome(target, plans.Outcome.FAILED, why)
        return _outcome(target, plans.Outcome.DONE, f"pid {before.pid or 'none'} → {pid}")


def _label(row: supervised.Row) -> str:
    now = f"pid {row.pid}, running" if row.pid else "stopped"
    since = f" since {row.since:%Y-%m-%d %H:%M:%S} UTC" if row.since else ""
    return f"{row.name} of this stack, {now}{since}"


def _guard(row: supervised.Row) -> plans.Args:
    since = row.since.isoformat() if row.since else ""
    return {"pid": row.pid, "since": since, "state": row.state}


def _moved(guard: plans.Args, row: supervised.Row) -> str:
    now = _guard(row)
    if guard["pid"] != now["pid"]:
        return f"pid {guard['pid'] or 'none'} → {now['pid'] or 'none'}"
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
