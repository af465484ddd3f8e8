"""The source `upstreams`: probes by their own pace, what was counted at every sample."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Self

import httpx
from pydantic import JsonValue

from mrcore import authorities
from mrcore.model import base, plans, upstream, wire
from mrcore.sources import base as sources
from mrcore.sources import kept, sampled
from mrcore.sources.pg import link
from mrcore.sources.upstreams import asking, counted, manager, rows, settings

ACTION = "check.run"
GAPS_S = 600.0
"""How long the usual gap between webhooks is believed: it is reckoned of weeks."""


class Upstreams(sources.SourceBase):
    """Services outside; a question that hangs is heard later, never waited for."""

    def __init__(self, name: str, wanted: settings.Settings, *, now: sources.Now) -> None:
        super().__init__(name, now=now)
        self._wanted = wanted
        # No proxy of the environment: it would answer for a service that is away.
        known = authorities.known()
        self._client = httpx.AsyncClient(timeout=wanted.answer_s, trust_env=False, verify=known)
        self._manager = manager.Manager(wanted, self._client)
        self._eye = (
            kept.Kept(link.Link(wanted.dsn, read_only=True), asyncio.Lock())
            if wanted.dsn.get_secret_value()
            else None
        )
        self._gap: tuple[float, float | None] = (float("-inf"), None)
        self._asking = asking.Asking(
            name, wanted, self._manager, self._client, self._stored, self.now
        )

    async def __aenter__(self) -> Self:
        if self._eye is not None:
            self._eye.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._asking.close()
        if self._eye is not None:
            await kept.stop(self._eye)
        await self._client.aclose()

    def describe(self) -> wire.Description:
        kinds = ["upstream"] if self._asking.all else []
        kinds += ["webhook", "payment"] if self._eye else []
        kinds += ["secret"] if self._wanted.secrets else []
        return wire.Description(kinds=tuple(kinds), actions=(ACTION,) if self._asking.all else ())

    async def sample(self) -> wire.Sample:
        found = await self._counted()
        for one in self._asking.all.values():
            row = found.calls.get(one.name) if found else None
            if row and row["refused"]:
                self._asking.hurry(one, row["last_at"])
        self._asking.start_due()
        told = [rows.with_calls(one.entity, found) for one in self._asking.all.values()]
        made: list[base.Entity] = [*told]
        if found is not None:
            made += rows.passive(self.name, found, await self._usual_gap_s())
        if self._wanted.secrets:
            made += rows.secrets(self.name, found, await self._current())
        points = [one.point for one in self._asking.all.values() if one.point]
        for one in self._asking.all.values():
            one.point = None
        at = self.now()
        points += [
            wire.Point(metric="webhook.rate", ref=each.ref, at=at, value=each.last_hour / 3600)
            for each in made
            if isinstance(each, upstream.Webhook)
        ]
        return wire.Sample(at=at, entities=tuple(made), points=tuple(points))

    async def detail(self, ref: base.Ref) -> wire.Detail:
        """One entity with everything that is known of it."""
        return sampled.detail(await self.sample(), ref)

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: sources.Progress,
    ) -> AsyncIterator[sources.Planned]:
        """Questions to be put now, with the credential that there is now."""
        self._mine(action)
        if selection.ref:
            raise self._unsupported(f"collection {selection.collection!r}")
        for each in selection.refs:
            one = self._find(each)
            if one is None:
                yield plans.LeftOut(why="There is no such service.", count=1, samples=(each,))
            else:
                guard = await self._guard(one)
                at = one.entity.probed_at
                yield plans.Target(ref=each, label=f"upstream {one.name}", guard=guard, at=at)
            progress(1, None)

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> Sequence[plans.TargetOutcome]:
        """Ask each whose credential is the same, and that nobody else asked since."""
        self._mine(action)
        return await asyncio.gather(*(self._run(target) for target in chunk))

    async def _run(self, target: plans.Target) -> plans.TargetOutcome:
        one = self._find(target.ref)
        if one is None:
            why = "There is no such service any more."
            return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why=why)
        if await self._guard(one) != target.guard:
            why = "It was asked meanwhile, or its credential is another now."
            return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why=why)
        await self._asking.now_ask(one)
        says = one.entity.verdict.why or f"answers {one.entity.status_code or 'well'}"
        return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE, why=says)

    async def _guard(self, one: asking.Probed) -> dict[str, JsonValue]:
        return {"asked": one.by_hand, "credential": await self._asking.credential(one)}

    def _find(self, of: base.Ref) -> asking.Probed | None:
        return next((one for one in self._asking.all.values() if one.entity.ref == of), None)

    def _mine(self, action: base.ActionId) -> None:
        if action != ACTION or not self._asking.all:
            raise self._unsupported(f"action {action!r}")

    async def _counted(self) -> counted.Counted | None:
        if self._eye is None:
            return None
        now = self.now()
        return await self._eye.run(lambda connection: counted.read(connection, now))

    async def _usual_gap_s(self) -> float | None:
        """As it was reckoned in the last 10 minutes."""
        assert self._eye is not None
        at, found = self._gap
        if time.monotonic() - at > GAPS_S:
            now = self.now()
            found = await self._eye.run(lambda connection: counted.usual_gap_s(connection, now))
            self._gap = (time.monotonic(), found)
        return found

    async def _current(self) -> dict[str, manager.Current]:
        names = self._wanted.secrets
        found = await asyncio.gather(*map(self._manager.current, names))
        return dict(zip(names, found, strict=True))

    async def _stored(self, config: str) -> Mapping[str, str]:
        if self._eye is None:
            return {}
        return await self._eye.run(lambda connection: counted.stored(connection, config))
