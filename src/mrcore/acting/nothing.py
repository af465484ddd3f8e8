"""Why a plan has no target at all, where its source leaves nothing out."""

from __future__ import annotations

from collections.abc import Sequence

from mrcore import errors
from mrcore.model import base, plans, queue
from mrcore.queues import ticks
from mrcore.sources import base as sources
from mrcore.sources.engine import emptying

CLEAN, DRAIN = emptying.CLEAN, emptying.DRAIN
QUEUES_MAX = 20
"""Queues that are asked how much is in them."""

UNDO = "nothing is done"


async def why(source: sources.Source, request: plans.PlanRequest) -> Sequence[plans.LeftOut]:
    """A sentence at least; what there is and is not meant is counted."""
    if request.action in (CLEAN, DRAIN) and request.selection.refs:
        return [await _queue(source, request, of) for of in request.selection.refs[:QUEUES_MAX]]
    return [plans.LeftOut(why=_unmatched(request.selection), count=0)]


async def _queue(source: sources.Source, request: plans.PlanRequest, of: base.Ref) -> plans.LeftOut:
    try:
        found = (await source.detail(of)).entity
    except errors.SourceError as error:
        return plans.LeftOut(why=str(error), count=1, samples=(of,))
    if not isinstance(found, queue.Queue):
        return plans.LeftOut(why="It is no queue.", count=1, samples=(of,))
    say = _cleaned if request.action == CLEAN else _drained
    count, said = say(found, request.args)
    return plans.LeftOut(why=f"{found.name}: {said}", count=count, samples=(of,) if count else ())


def _cleaned(found: queue.Queue, args: plans.Args) -> tuple[int, str]:
    """Those that ended too lately, or that there is none."""
    state = "failed" if args.get("state") == "failed" else "completed"
    count = found.counts.failed if state == "failed" else found.counts.completed
    older_s = args.get("older_s", emptying.OLDER_S)
    if not count:
        return 0, f"no job is {state}"
    if not isinstance(older_s, int | float) or not older_s:
        return count, f"{count:,} {state}, and none can be taken"
    are = "is" if count == 1 else "are"
    return (
        count,
        f"{count:,} {state} {are} younger than {ticks.every(older_s)}; older_s=0 takes all",
    )


def _drained(found: queue.Queue, args: plans.Args) -> tuple[int, str]:
    delayed = found.counts.delayed
    if args.get("delayed") or not delayed:
        return 0, "nothing waits"
    are = "is" if delayed == 1 else "are"
    return delayed, f"nothing waits; {delayed:,} {are} delayed, which delayed=true takes"


def _unmatched(selection: plans.Selection) -> str:
    """Which filter nothing matches: `no job of it has fingerprint x`."""
    if selection.refs:
        return "Nothing of that is there (any more)."
    asked = selection.query.model_dump(exclude_defaults=True, exclude={"limit", "order"})
    if not asked:
        return f"{selection.ref} has no {selection.collection} (any more)."
    wanted = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in asked.items())
    return f"Of the {selection.collection} of {selection.ref} none has {wanted}."
