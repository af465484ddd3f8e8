"""What is done to jobs: one script for some of them, each only if it is as it was seen."""

from __future__ import annotations

import functools
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

from pydantic import JsonValue

from mrcore import errors
from mrcore.model import base, plans, queue
from mrcore.queues import expiry, patch, words
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.bullmq import (
    looking,
    offers,
    places,
    rows,
    running,
    telling,
    undoing,
    wanted,
)
from mrcore.sources.engine import acts, naming, saying
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

_NOT_LATE = (offers.RETRY, offers.DUPLICATE, offers.RELEASE)
"""What is not done with a job whose time is over: a code that has expired is not sent again."""

_COPIES = uuid.UUID("0c7b2f58-3a06-4d1c-8a55-5f2f5f0d7a11")


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
        """Raises BadRequest for wrong arguments, as soon as there is a job to do it to.

        For those of a whole queue at once: they say which jobs there are.
        """
        left, states = acts.LeftOuts(), Counter[queue.JobState]()
        late = action in _NOT_LATE or (
            action == offers.EDIT and not expiry.renews(args.get("patch"))
        )
        given = wanted.asked(action, args) if action in (offers.CLEAN, offers.DRAIN) else None
        async for portion, looked, total in self._portions(action, selection, args):
            came = await self._came(portion) if action == offers.RELEASE else {}
            for seen in portion:
                if why := self._refusal(action, seen, late=late):
                    left.add(seen.ref, why)
                    continue
                given = given or wanted.asked(action, args)
                try:
                    made = _target(action, seen, given, late=late)
                except errors.BadRequest as wrong:
                    left.add(seen.ref, wrong.sentence)
                    continue
                from_ = came.get(seen.ref)
                states[from_ or seen.state or _S.WAITING] += 1
                if from_ is not None:
                    note = words.released(from_.value, seen.attempts)
                    made = made.model_copy(update={"note": note})
                yield made
            progress(looked, total)
        for one in left.told():
            yield one
        queued = sum(states[s] for s in (_S.WAITING, _S.PRIORITIZED, _S.DELAYED))
        for remark in saying.remarks(action, queued, states.total(), states[_S.FAILED]):
            yield remark

    async def _came(self, portion: Sequence[looking.Seen]) -> dict[base.Ref, queue.JobState]:
        """In which state each was before it was quarantined."""
        return await self._hand.run(lambda client: self._places(client, portion))

    async def _places(
        self, client: link.Client, portion: Sequence[looking.Seen]
    ) -> dict[base.Ref, queue.JobState]:
        found: dict[base.Ref, queue.JobState] = {}
        held = [seen for seen in portion if seen.state is _S.QUARANTINED]
        for name, jobs in naming.by_queue(self._runner.source, held, lambda seen: seen.ref).items():
            place, _ = await self._runner.place(client, name)
            if place is None:
                continue
            keys = [f"{place.ours}quarantine:{job_id}:info" for _, job_id in jobs]
            replies = await client.ask(*(("HGET", key, "place") for key in keys))
            for (seen, _), reply in zip(jobs, replies, strict=True):
                kept_ = rows.parsed(reply)
                if isinstance(kept_, dict) and kept_.get("state") in list(_S):
                    found[seen.ref] = _S(str(kept_["state"]))
        return found

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
            given = wanted.asked(action, args)
            for state in given.states:
                query = plans.Query(state=state.value, order="oldest")
                whole = plans.Selection(ref=of, collection="jobs", query=query)
                async for portion, looked, total in self._looker.selected(whole):
                    some = [one for one in portion if self._old_enough(one, given)]
                    yield some, looked, total
                    if len(some) < len(portion):
                        break

    def _old_enough(self, seen: looking.Seen, given: wanted.Asked) -> bool:
        at = seen.at
        if given.older_s is None or at is None:
            return True
        return (self._runner.now() - at).total_seconds() >= given.older_s

    def _refusal(self, action: base.ActionId, seen: looking.Seen, *, late: bool) -> str:
        """Why an action makes no sense for a job, or ''."""
        if seen.state is None:
            return seen.gone
        if late and (why := expiry.expired(seen.expires_at, self._runner.now())):
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
        given = wanted.asked(action, args)
        found = await self._hand.run(lambda client: self._apply(client, action, chunk, given, by))
        return [found[target.ref] for target in chunk]

    async def _apply(
        self,
        client: link.Client,
        action: base.ActionId,
        chunk: Sequence[plans.Target],
        given: wanted.Asked,
        by: plans.By,
    ) -> dict[base.Ref, plans.TargetOutcome]:
        outcomes: dict[base.Ref, plans.TargetOutcome] = {}
        for name, targets in naming.by_queue(self._runner.source, chunk, lambda t: t.ref).items():
            place, why = await self._runner.place(client, name)
            if place is None or why:
                said = why or running.GONE
                outcomes |= {t.ref: running.skipped(t.ref, said) for t, _ in targets}
                continue
            made = await self._items(client, place, action, targets, given, by)
            lists = action != offers.DRAIN and any(
                t.guard.get("state") == _S.WAITING for t, _ in targets
            )
            script = _SCRIPTS[action]
            replies = await self._runner.run(client, place, script, made, lists=lists)
            for (target, _), reply in zip(targets, replies, strict=True):
                refused = self._runner.failed(target.ref, place, reply)
                outcomes[target.ref] = refused or telling.outcome(
                    self._runner.source, action, place, target, running.words(reply)
                )
        return outcomes

    async def _items(
        self,
        client: link.Client,
        place: places.Place,
        action: base.ActionId,
        targets: Sequence[tuple[plans.Target, str]],
        given: wanted.Asked,
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
            made.append({**item, **_more(action, item, given, by, payload)})
        return made

    def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        return self._back.plan(action, done)

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        return await self._back.undo(action, chunk)


def _family(action: base.ActionId) -> str:
    """What its mark says: a job is removed once, whoever removes it."""
    return _SCRIPTS[action]


def _more(
    action: base.ActionId, item: running.Item, given: wanted.Asked, by: plans.By, payload: Any
) -> dict[str, JsonValue]:
    """What a script needs beside the guard."""
    match action:
        case offers.EDIT:
            edited = patch.apply(rows.parsed(payload), given.ops) if payload else None
            return {"data": rows.dumped(edited)}
        case offers.DELAY:
            return {"delay": str(given.delay_ms)}
        case offers.PRIORITY:
            return {"priority": str(given.priority)}
        case offers.QUARANTINE:
            return {"by": by.login, "why": by.reason}
        case offers.DUPLICATE:
            copy = str(uuid.uuid5(_COPIES, str(item["mark"])))
            return {"copy": copy, "of": item["id"]}
    return {}


def _target(
    action: base.ActionId, seen: looking.Seen, given: wanted.Asked, *, late: bool
) -> plans.Target:
    """Raises BadRequest for a patch that does not fit, and for a priority that it has."""
    guard, note = seen.guard, seen.state.value.replace("_", " ") if seen.state else ""
    match action:
        case offers.RETRY:
            note = f"attempt {seen.attempts} → {seen.attempts + 1}"
        case offers.EDIT:
            patch.apply(rows.parsed(seen.payload), given.ops)
            guard = {**guard, "digest": seen.digest}
            note = f"edited, attempt {seen.attempts} → {seen.attempts + 1}"
        case offers.DELAY:
            note = f"runs in {words.age(given.delay_ms / 1000)}"
        case offers.PRIORITY:
            if seen.priority == str(given.priority):
                raise errors.BadRequest("It has that priority already.")
            guard = {**guard, "was": seen.priority}
            note = f"priority {seen.priority} → {given.priority}"
        case offers.DUPLICATE:
            guard = {**guard, "last": seen.last}
    if late:
        guard = {**guard, **expiry.guard(seen.expires_at)}
    return plans.Target(ref=seen.ref, label=seen.label, guard=guard, note=note, at=seen.at)
