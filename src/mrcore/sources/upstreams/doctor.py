"""Whether each service answers and takes its credential, for `mrcore doctor`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from mrcore import errors
from mrcore.model import base, plans
from mrcore.sources import finding
from mrcore.sources.upstreams import settings, source


async def examine(wanted: settings.Settings, now: Callable[[], datetime]) -> list[finding.Finding]:
    """Ask each service once, and read what the backend counted."""
    by_hand = wanted.model_copy(update={"every_s": 0.0, "smtp_every_s": 0.0})
    async with source.Upstreams(wanted.kind, by_hand, now=now) as opened:
        try:
            async with asyncio.timeout(wanted.deadline_s):
                sample = await opened.sample()
        except (errors.SourceError, TimeoutError) as error:
            if isinstance(error, errors.SourceError):
                return [finding.of("what was counted", error)]
            return [finding.Finding("what was counted", False, "No answer in time.")]
        refs = tuple(each.ref for each in sample.entities if each.kind == "upstream")
        chosen = plans.Selection(refs=refs)
        planned = [p async for p in opened.plan(source.ACTION, chosen, {}, lambda n, of: None)]
        targets = [p for p in planned if isinstance(p, plans.Target)]
        await opened.apply(source.ACTION, targets, {}, plans.By(login="doctor"))
        found = (await opened.sample()).entities
    return [_of(each) for each in found if each.kind == "upstream"]


def _of(entity: base.Entity) -> finding.Finding:
    name = str(getattr(entity, "name", entity.ref))
    good = entity.verdict.level in (base.Level.OK, base.Level.WARN)
    said = entity.verdict.why or "it answers"
    return finding.Finding(name, good, f"{said[:1].upper()}{said[1:]}.")
