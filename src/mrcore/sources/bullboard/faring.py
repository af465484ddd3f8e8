"""How jobs fare since they were retried: a canary is watched with it."""

from __future__ import annotations

from collections.abc import Sequence

from mrcore.model import plans, queue
from mrcore.sources.bullboard import seeing


async def fared(seer: seeing.Seer, chunk: Sequence[plans.Target]) -> list[plans.Fared]:
    """Failed again, succeeded, or still under way; what the board has not any more has ended.

    A queue that keeps no succeeded jobs and one that keeps no failed ones look the same then.
    """

    async def one(target: plans.Target) -> plans.Fared:
        seen = await seer.one(target.ref)
        if seen.row is None:
            return plans.Fared(ref=target.ref, state="well", why="It has ended, and is not kept.")
        if seen.row.state is queue.JobState.COMPLETED:
            return plans.Fared(ref=target.ref, state="well")
        before = target.guard.get("attempts"), target.guard.get("finishedOn")
        now = seen.guard["attempts"], seen.guard["finishedOn"]
        if seen.row.state is queue.JobState.FAILED and now != before:
            return plans.Fared(
                ref=target.ref,
                state="failed",
                fingerprint=seen.row.fingerprint,
                why=seen.row.error,
            )
        return plans.Fared(ref=target.ref, state="pending")

    return await seeing.abreast(one, chunk)
