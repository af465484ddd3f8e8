"""What tests look for through the core, as a second pair of eyes beside the screen."""

from __future__ import annotations

from mrcore import client
from mrcore.model import base, plans, queue
from tests import waiting


async def entity(core: client.CoreClient, ref: str) -> base.Entity | None:
    """A live entity by its ref."""
    live = await core.live()
    return next((e for s in live.sources for e in s.upserts if e.ref == ref), None)


async def failed_job(core: client.CoreClient) -> queue.Job:
    """A failed job that can be retried, out of the queue with the most of them."""

    async def look() -> queue.Job | None:
        live = await core.live()
        queues = [e for s in live.sources for e in s.upserts if isinstance(e, queue.Queue)]
        for found in sorted(queues, key=lambda q: -q.counts.failed):
            page = await core.page(found.ref, "jobs", plans.Query(state="failed"))
            for job in page.rows:
                if isinstance(job, queue.Job) and "queue.retry" in job.actions:
                    return job
        return None

    return await waiting.until(look, timeout_s=60, what="a failed job")
