"""When retention will trim jobs: each job's options say how many, or for how long, are kept.

`removeOnComplete` and `removeOnFail` are a number, or an object of `age` (seconds) and `count`;
a queue's defaults are copied into each job, a worker's own are kept nowhere. BullMQ trims as the
next job ends, so an age is the earliest instant; a count depends on how many come after, and what
is said is when, if they go on as the newest 100 did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import JsonValue

from mrcore.model import base, queue, wire
from mrcore.sources.bullmq import asking, places, rows
from mrcore.sources.redis import link

NEWEST = 100
MOST = timedelta(days=30)
"""What is further away by count is not said."""

_S = queue.JobState
_OPTIONS = {_S.COMPLETED: "removeOnComplete", _S.FAILED: "removeOnFail"}


class Keep(NamedTuple):
    """How many, and for how long; None where that is not limited."""

    most: float | None = None
    age: timedelta | None = None


def keep(opts: Mapping[str, JsonValue], state: queue.JobState) -> Keep:
    """What a job's options say of its end in that state."""
    said = opts.get(_OPTIONS.get(state, ""))
    if isinstance(said, bool):
        return Keep(0.0) if said else Keep()
    if isinstance(said, int | float):
        return Keep(float(said)) if said >= 0 else Keep()
    if not isinstance(said, dict):
        return Keep()
    count, age_s = asking.number(said.get("count")), asking.number(said.get("age"))
    try:
        age = None if age_s is None or age_s < 0 else timedelta(seconds=age_s)
    except OverflowError:
        age = None
    return Keep(count if count is not None and count >= 0 else None, age)


async def on(client: link.Client, place: places.Place, page: wire.Page, now: datetime) -> wire.Page:
    """A page whose jobs say when retention will trim them. Raises NotPermitted."""
    found = [row for row in page.rows if isinstance(row, queue.Job)]
    return page.model_copy(update={"rows": tuple(await dated(client, place, found, now))})


async def dated(
    client: link.Client, place: places.Place, found: Sequence[queue.Job], now: datetime
) -> list[queue.Job]:
    """The jobs; those that retention will trim say when. Raises NotPermitted."""
    keeps = await _keeps(client, place, [job for job in found if job.state in _OPTIONS])
    counted = [job for job in found if keeps.get(job.ref, Keep()).most is not None]
    by_count = await _by_count(client, place, counted, keeps, now)
    dated = []
    for job in found:
        until = [by_count[job.ref]] if job.ref in by_count else []
        age, ended = keeps.get(job.ref, Keep()).age, job.finished_at
        if age is not None and ended is not None and age < timedelta(days=36_500):
            until.append(ended + age)
        dated.append(job.model_copy(update={"trims_at": min(until)}) if until else job)
    return dated


async def _keeps(
    client: link.Client, place: places.Place, ended: Sequence[queue.Job]
) -> dict[base.Ref, Keep]:
    if not ended:
        return {}
    replies = await asking.ask(client, *(("HGET", f"{place.base}{j.id}", "opts") for j in ended))
    made = {}
    for job, reply in zip(ended, replies, strict=True):
        opts = rows.parsed(reply)
        made[job.ref] = keep(opts if isinstance(opts, dict) else {}, job.state)
    return made


async def _by_count(
    client: link.Client,
    place: places.Place,
    those: Sequence[queue.Job],
    keeps: Mapping[base.Ref, Keep],
    now: datetime,
) -> dict[base.Ref, datetime]:
    if not those:
        return {}
    states = sorted({job.state for job in those})
    keys = {state: f"{place.base}{state.value}" for state in states}
    replies = await asking.ask(
        client,
        *(("ZREVRANGE", key, NEWEST - 1, NEWEST - 1, "WITHSCORES") for key in keys.values()),
        *(("ZREVRANK", keys[job.state], job.id) for job in those),
    )
    apart: dict[queue.JobState, timedelta] = {}
    for state, look in zip(states, replies, strict=False):
        for _, score in asking.pairs(look):
            if (then := rows.instant(score)) is not None and then < now:
                apart[state] = (now - then) / NEWEST
    until: dict[base.Ref, datetime] = {}
    for job, rank in zip(those, replies[len(states) :], strict=True):
        count = keeps[job.ref].most
        if count is None or not isinstance(rank, int) or job.state not in apart:
            continue
        left = max(0.0, count - rank)
        if apart[job.state] <= MOST / max(left, 1.0):
            until[job.ref] = now + apart[job.state] * left
    return until
