"""Jobs around a job: who enqueued it, whom it has enqueued, what will run with its result."""

from __future__ import annotations

from typing import NamedTuple

from mrcore.journal import reader, record
from mrcore.model import base, ref
from mrcore.sources.huey import asking, jobs
from mrcore.sources.redis import link


class Next(NamedTuple):
    """A job beside another; `ref` is '' while it has not been enqueued.

    Its `role` is parent, child, or `then` of what a pipeline has next.
    """

    name: str
    state: str
    ref: base.Ref
    role: str = "then"


CHILDREN = 20
"""The newest children that are looked at."""


async def around(
    client: link.Client, shelf: jobs.Jobs, of: str, found: record.Record
) -> list[Next]:
    """Its parent, its newest children, and what follows it. Raises NotPermitted."""
    pairs = [("parent", found.parent)] if found.parent else []
    pairs += [("child", pair) for pair in found.children[-CHILDREN:]]
    made: list[Next] = []
    by_queue: dict[str, list[str]] = {}
    for _, (name, job_id) in pairs:
        by_queue.setdefault(name, []).append(job_id)
    known = {
        (name, job_id): row
        for name, ids in by_queue.items()
        for job_id, (row, _) in (await shelf.read(client, name, ids, payload=False)).items()
    }
    for role, pair in pairs:
        row = known.get(pair)
        of_pair = ref.make(shelf.maker.source, "job", *pair)
        name, state = (row.name, row.state) if row else (pair[1], "gone")
        made.append(Next(name, state, of_pair, role))
    return made + await after(client, shelf, of, found)


async def after(client: link.Client, shelf: jobs.Jobs, of: str, found: record.Record) -> list[Next]:
    """The next jobs of a pipeline, at most three; only the message of a failed job is kept.

    Raises NotPermitted.
    """
    if not found.kept:
        return []
    (message,) = await asking.ask(client, ("HGET", shelf.root.queue(of).job(found.id), "message"))
    try:
        chain = reader.read(message).then if isinstance(message, bytes) else ()
    except reader.Unreadable:
        return []
    known = await shelf.read(client, of, [job_id for job_id, _ in chain], payload=False)
    made = []
    for job_id, task in chain:
        name = task.rpartition(".")[2]
        row = known[job_id][0] if job_id in known else None
        made.append(
            Next(name, "not enqueued", "") if row is None else Next(name, row.state, row.ref)
        )
    return made
