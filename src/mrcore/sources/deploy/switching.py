"""`deploy.switch`: the traffic to another colour, by a pinned script, and back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import urlsplit

from mrcore import errors
from mrcore.adapters import script
from mrcore.model import base, plans
from mrcore.sources import base as sources
from mrcore.sources import connections, live_meetings
from mrcore.sources.deploy import colours, left, settings

_SEVERAL = "The traffic can go to one colour only: choose one."
_NONE = "There is no such colour in the settings."
_LOOK_S = 0.5
_STAY = "{n} stay on the old colour: who joins again does not meet them"
_DROPS = "drops {n} on the old colour"
_FINE = (base.Level.OK, base.Level.WARN)


class Switch:
    """The pinned script of one deployment, and what it must have led to."""

    def __init__(
        self, pin: settings.SwitchSettings, to: colours.Colours, leaves: left.Left
    ) -> None:
        self._starts = pin.starts
        self._gate_s = pin.gate_s
        self._script = script.Pinned(pin)
        self._colours = to
        self._left = leaves
        self._one = asyncio.Lock()

    async def plan(self, refs: Sequence[base.Ref]) -> AsyncIterator[sources.Planned]:
        """The colour to switch to, with what is so now; more than one makes no sense."""
        name = self._colours.find(refs[0])
        if len(refs) != 1 or name is None:
            why = _NONE if name is None else _SEVERAL
            yield plans.LeftOut(why=why, count=len(refs), samples=tuple(refs))
            return
        live = await self._colours.live()
        if live == name:
            why = f"{name} has the traffic already."
            yield plans.LeftOut(why=why, count=1, samples=tuple(refs))
            return
        try:
            found = await self._pinned()
        except errors.SourceError as error:
            yield plans.LeftOut(why=str(error), count=1, samples=tuple(refs))
            return
        guard: plans.Args = {"current": live, "script": found}
        healths = await self._colours.healths()
        stops, why_not = await self._left.planned(live, healths[live].verdict)
        note = self._note(name, healths)
        yield plans.Target(ref=refs[0], label=name, guard={**guard, **stops}, note=note)
        async for remark in self._remarks(live, name, healths, stops=bool(stops)):
            yield remark
        if stops:
            yield left.remark(stops, live)
        if why_not:
            yield plans.Remark(text=why_not, level=base.Level.WARN)

    async def apply(self, chunk: Sequence[plans.Target], by: plans.By) -> list[plans.TargetOutcome]:
        """Switch, if all is as it was planned; the colour's health must be fine.

        The colour before is stopped then where the plan says so. Asked `again` after the core has
        ended, a switch to there is taken for ours.
        """
        return [await self._apply(target, by) for target in chunk]

    async def plan_undo(self, done: Sequence[plans.Undoable]) -> AsyncIterator[sources.Planned]:
        """Back to the colour from before, while the traffic still goes to ours."""
        for each in done:
            target, back = each.target, str(each.memento.get("from", ""))
            name, live = self._colours.find(target.ref), await self._colours.live()
            refs = (target.ref,)
            if live != name or back not in self._colours.colours:
                why = f"It has moved on: the traffic goes to {live} by now."
                yield plans.LeftOut(why=why, count=1, samples=refs)
                continue
            try:
                guard: plans.Args = {"current": live, "script": await self._pinned()}
            except errors.SourceError as error:
                yield plans.LeftOut(why=str(error), count=1, samples=refs)
                continue
            label = f"{name} back to {back}"
            yield plans.Target(ref=target.ref, label=label, name=back, guard=guard)
            healths = await self._colours.healths()
            stopped = await self._left.stopped(back) if "stops" in each.memento else ""
            async for remark in self._remarks(live, back, healths, stopped=stopped):
                yield remark

    async def undo(
        self, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        """Start what we stopped, and switch back, if the traffic still goes to where we sent it."""
        return [
            await self._switch(
                each.target, str(each.memento.get("from", "")), by, starts="stops" in each.memento
            )
            for each in chunk
        ]

    async def _apply(self, target: plans.Target, by: plans.By) -> plans.TargetOutcome:
        name = self._colours.find(target.ref)
        return await self._switch(target, name, by) if name else _failed(target, _NONE)

    async def _switch(
        self, target: plans.Target, to: str, by: plans.By, *, starts: bool = False
    ) -> plans.TargetOutcome:
        async with self._one:
            try:
                return await self._held(target, to, by, starts=starts)
            except errors.SourceError as error:
                return _failed(target, str(error))

    async def _held(
        self, target: plans.Target, to: str, by: plans.By, *, starts: bool
    ) -> plans.TargetOutcome:
        before = await self._colours.live()
        planned, pinned = str(target.guard.get("current")), target.guard.get("script")
        if by.again and before == to:
            return await self._stopped(target, planned, to, by)
        found = await self._script.digest()
        if before != planned:
            return _skipped(target, f"the traffic goes to {before}, planned was from {planned}")
        if found != pinned:
            return _skipped(target, f"the script was {pinned}, is {found}")
        if moved := await self._left.moved(before, target.guard):
            return _skipped(target, moved)
        if starts and (why := await self._left.start(to, by.login)):
            return _failed(target, f"Not switched: {to} was started, but {why}")
        if self._needs_health(to) and (why := await self._stopped_at_gate(to)):
            return _failed(target, f"Not switched: {to} {why}.")
        said = await self._script.run({"colour": to})
        after = await self._colours.live()
        if said.code:
            where = "" if after == before else f" The traffic goes to {after} all the same."
            words = f"The script ended with {said.code}: {said.last_words()}"
            return _failed(target, f"{words}{where}")
        if after != to:
            return _failed(
                target,
                f"The script ended with 0, but the traffic goes to {after}, not to {to};"
                f" it said: {said.last_words()}",
            )
        return await self._stopped(target, before, after, by)

    async def _stopped(
        self, target: plans.Target, before: str, after: str, by: plans.By
    ) -> plans.TargetOutcome:
        """Stop what the traffic has left, where that was planned; the traffic has moved anyway."""
        why, memento = f"{before} → {after}", {"from": before}
        if stops := str(target.guard.get("stops") or ""):
            running = await self._left.stop(before, target.guard, by.login)
            why += f"; {stops} still runs: {running}" if running else f"; {stops} is stopped"
            memento |= {} if running else {"stops": stops}
        return plans.TargetOutcome(
            ref=target.ref, outcome=plans.Outcome.DONE, why=why, memento={**memento}
        )

    async def _stopped_at_gate(self, name: str) -> str:
        """Why a colour does not get the traffic; empty when it was healthy all the while."""
        began_s, since = time.monotonic(), None
        while True:
            health, gone_s = await self._colours.health(name), time.monotonic() - began_s
            at = f" at the gate, after {gone_s:.1f} s of {self._gate_s:g} s" if since else ""
            if health.verdict.level not in _FINE:
                return f"is not healthy: {health.verdict.why}{at}"
            if since and health.up_since and health.up_since != since:
                return f"began anew{at}"
            if gone_s >= self._gate_s:
                return ""
            since = since or health.up_since
            await asyncio.sleep(min(_LOOK_S, self._gate_s))

    def _needs_health(self, name: str) -> bool:
        return not self._starts and bool(self._colours.colours[name].health)

    async def _pinned(self) -> str:
        found = await self._script.digest()
        if found != self._script.pin.sha256:
            raise errors.NotPermitted(self._script.differs(found))
        return found

    def _note(self, name: str, healths: Mapping[str, colours.Health]) -> str:
        """Where a colour is and what it runs: its name alone may be that of another machine's."""
        at = urlsplit(self._colours.colours[name].health)
        where = f"{at.hostname}:{at.port}" if at.port else at.hostname or ""
        release = f"release {healths[name].release}" if healths[name].release else ""
        return ", ".join(filter(None, (where, release)))

    async def _remarks(
        self,
        live: str,
        to: str,
        healths: Mapping[str, colours.Health],
        *,
        stops: bool = False,
        stopped: str = "",
    ) -> AsyncIterator[plans.Remark]:
        before, after = (healths[name].release or "unknown release" for name in (live, to))
        yield plans.Remark(text=f"{live} ({before}) → {to} ({after})")
        has, meetings = ("drops", _DROPS) if stops else ("has", _STAY)
        port = self._colours.port(live)
        if port is not None:
            count = await asyncio.to_thread(connections.open_at, port)
            for remark in connections.remarks(count, live, f"{live} {has} {{n}}"):
                yield remark
        for remark in live_meetings.remarks(healths[live].meetings, healths[live].peers, meetings):
            yield remark
        if stopped:
            yield plans.Remark(
                text=f"{stopped} was stopped: it is started before the traffic comes"
            )
            return
        for remark in await self._colours.preflight(to):
            yield remark
        verdict = healths[to].verdict
        if verdict.level is not base.Level.OK:
            then = "" if verdict.level in _FINE else "; the switch is refused while it is so"
            if not self._needs_health(to):
                then = "; it is not asked again before the switch"
            text = f"{to} is not healthy: {verdict.why}{then}"
            yield plans.Remark(text=text, level=base.Level.WARN)


def _failed(target: plans.Target, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.FAILED, why=why)


def _skipped(target: plans.Target, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(
        ref=target.ref, outcome=plans.Outcome.SKIPPED, why=f"It has moved on: {why}."
    )
