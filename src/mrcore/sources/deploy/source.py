"""The source `deploy`: asks every unit and every colour at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Self

from mrcore import adapters, errors
from mrcore.model import base, deploy, plans, stack, wire
from mrcore.sources import base as sources
from mrcore.sources import live_meetings, sampled
from mrcore.sources.deploy import colours, differing, left, settings, switching, units


class Deploy(sources.SourceBase):
    """One deployment; nothing of it is kept between two samples."""

    def __init__(self, name: str, wanted: settings.Settings, *, now: sources.Now) -> None:
        super().__init__(name, now=now)
        built = {
            unit: adapters.build(table, where=f"sources.{name}.units.{unit}")
            for unit, table in wanted.units.items()
        }
        self._colour_units = _colour_units(name, wanted)
        self._units = units.Units(name, built)
        self._colours = colours.Colours(
            name, wanted.colours, wanted.current, now, wanted.preflight_s
        )
        self._switch = (
            switching.Switch(wanted.switch, self._colours, left.Left(wanted.stack))
            if wanted.switch
            else None
        )

    async def __aenter__(self) -> Self:
        self._colours.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._colours.close()

    def describe(self) -> wire.Description:
        has = self._units.units
        kinds = [stack.Process.KIND] if has else []
        kinds += [deploy.Colour.KIND] if self._colours.colours else []
        acts = [units.ACTION] if has else []
        acts += [colours.ACTION] if self._switch else []
        return wire.Description(kinds=tuple(kinds), actions=tuple(acts))

    async def sample(self) -> wire.Sample:
        """Every unit and every colour; what one does not say is its own `unknown`."""
        live = await self._live()
        looks, healths = await asyncio.gather(self._units.look(), self._colours.healths())
        newer = await self._colours.preflights(live, healths)
        known = isinstance(live, str)
        idle = {unit for unit, colour in self._colour_units.items() if known and colour != live}
        rows = [self._units.entity(n, look, idle=n in idle) for n, look in looks.items()]
        told = [
            self._colour(name, live, healths[name], looks).model_copy(
                update={"preflight": newer.get(name)}
            )
            for name in self._colours.colours
        ]
        return wire.Sample(at=self.now(), entities=(*rows, *differing.compared(told)))

    async def detail(self, ref: base.Ref) -> wire.Detail:
        """One unit or colour with everything that is known of it."""
        return sampled.detail(await self.sample(), ref, "since", words=_words)

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: sources.Progress,
    ) -> AsyncIterator[sources.Planned]:
        """Restarts of units, or the switch to one colour."""
        work = self._worker(action)
        if selection.ref:
            raise self._unsupported(f"collection {selection.collection!r}")
        async for item in work.plan(selection.refs):
            yield item
        if action == units.ACTION:
            async for remark in self._other_colours(selection.refs):
                yield remark

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        """Act on each whose guard still holds."""
        work = self._worker(action)
        if isinstance(work, switching.Switch):
            return await work.apply(chunk, by)
        return await work.apply(chunk)

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[sources.Planned]:
        """Only a switch can be undone."""
        if action != colours.ACTION or self._switch is None:
            raise self._unsupported(f"undo of {action!r}")
        async for item in self._switch.plan_undo(done):
            yield item

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        """Switch back."""
        if action != colours.ACTION or self._switch is None:
            raise self._unsupported(f"undo of {action!r}")
        return await self._switch.undo(chunk, by)

    def _worker(self, action: base.ActionId) -> units.Units | switching.Switch:
        if action == units.ACTION and self._units.units:
            return self._units
        if action == colours.ACTION and self._switch is not None:
            return self._switch
        raise self._unsupported(f"action {action!r}")

    async def _live(self) -> str | errors.SourceError:
        if not self._colours.colours:
            return ""
        try:
            return await self._colours.live()
        except errors.SourceError as error:
            return error

    def _colour(
        self,
        name: str,
        live: str | errors.SourceError,
        health: colours.Health,
        looks: Mapping[str, units.Look],
    ) -> deploy.Colour:
        look = looks.get(self._colours.colours[name].unit)
        return self._colours.entity(name, live, health, look, switches=self._switch is not None)

    async def _other_colours(self, refs: Sequence[base.Ref]) -> AsyncIterator[plans.Remark]:
        """What to know of the colours when a unit of one is restarted."""
        mine = {self._colour_units.get(self._units.find(each) or "") for each in refs} - {None}
        if not mine:
            return
        live = await self._live()
        for name in self._colours.colours:
            if name in mine:
                health = await self._colours.health(name)
                says = "drops {n}"
                for remark in live_meetings.remarks(health.meetings, health.peers, says):
                    yield remark
            if name in mine and name == live:
                text = f"{name} has the traffic"
                yield plans.Remark(text=text, level=base.Level.WARN)
            if name not in mine:
                health = await self._colours.health(name)
                if health.verdict.level is not base.Level.OK:
                    text = f"{name}, the other colour, is not healthy: {health.verdict.why}"
                    yield plans.Remark(text=text, level=base.Level.WARN)


def _colour_units(name: str, wanted: settings.Settings) -> dict[str, str]:
    """The colour of each unit that runs one. Raises SettingsError for a unit that is not there."""
    found = {}
    for colour, about in wanted.colours.items():
        if about.unit and about.unit not in wanted.units:
            raise errors.SettingsError(
                f"sources.{name}.colours.{colour}.unit is {about.unit!r}, which is not a unit.",
                fix=f"The units are {', '.join(wanted.units) or 'none'}.",
            )
        if about.unit:
            found[about.unit] = colour
    if wanted.switch and (wanted.current is None or len(wanted.colours) < 2):
        raise errors.SettingsError(
            f"sources.{name}.switch needs `current` and two or more colours beside it."
        )
    return found


def _words(entity: base.Entity) -> dict[str, str]:
    """What a colour's preflight says, in one sentence."""
    preflight = getattr(entity, "preflight", None)
    if preflight is None:
        return {}
    return {"preflight": preflight.why or "nothing is newer than its release"}
