"""What became of one target, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from mrcore.model import base, plans

DEEP = "It lies over 100,000 deep in the queue: Redis would stand still while it is looked for."
TAKEN = "It has moved on: a worker is taking it."
BEHIND = "what was delayed is due as before, all else waits at the end"


def done(of: base.Ref, why: str, memento: plans.Args | None = None) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=of, outcome=plans.Outcome.DONE, why=why, memento=memento)


def skipped(of: base.Ref, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=of, outcome=plans.Outcome.SKIPPED, why=why)


def failed(of: base.Ref, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=of, outcome=plans.Outcome.FAILED, why=why)


def left(of: base.Ref, why: str) -> plans.LeftOut:
    return plans.LeftOut(why=why, count=1, samples=(of,))


def released(state: str) -> str:
    """How a job goes on that is no longer held back, by the state that it was held from."""
    return "It is delayed as before." if state in ("delayed", "scheduled") else "It waits."


def moved(was: str, now: str, before: str, after: str) -> str:
    """From which state and attempt a job has moved on since it was planned, and to which."""
    was, now = was.replace("_", " "), now.replace("_", " ")
    if before != after:
        return f"It has moved on: attempt {before} → {after}, {now}."
    if was != now:
        return f"It has moved on: {was} → {now}, after attempt {after}."
    return f"It has moved on: it is {now} anew."


def not_run(count: int) -> plans.Remark:
    """That jobs are removed before they ran."""
    return plans.Remark(text=f"{_jobs(count)} not run yet, and will not", level=base.Level.WARN)


def held(count: int) -> plans.Remark:
    """That jobs are held back before they ran."""
    return plans.Remark(text=f"{_jobs(count)} not run yet, and will not before a release")


def _jobs(count: int) -> str:
    return f"{count:,} job{'s have' if count > 1 else ' has'}"


def remarks(action: base.ActionId, queued: int, total: int) -> Iterator[plans.Remark]:
    """What to know of an action on `total` jobs of which `queued` have not run yet."""
    if queued and action in ("job.remove", "queue.drain"):
        yield not_run(queued)
    if queued and action == "job.quarantine":
        yield held(queued)
    if total and action == "job.release":
        yield plans.Remark(text=BEHIND)
