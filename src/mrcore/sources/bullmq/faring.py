"""How jobs fare since they were put back into the queue: what a canary is watched by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mrcore.model import base, plans, queue
from mrcore.sources.bullmq import asking, looking, places, rows, running
from mrcore.sources.engine import faring, naming
from mrcore.sources.redis import link

_S = queue.JobState


async def fared(
    client: link.Client, runner: running.Runner, chunk: Sequence[plans.Target]
) -> list[plans.Fared]:
    """Of each job how it went since the target was planned.

    Of a job that is gone, because ended ones are not kept, its queue's events tell; of one that
    somebody has removed nobody knows.
    """
    found: dict[str, plans.Fared] = {}
    for name, targets in naming.by_queue(runner.source, chunk, lambda t: t.ref).items():
        place = await runner.found.place(client, name)
        if place is None:
            continue
        found |= await _queue(client, place, targets)
    return [found.get(t.ref) or faring.gone(t.ref) for t in chunk]


async def _queue(
    client: link.Client, place: places.Place, targets: Sequence[tuple[plans.Target, str]]
) -> dict[str, plans.Fared]:
    spots = {s.id: s for s in await looking.find(client, place, [i for _, i in targets])}
    fields = ("atm", "attemptsMade", "failedReason", "stacktrace", "opts")
    hashes = await asking.ask(
        client, *(("HMGET", place.job(job_id), *fields) for _, job_id in targets)
    )
    found = {}
    for (target, job_id), values in zip(targets, hashes, strict=True):
        known = asking.items(values) or [None] * len(fields)
        atm, made, error, trace, opts = known
        attempts = int(asking.number(atm or made) or 0)
        tried = attempts > int(asking.number(str(target.guard.get("attempts", "0"))) or 0)
        found[target.ref] = _one(
            target.ref,
            spots[job_id].state if job_id in spots else None,
            asking.text(error),
            rows.newest(trace),
            tried=tried,
            there=opts is not None or atm is not None,
        )
    gone = {job_id: t.ref for t, job_id in targets if found[t.ref].state == "gone"}
    return found | await _ends(client, place, gone)


async def _ends(
    client: link.Client, place: places.Place, gone: Mapping[str, base.Ref]
) -> dict[base.Ref, plans.Fared]:
    """How those of them ended since their retry that the newest events still tell of."""
    found: dict[base.Ref, plans.Fared] = {}
    left = set(gone)
    if not left:
        return found
    async for entries in faring.backwards(asking.ask, client, place.base + "events"):
        for _, flat in entries:
            said = {asking.text(k): asking.text(v) for k, v in asking.pairs(flat)}
            job_id, event = said.get("jobId", ""), said.get("event")
            if job_id not in left:
                continue
            if event == "completed":
                found[gone[job_id]] = plans.Fared(ref=gone[job_id], state="well")
            elif event == "failed":
                found[gone[job_id]] = faring.failed(gone[job_id], said.get("failedReason", ""), "")
            elif (event, said.get("prev")) != ("waiting", "failed"):  # that is the retry itself
                continue
            left.remove(job_id)
        if not left:
            break
    return found


def _one(
    of: str, state: queue.JobState | None, error: str, trace: str, *, tried: bool, there: bool
) -> plans.Fared:
    if state is None and not there:
        return faring.gone(of)
    if state is _S.COMPLETED:
        return plans.Fared(ref=of, state="well")
    if not tried or not error or state in (None, _S.ACTIVE):
        return plans.Fared(ref=of, state="pending")
    return faring.failed(of, error, trace)
