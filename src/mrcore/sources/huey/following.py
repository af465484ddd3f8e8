"""What runs with a job's result: huey's pipelines, as the kept message has them."""

from __future__ import annotations

from typing import NamedTuple

from mrcore.journal import reader, record
from mrcore.model import base
from mrcore.sources.huey import asking, jobs
from mrcore.sources.redis import link


class Next(NamedTuple):
    """A job after another: `ref` is '' while it has not been enqueued."""

    name: str
    state: str
    ref: base.Ref


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
