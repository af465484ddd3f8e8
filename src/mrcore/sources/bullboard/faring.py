"""How jobs fare since they were retried: a canary is watched with it."""

from __future__ import annotations

from collections.abc import Sequence

from mrcore.model import plans, queue
from mrcore.sources.bullboard import seeing

LEFT = "It has left the queue, as its options say of a job that succeeds."
VANISHED = "It is gone, and the board does not tell whether it succeeded or was removed."


async def fared(seer: seeing.Seer, chunk: Sequence[plans.Target]) -> list[plans.Fared]:
    """Succeeded, failed again, still under way, or gone.

    A job that is gone has succeeded where its own options say that it leaves when it does, and
    that it stays when it fails; what a worker's options say no board tells, so that of any other
    nobody knows.
    """

    async def one(target: plans.Target) -> plans.Fared:
        return _one(target, await seer.one(target.ref))

    return await seeing.abreast(one, chunk)


def _one(target: plans.Target, seen: seeing.Seen) -> plans.Fared:
    of, row = target.ref, seen.row
    if row is None:
        if target.guard.get(seeing.LEAVES):
            return plans.Fared(ref=of, state="well", why=LEFT)
        return plans.Fared(ref=of, state="gone", why=VANISHED)
    if seen.raw.get("timestamp") != target.guard.get("timestamp"):
        return plans.Fared(ref=of, state="gone", why="Its id belongs to another job by now.")
    if row.state is queue.JobState.COMPLETED:
        return plans.Fared(ref=of, state="well")
    before = target.guard.get("attempts"), target.guard.get("finishedOn")
    now = seen.guard["attempts"], seen.guard["finishedOn"]
    if row.state is queue.JobState.FAILED and now != before:
        return plans.Fared(ref=of, state="failed", fingerprint=row.fingerprint, why=row.error)
    return plans.Fared(ref=of, state="pending")
