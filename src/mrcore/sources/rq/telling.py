"""What was done to a job, or why it was not, in a sentence. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from mrcore import errors
from mrcore.model import base, plans, ref
from mrcore.sources.engine import saying
from mrcore.sources.rq import offers, record, running

_SKIPPED = {
    "gone": running.GONE,
    "taken": saying.TAKEN,
    "copied": "It has been duplicated meanwhile.",
}


def outcome(
    source: str,
    action: base.ActionId,
    target: plans.Target,
    call: running.Call,
    answer: running.Answer,
) -> plans.TargetOutcome:
    """The outcome of one target from its script's answer; what was done has its memento."""
    if not isinstance(answer, list):
        raise errors.SourceError(f"Redis answered {answer!r} to a script.")
    of = target.ref
    became, state, *more = answer
    if became == "deep":
        return running.failed(of, saying.DEEP)
    if became == "moved":
        return running.skipped(of, moved(target.guard, state, more[0]))
    if became in _SKIPPED:
        return running.skipped(of, _SKIPPED[became])
    if action == offers.DUPLICATE:
        copy = ref.make(source, "job", running.job(source, of)[0], more[0])
        memento: plans.Args = {"copy": more[0], "last": more[1], "at": more[2]}
        return running.done(of, f"duplicated as {copy}", memento)
    if action == offers.REMOVE:
        names = ("state", "score", "before", "after", "ends", "kept")
        memento = {**dict(zip(names, answer[1:], strict=True)), "trash": str(call[-1])}
        return running.done(of, f"removed ({said(state)})", memento)
    return running.done(of, *_DONE[action](state, more))


def _retried(state: str, more: running.Reply) -> tuple[str, None]:
    return "failed → waiting", None


def _released(state: str, more: running.Reply) -> tuple[str, None]:
    return (saying.released(state)), None


def _quarantined(state: str, more: running.Reply) -> tuple[str, plans.Args]:
    return f"{said(state)} → quarantined", {"since": more[0]}


def _promoted(state: str, more: running.Reply) -> tuple[str, plans.Args]:
    names = ("score", "before", "at", "ends")
    return "delayed → waiting", dict(zip(names, more, strict=True))


def _delayed(state: str, more: running.Reply) -> tuple[str, plans.Args]:
    at = record.epoch(record.number(more[1]))
    words = f"due {at:%Y-%m-%d %H:%M:%S} UTC" if at else "delayed"
    return words, {"before": more[0], "after": more[1]}


_DONE: dict[base.ActionId, Callable[[str, running.Reply], tuple[str, plans.Args | None]]] = {
    offers.RETRY: _retried,
    offers.RELEASE: _released,
    offers.QUARANTINE: _quarantined,
    offers.PROMOTE: _promoted,
    offers.DELAY: _delayed,
}


def remarks(
    action: base.ActionId, states: Counter[str], pickled: int = 0
) -> Iterator[plans.Remark]:
    """What a plan for jobs in these states causes; of so many no expiry is known by payload."""
    queued = states["queued"] + states["scheduled"]
    yield from saying.remarks(action, queued, states.total(), states["failed"])
    if states.total() and action == offers.RETRY:
        yield plans.Remark(text="they go to the end of the queue; retries left stay as they are")
    if states.total() and pickled and action in (offers.RETRY, offers.DUPLICATE):
        are = "payloads are" if pickled > 1 else "payload is"
        text = f"{pickled:,} {are} pickled and not read: only age limits by name expire these"
        yield plans.Remark(text=text)
    if states["failed"] and action == offers.REMOVE:
        yield plans.Remark(text="jobs that wait for one of these go on waiting")


def said(state: str) -> str:
    """One of RQ's states in our word."""
    shown = offers.SHOWN.get(state)
    return shown.value.replace("_", " ") if shown else state


def moved(guard: plans.Args, state: str, stamp: str) -> str:
    """What a job was planned as, and what it is now."""
    was = str(guard.get("state", ""))
    if was != state:
        return f"It has moved on: {said(was)} → {said(state)}."
    if str(guard.get("stamp", "")) != stamp:
        return f"It has moved on: it is {said(state)} anew."
    return f"It has moved on: it is {said(state)}, with another time."
