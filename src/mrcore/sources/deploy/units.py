"""Units as processes: how each is, and its restart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from mrcore import errors
from mrcore.adapters import base as adapters
from mrcore.model import base, plans, ref, stack
from mrcore.sources import base as sources
from mrcore.sources import connections

ACTION = "process.restart"
ASK_S = 4.5
CHUNK_S = 50.0
_AT_ONCE = 8
_SAME_START_S = 2.0
_LEVELS = {
    "ready": base.Level.OK,
    "starting": base.Level.WARN,
    "stopping": base.Level.WARN,
    "stopped": base.Level.WARN,
    "backoff": base.Level.BAD,
    "failed": base.Level.BAD,
}

Look = adapters.UnitState | errors.SourceError
"""How a unit is, or why nobody knows."""


class Units:
    """The units of one deployment, by name."""

    def __init__(self, source: str, units: Mapping[str, adapters.Unit]) -> None:
        self.units = units
        self._source = source
        self._gate = asyncio.Semaphore(_AT_ONCE)

    def ref(self, name: str) -> base.Ref:
        """A unit's address."""
        return ref.make(self._source, stack.Process.KIND, name)

    async def look(self) -> dict[str, Look]:
        """How each is; the trouble of one is its own."""
        looks = await asyncio.gather(*(self.ask(name) for name in self.units))
        return dict(zip(self.units, looks, strict=True))

    async def ask(self, name: str) -> Look:
        """How one is, within 4.5 s."""
        try:
            async with asyncio.timeout(ASK_S), self._gate:
                return await self.units[name].state()
        except TimeoutError:
            return errors.Unreachable(f"{self.units[name].adapter} did not answer in {ASK_S:g} s.")
        except errors.SourceError as error:
            return error

    def entity(self, name: str, look: Look, *, idle: bool = False) -> stack.Process:
        """A unit as a process; an `idle` one may be stopped."""
        unit = self.units[name]
        shown = f"{unit.name} on {unit.adapter}"
        if isinstance(look, errors.SourceError):
            verdict = base.Verdict(level=base.Level.UNKNOWN, code=look.code, why=str(look))
            return stack.Process(
                ref=self.ref(name), name=name, state="unknown", command=shown, verdict=verdict
            )
        return stack.Process(
            ref=self.ref(name),
            name=name,
            state=look.state,
            pid=look.pid,
            since=look.since,
            restarts=look.restarts,
            last_exit=look.why,
            command=f"{shown}, {look.version}" if look.version else shown,
            verdict=_verdict(look, idle=idle),
            actions=(ACTION,),
        )

    async def plan(self, refs: Sequence[base.Ref]) -> AsyncIterator[sources.Planned]:
        """Each unit with how it is now, and what its restart would cut off."""
        names = {each: name for each in refs if (name := self.find(each)) is not None}
        looks = dict(zip(names, await asyncio.gather(*map(self.ask, names.values())), strict=True))
        for each in refs:
            if each not in names:
                why = "There is no such unit in the settings."
                yield plans.LeftOut(why=why, count=1, samples=(each,))
                continue
            name, look = names[each], looks[each]
            if isinstance(look, errors.SourceError):
                yield plans.LeftOut(why=str(look), count=1, samples=(each,))
                continue
            yield plans.Target(
                ref=each, label=self._label(name, look), guard=_guard(look), at=look.since
            )
            if look.pid is not None:
                count = await asyncio.to_thread(connections.open_to, look.pid)
                for remark in connections.remarks(count, name, "drops {n} of " + name):
                    yield remark

    async def apply(self, chunk: Sequence[plans.Target]) -> list[plans.TargetOutcome]:
        """Restart one after the other; what does not fit into 50 s is not begun."""
        until_s = time.monotonic() + CHUNK_S - adapters.RESTART_S
        outcomes = []
        for number, target in enumerate(chunk):
            if number and time.monotonic() > until_s:
                why = "Not begun: those before it took too long. Plan it again."
                outcomes.append(failed(target, why))
                continue
            try:
                outcomes.append(await self._restart(target))
            except errors.SourceError as error:
                outcomes.append(failed(target, str(error)))
        return outcomes

    def find(self, address: base.Ref) -> str | None:
        """The name in a unit's ref, if there is such a unit."""
        return next((name for name in self.units if self.ref(name) == address), None)

    async def _restart(self, target: plans.Target) -> plans.TargetOutcome:
        name = self.find(target.ref)
        if name is None:
            return failed(target, "There is no such unit in the settings any more.")
        before = await self.ask(name)
        if isinstance(before, errors.SourceError):
            return failed(target, str(before))
        if moved := _moved(target.guard, before):
            return plans.TargetOutcome(
                ref=target.ref, outcome=plans.Outcome.SKIPPED, why=f"It has moved on: {moved}."
            )
        await self.units[name].restart()
        after = await self.ask(name)
        if isinstance(after, errors.SourceError):
            return failed(target, f"It was restarted, and then: {after}")
        changed = _moved(_guard(before), after)
        if not changed:
            return failed(target, f"{self.units[name].adapter} said done, but it did not restart.")
        if after.state not in ("ready", "starting"):
            return failed(target, f"It was restarted and is {after.state}: {after.why or changed}.")
        return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE, why=changed)

    def _label(self, name: str, look: adapters.UnitState) -> str:
        unit = self.units[name]
        since = f" since {look.since:%Y-%m-%d %H:%M:%S} UTC" if look.since else ""
        state = "running" if look.state == "ready" else look.state
        return f"{unit.name} on {unit.adapter}, {state}{since}"


def failed(target: plans.Target, why: str) -> plans.TargetOutcome:
    """A target with which something went wrong."""
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.FAILED, why=why)


def _guard(look: adapters.UnitState) -> plans.Args:
    return {
        "pid": look.pid,
        "since": look.since.isoformat() if look.since else "",
        "restarts": look.restarts,
        "state": look.state,
    }


def _moved(guard: plans.Args, now: adapters.UnitState) -> str:
    """From what to what a unit has changed; empty when the guard still holds."""
    if guard["pid"] != now.pid:
        return f"pid {guard['pid'] or 'none'} → {now.pid or 'none'}"
    if guard["restarts"] != now.restarts:
        return f"{guard['restarts']} → {now.restarts} restarts"
    if guard["state"] != now.state:
        return f"{guard['state']} → {now.state}"
    before = datetime.fromisoformat(str(guard["since"])) if guard["since"] else None
    if (before is None) != (now.since is None):
        return f"running since {before} → {now.since}"
    if before and now.since and abs((now.since - before).total_seconds()) > _SAME_START_S:
        return f"running since {before:%H:%M:%S} → {now.since:%H:%M:%S} UTC"
    return ""


def _verdict(look: adapters.UnitState, *, idle: bool) -> base.Verdict:
    level = _LEVELS[look.state]
    if look.state == "ready":
        level = base.Level.WARN if look.why else base.Level.OK
    if idle and look.state in ("stopped", "failed"):
        return base.Verdict(code="idle", why="stopped: its colour has no traffic")
    if level is base.Level.OK:
        return base.OK
    return base.Verdict(level=level, code=look.state, why=look.why or look.state)
