"""The messages of jobs, wherever they are kept: in huey's list and schedule, or with the job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mrcore.journal import scripts
from mrcore.model import plans
from mrcore.sources.huey import asking, messages, running
from mrcore.sources.redis import link

_PORTION = 20
"""Messages in one round trip: each has up to 64 KiB."""

LOST = "Its message is not found: a worker is taking it, or it is one that cannot be read."


async def of(
    client: link.Client, at: scripts.Place, states: Mapping[str, str]
) -> dict[str, messages.Found]:
    """Messages by the ids of jobs, of which the states are given."""
    found: dict[str, messages.Found] = {}
    failed = [job_id for job_id, state in states.items() if state == "failed"]
    for start in range(0, len(failed), _PORTION):
        some = failed[start : start + _PORTION]
        replies = await asking.ask(client, *(("HGET", at.queue.job(i), "message") for i in some))
        found |= {i: messages.Found(m, 1) for i, m in zip(some, replies, strict=True) if m}
    for state in ("waiting", "delayed"):
        wanted = {job_id for job_id, is_ in states.items() if is_ == state}
        if wanted:
            found |= (await messages.find(client, at, state, wanted)).found
    return found


def by_queue(source: str, chunk: Sequence[plans.Target]) -> dict[str, dict[str, plans.Target]]:
    """Targets by queue and by job id."""
    found: dict[str, dict[str, plans.Target]] = {}
    for target in chunk:
        name, job_id = running.job(source, target.ref)
        found.setdefault(name, {})[job_id] = target
    return found


def state(target: plans.Target) -> str:
    """The state in which a target was planned."""
    return str(target.guard.get("state", ""))
