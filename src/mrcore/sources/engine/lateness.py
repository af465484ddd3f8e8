"""What expires between plan and act is not done: a canary and a pause take their time."""

from __future__ import annotations

from collections.abc import Sequence

from mrcore.model import base, plans
from mrcore.queues import expiry
from mrcore.sources import base as source_base
from mrcore.sources.engine import acts, saying


async def apply(
    act: acts.Act,
    action: base.ActionId,
    chunk: Sequence[plans.Target],
    args: plans.Args,
    by: plans.By,
    now: source_base.Now,
) -> list[plans.TargetOutcome]:
    """Apply it to those that may still run; the others are skipped, and say since when not."""
    at = now()
    late = {one.ref: why for one in chunk if (why := expiry.late(one.guard, at))}
    rest = [one for one in chunk if one.ref not in late]
    done = await act.apply(action, rest, args, by) if rest else []
    told = {one.ref: one for one in done}
    skipped = {of: saying.skipped(of, why) for of, why in late.items()}
    return [skipped.get(one.ref) or told[one.ref] for one in chunk]
