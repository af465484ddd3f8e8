"""What became of one target, and whom a ref names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from mrcore import errors
from mrcore.model import base, plans, ref

T = TypeVar("T")

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


def ids(source: str, of: base.Ref, kind: str, count: int) -> tuple[str, ...] | None:
    """The ids of a ref of that kind; None for any other."""
    try:
        address = ref.parse(of)
        found = tuple(part.decode() for part in address.ids)
    except ValueError:
        return None
    if (address.source, address.kind, len(found)) != (source, kind, count):
        return None
    return found


def job(source: str, of: base.Ref) -> tuple[str, str]:
    """Queue and id of a job's ref. Raises NotFound."""
    found = ids(source, of, "job", 2)
    if found is None:
        raise errors.NotFound(f"{of} is not a job of {source}; it is {source}/job/<queue>/<id>.")
    return found[0], found[1]


def by_queue(
    source: str, some: Iterable[T], of: Callable[[T], base.Ref]
) -> dict[str, list[tuple[T, str]]]:
    """Each with its job's id, by the queue of its ref. Raises NotFound."""
    found: dict[str, list[tuple[T, str]]] = {}
    for one in some:
        name, job_id = job(source, of(one))
        found.setdefault(name, []).append((one, job_id))
    return found
