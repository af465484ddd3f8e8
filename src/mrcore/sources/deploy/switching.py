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
from mrcore.sources.deploy import colours, settings

_SEVERAL = "The traffic can go to one colour only: choose one."
_NONE = "There is no such colour in the settings."
_LOOK_S = 0.5
_STAY = "{n} stay on the old colour: who joins again does not meet them"
_FINE = (base.Level.OK, base.Level.WARN)


class Switch:
    """The pinned script of one deployment, and what it must have led to."""

    def __init__(self, pin: settings.SwitchSettings, to: colours.Colours) -> None:
        self._starts = pin.starts
        self._gate_s = pin.gate_s
        self._script = script.Pinned(pin)
        self._colours = to
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
        yield plans.Target(ref=refs[0], label=name, guard=guard, note=self._note(name, healths))
        async for remark in self._remarks(live, name, healths):
            yield remark

    async def apply(
        self, chunk: Sequence[plans.Target], *, again: bool = False
    ) -> list[plans.TargetOutcome]:
        """Switch, if all is as it was planned; the colour's health must be fine.

        Asked `again` after the core has ended, a switch to there is taken for ours.
        """
        return [await self._apply(target, again=again) for target in chunk]

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
            async for remark in self._remarks(live, back, healths):
                yield remark

    async def undo(self, chunk: Sequence[plans.Undoable]) -> list[plans.TargetOutcome]:
        """Switch back, if the traffic still goes to where we sent it."""
        return [
            await self._switch(each.target, str(each.memento.get("from", ""))) for each in chunk
        ]

    async def _apply(self, target: plans.Target, *, again: bool) -> plans.TargetOutcome:
        name = self._colours.find(target.ref)
        return await self._switch(target, name, again=again) if name else _failed(target, _NONE)

    async def _switch(
        self, target: plans.Target, to: str, *, again: bool = False
    ) -> plans.TargetOutcome:
        async with self._one:
            try:
                return await self._held(target, to, again=again)
            except errors.SourceError as error:
                return _failed(target, str(error))

    async def _held(self, target: plans.Target, to: str, *, again: bool) -> plans.TargetOutcome:
        before = await self._colours.live()
        planned, pinned = str(target.guard.get("current")), target.guard.get("script")
        if again and before == to:
            return _done(target, planned, to)
        found = await self._script.digest()
        if before != planned:
            return _skipped(target, f"the traffic goes to {before}, planned was from {planned}")
        if found != pinned:
            return _skipped(target, f"the script was {pinned}, is {found}")
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
        return _done(target, before, after)

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
        self, live: str, to: str, healths: Mapping[str, colours.Health]
    ) -> AsyncIterator[plans.Remark]:
        before, after = (healths[name].release or "unknown release" for name in (live, to))
        yield plans.Remark(text=f"{live} ({before}) → {to} ({after})")
        port = self._colours.port(live)
        if port is not None:
            count = await asyncio.to_thread(connections.open_at, port)
            for remark in connections.remarks(count, live, f"{live} has {{n}}"):
                yield remark
        for remark in live_meetings.remarks(healths[live].meetings, healths[live].peers, _STAY):
            yield remark
        for remark in await self._colours.preflight(to):
            yield remark
        verdict = healths[to].verdict
        if verdict.level is not base.Level.OK:
            then = "" if verdict.level in _FINE else "; the switch is refused while it is so"
            if not self._needs_health(to):
                then = "; it is not asked again before the switch"
            text = f"{to} is not healthy: {verdict.why}{then}"
            yield plans.Remark(text=text, level=base.Level.WARN)


def _done(target: plans.Target, before: str, after: str) -> plans.TargetOutcome:
    why, memento = f"{before} → {after}", {"from": before}
    return plans.TargetOutcome(
        ref=target.ref, outcome=plans.Outcome.DONE, why=why, memento={**memento}
    )


def _failed(target: plans.Target, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.FAILED, why=why)


def _skipped(target: plans.Target, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(
        ref=target.ref, outcome=plans.Outcome.SKIPPED, why=f"It has moved on: {why}."
    )
