"""What is done to jobs: one script for some of them, each only if it is as it was seen."""

from __future__ import annotations

import functools
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from mrcore import errors
from mrcore.model import base, plans, queue, ref
from mrcore.queues import expiry, patch, words
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.bullmq import acts, looking, offers, places, rows, running, undoing
from mrcore.sources.redis import link

ACTIONS = (*offers.OF_JOBS, offers.CLEAN, offers.DRAIN)
_S = queue.JobState
_SCRIPTS = {
    offers.RETRY: "retry", offers.EDIT: "retry", offers.REMOVE: "remove", offers.CLEAN: "remove",
    offers.DRAIN: "remove", offers.PROMOTE: "promote", offers.DELAY: "delay",
    offers.PRIORITY: "priority", offers.DUPLICATE: "add", offers.QUARANTINE: "quarantine",
    offers.RELEASE: "release",
}  # fmt: skip
_LASTING = (offers.RETRY, offers.EDIT, offers.RELEASE)
"""Actions that are not undone: nothing is left at a mark."""

_COPIES = uuid.UUID("0c7b2f58-3a06-4d1c-8a55-5f2f5f0d7a11")
PRIORITY_MAX = 2_097_151
DELAY_MAX_S = 10 * 366 * 86_400
_BOUND = {
    "scheduled": "It is the next run of a schedule: remove the schedule instead.",
    "child": "Its parent waits for it, and would run without it: remove the parent first.",
    "parent": "It waits for children of its own, which would stay: remove them first.",
}
_COPIED = "It has moved on: it has been duplicated meanwhile."


@dataclass(frozen=True)
class Asked:
    """An action's arguments, checked."""

    delay_ms: int = 0
    priority: int = 0
    ops: JsonValue = None
    states: tuple[queue.JobState, ...] = ()
    older_s: float | None = None


def asked(action: base.ActionId, args: plans.Args) -> Asked:
    """Raises BadRequest for arguments that the action does not take."""
    match action:
        case offers.DELAY:
            seconds = _number(args, "by_s", 0, DELAY_MAX_S)
            return Asked(delay_ms=round(seconds * 1000))
        case offers.PRIORITY:
            return Asked(priority=int(_number(args, "priority", 0, PRIORITY_MAX)))
        case offers.EDIT:
            if not isinstance(args.get("patch"), list):
                raise errors.BadRequest("job.edit needs patch: a list of operations (RFC 6902).")
            return Asked(ops=args["patch"])
        case offers.CLEAN:
            state = args.get("state", "completed")
            if state not in ("completed", "failed"):
                raise errors.BadRequest("queue.clean takes state completed or failed.")
            older_s = _number({"older_s": 3_600, **args}, "older_s", 0, DELAY_MAX_S)
            return Asked(states=(_S(state),), older_s=older_s)
        case offers.DRAIN:
            delayed = (_S.DELAYED,) if args.get("delayed") is True else ()
            return Asked(states=(_S.WAITING, _S.PRIORITIZED, *delayed))
    return Asked()


def _number(args: plans.Args, name: str, least: float, most: float) -> float:
    value = args.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise errors.BadRequest(f"{name} must be a number from {least:,} to {most:,}.")
    return value


class Moving:
    """Plans and does what is done to jobs; undoing it is `undoing`'s."""

    def __init__(
        self, hand: kept.Kept[link.Client], runner: running.Runner, looker: looking.Looker
    ) -> None:
        self._hand = hand
        self._runner = runner
        self._looker = looker
        self._back = undoing.Undoing(hand, runner)

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        """Raises BadRequest for wrong arguments, as soon as there is a job to do it to."""
        left, states, wanted = acts.LeftOuts(), Counter[queue.JobState](), None
        async for portion, looked, total in self._portions(action, selection, args):
            for seen in portion:
                if why := self._refusal(action, seen):
                    left.add(seen.ref, why)
                    continue
                wanted = wanted or asked(action, args)
                try:
                    made = _target(action, seen, wanted)
                except errors.BadRequest as wrong:
                    left.add(seen.ref, wrong.sentence)
                    continue
                states[seen.state or _S.WAITING] += 1
                yield made
            progress(looked, total)
        for one in left.told():
            yield one
        for remark in _remarks(action, states):
            yield remark

    def _portions(
        self, action: base.ActionId, selection: plans.Selection, args: plans.Args
    ) -> AsyncIterator[looking.Looked]:
        if action in (offers.CLEAN, offers.DRAIN):
            return self._sweep(selection, action, args)
        return self._looker.selected(selection)

    async def _sweep(
        self, selection: plans.Selection, action: base.ActionId, args: plans.Args
    ) -> AsyncIterator[looking.Looked]:
        """The jobs of whole queues, the oldest first; what is no queue is seen as gone."""
        for of in selection.refs:
            found = running.ids(self._runner.source, of, "queue", 1)
            name = found[0] if found else ""
            place, why = await self._hand.run(functools.partial(self._runner.place, shown=name))
            if not found or place is None or why:
                gone = why if found and place is not None else running.NO_QUEUE
                yield [looking.Seen(of, gone=gone)], 1, None
                continue
            wanted = asked(action, args)
            for state in wanted.states:
                query = plans.Query(state=state.value, order="oldest")
                whole = plans.Selection(ref=of, collection="jobs", query=query)
                async for portion, looked, total in self._looker.selected(whole):
                    some = [one for one in portion if self._old_enough(one, wanted)]
                    yield some, looked, total
                    if len(some) < len(portion):
                        break

    def _old_enough(self, seen: looking.Seen, wanted: Asked) -> bool:
        at = seen.at
        if wanted.older_s is None or at is None:
            return True
        return (self._runner.now() - at).total_seconds() >= wanted.older_s

    def _refusal(self, action: base.ActionId, seen: looking.Seen) -> str:
        """Why an action makes no sense for a job, or ''."""
        if seen.state is None:
            return seen.gone
        if action == offers.RETRY and (why := expiry.expired(seen.expires_at, self._runner.now())):
            return f"{why[0].upper()}{why[1:]}."
        allowed = offers.STATES.get(action)
        if allowed is None or seen.state in allowed:
            return ""
        if seen.state is _S.ACTIVE:
            return "It is running."
        if len(allowed) == 1:
            (only,) = allowed
            return f"It is not {only.value} any more but {seen.state.value.replace('_', ' ')}."
        return f"It is {seen.state.value.replace('_', ' ')}."

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        wanted = asked(action, args)
        found = await self._hand.run(lambda client: self._apply(client, action, chunk, wanted, by))
        return [found[target.ref] for target in chunk]

    async def _apply(
        self,
        client: link.Client,
        action: base.ActionId,
        chunk: Sequence[plans.Target],
        wanted: Asked,
        by: plans.By,
    ) -> dict[base.Ref, plans.TargetOutcome]:
        outcomes: dict[base.Ref, plans.TargetOutcome] = {}
        for name, targets in by_queue(self._runner.source, chunk, lambda t: t.ref).items():
            place, why = await self._runner.place(client, name)
            if place is None or why:
                said = why or running.GONE
                outcomes |= {t.ref: running.skipped(t.ref, said) for t, _ in targets}
                continue
            made = await self._items(client, place, action, targets, wanted, by)
            lists = action != offers.DRAIN and any(
                t.guard.get("state") == _S.WAITING for t, _ in targets
            )
            script = _SCRIPTS[action]
            replies = await self._runner.run(client, place, script, made, lists=lists)
            for (target, _), reply in zip(targets, replies, strict=True):
                refused = self._runner.failed(target.ref, place, reply)
                outcomes[target.ref] = refused or _outcome(
                    self._runner.source, action, place, target, running.words(reply)
                )
        return outcomes

    async def _items(
        self,
        client: link.Client,
        place: places.Place,
        action: base.ActionId,
        targets: Sequence[tuple[plans.Target, str]],
        wanted: Asked,
        by: plans.By,
    ) -> list[running.Item]:
        payloads: list[Any] = [None] * len(targets)
        if action == offers.EDIT:
            payloads = await client.ask(*(("HGET", place.job(i), "data") for _, i in targets))
        made: list[running.Item] = []
        for (target, job_id), payload in zip(targets, payloads, strict=True):
            item: dict[str, JsonValue] = {**target.guard, "id": job_id}
            if action not in _LASTING:
                item["mark"] = source_base.mark(by, _family(action), target.ref, target.guard)
            made.append({**item, **_more(action, item, wanted, by, payload)})
        return made

    def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        return self._back.plan(action, done)

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable]
    ) -> list[plans.TargetOutcome]:
        return await self._back.undo(action, chunk)


def by_queue(
    source: str, chunk: Sequence[Any], of: Callable[[Any], base.Ref]
) -> dict[str, list[tuple[Any, str]]]:
    """Each with its job's id, by the queue of its ref. Raises NotFound."""
    found: dict[str, list[tuple[Any, str]]] = {}
    for one in chunk:
        name, job_id = running.job(source, of(one))
        found.setdefault(name, []).append((one, job_id))
    return found


def _family(action: base.ActionId) -> str:
    """What its mark says: a job is removed once, whoever removes it."""
    return _SCRIPTS[action]


def _more(
    action: base.ActionId, item: running.Item, wanted: Asked, by: plans.By, payload: Any
) -> dict[str, JsonValue]:
    """What a script needs beside the guard."""
    match action:
        case offers.EDIT:
            edited = patch.apply(rows.parsed(payload), wanted.ops) if payload else None
            return {"data": rows.dumped(edited)}
        case offers.DELAY:
            return {"delay": str(wanted.delay_ms)}
        case offers.PRIORITY:
            return {"priority": str(wanted.priority)}
        case offers.QUARANTINE:
            return {"by": by.login, "why": by.reason}
        case offers.DUPLICATE:
            copy = str(uuid.uuid5(_COPIES, str(item["mark"])))
            return {"copy": copy, "of": item["id"]}
    return {}


def _target(action: base.ActionId, seen: looking.Seen, wanted: Asked) -> plans.Target:
    """Raises BadRequest for a patch that does not fit, and for a priority that it has."""
    guard, note = seen.guard, seen.state.value.replace("_", " ") if seen.state else ""
    match action:
        case offers.RETRY:
            note = f"attempt {seen.attempts} → {seen.attempts + 1}"
        case offers.EDIT:
            patch.apply(rows.parsed(seen.payload), wanted.ops)
            guard = {**guard, "digest": seen.digest}
            note = f"edited, attempt {seen.attempts} → {seen.attempts + 1}"
        case offers.DELAY:
            note = f"runs in {words.age(wanted.delay_ms / 1000)}"
        case offers.PRIORITY:
            if seen.priority == str(wanted.priority):
                raise errors.BadRequest("It has that priority already.")
            guard = {**guard, "was": seen.priority}
            note = f"priority {seen.priority} → {wanted.priority}"
        case offers.DUPLICATE:
            guard = {**guard, "last": seen.last}
    return plans.Target(ref=seen.ref, label=seen.label, guard=guard, note=note, at=seen.at)


def _remarks(action: base.ActionId, states: Counter[queue.JobState]) -> Iterator[plans.Remark]:
    queued = sum(states[s] for s in (_S.WAITING, _S.PRIORITIZED, _S.DELAYED))
    if queued and action in (offers.REMOVE, offers.DRAIN):
        have = "have" if queued > 1 else "has"
        text = f"{words.some(queued)} {have} not run yet, and will not"
        yield plans.Remark(text=text, level=base.Level.WARN)
    if queued and action == offers.QUARANTINE:
        have = "have" if queued > 1 else "has"
        text = f"{words.some(queued)} {have} not run yet, and will not before a release"
        yield plans.Remark(text=text)
    if states.total() and action == offers.RELEASE:
        yield plans.Remark(text="what was delayed is due as before, all else waits at the end")


def _outcome(
    source: str,
    action: base.ActionId,
    place: places.Place,
    target: plans.Target,
    reply: Sequence[str],
) -> plans.TargetOutcome:
    of = target.ref
    became, what, more = reply
    match became:
        case "gone":
            return running.skipped(of, running.GONE)
        case "moved":
            return running.skipped(of, moved(target.guard, what, more))
        case "taken":
            return running.skipped(of, f"There is another job of this id now: it is {what}.")
        case "bound":
            return running.skipped(of, _BOUND[what])
        case "edited":
            return running.skipped(of, "It has moved on: its payload is another.")
        case "copied":
            return running.skipped(of, _COPIED)
    if action in (offers.RETRY, offers.EDIT):
        return running.done(of, f"attempt {more} → {int(more) + 1}")
    if action == offers.RELEASE:
        return running.done(of, "It is delayed as before." if what == "delayed" else "It waits.")
    return running.done(of, _said(source, action, place, target, what), running.memento(what))


def _said(
    source: str, action: base.ActionId, place: places.Place, target: plans.Target, left: str
) -> str:
    memento = running.memento(left)
    match action:
        case offers.DUPLICATE:
            copy = ref.make(source, "job", place.shown, str(memento["job"]))
            return f"duplicated as {copy}"
        case offers.QUARANTINE:
            return f"{memento['state']} → quarantined"
        case offers.PROMOTE:
            return f"delayed → {memento['now']}"
        case offers.DELAY:
            return "It is delayed anew."
        case offers.PRIORITY:
            return f"priority {memento['priority']} → {memento['now_priority']}"
    return f"removed ({memento['state']})"


def moved(guard: plans.Args, state: str, attempts: str) -> str:
    """What a job was planned as, and what it is now."""
    was, n = str(guard.get("state", "")), guard.get("attempts", "")
    now = state.replace("_", " ")
    if str(n) != attempts:
        return f"It has moved on: attempt {n} → {attempts}, {now}."
    if was != state:
        return f"It has moved on: {was.replace('_', ' ')} → {now}, after attempt {attempts}."
    return f"It has moved on: it is {now} anew."
