"""Retry, remove, quarantine and release of jobs: one script each, only if it is as it was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from mrcore.journal import scripts
from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.engine import acts, naming, saying
from mrcore.sources.huey import choosing, looking, messages, offers, running, undoing
from mrcore.sources.redis import link

TRASH_MS = 24 * 3_600_000
QUEUED = ("waiting", "delayed")
DEEPEST = 100_000
"""How far from an end of huey's list a message is taken out: two looks of about 10 ms."""

_NAMELESS = "Its message is not found: a worker is taking it, or it is one that cannot be read."
_SCRIPTS = {
    offers.RETRY: "retry",
    offers.REMOVE: "remove",
    offers.QUARANTINE: "quarantine",
    offers.RELEASE: "release",
}
ACTIONS = tuple(_SCRIPTS)
_Call = tuple[plans.Target, link.Command, plans.Args]
"""A target with its script's arguments and what its memento begins with."""


class Moving:
    """Plans and does what moves a job; undoing it is `undoing`'s."""

    def __init__(
        self, hand: kept.Kept[link.Client], runner: running.Runner, looker: looking.Looker
    ) -> None:
        self._hand = hand
        self._runner = runner
        self._looker = looker
        self._back = undoing.Undoing(hand, runner, looker)

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        left, states = acts.LeftOuts(), Counter[str]()
        async for taken in choosing.chosen(self._looker, action, selection, progress, left):
            for seen in taken:
                states[seen.state] += 1
                yield target(action, seen)
        for one in left.told():
            yield one
        if strangers := await self._looker.strangers(selection):
            yield plans.LeftOut(why=running.STRANGER, count=strangers)
        queued = sum(states[state] for state in QUEUED)
        for remark in saying.remarks(action, queued, states.total()):
            yield remark

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        found = await self._hand.run(lambda client: self._apply(client, action, chunk, by))
        return [found[target.ref] for target in chunk]

    async def _apply(
        self,
        client: link.Client,
        action: base.ActionId,
        chunk: Sequence[plans.Target],
        by: plans.By,
    ) -> dict[base.Ref, plans.TargetOutcome]:
        """One queue after the other, each in round trips that block Redis for 25 ms at most."""
        outcomes: dict[base.Ref, plans.TargetOutcome] = {}
        by_queue = naming.by_queue(self._runner.source, chunk, lambda target: target.ref)
        for name, some in by_queue.items():
            targets = {job_id: target for target, job_id in some}
            at = await self._runner.place(client, name)
            if at is None:
                gone = (target.ref for target in targets.values())
                outcomes |= {of: running.skipped(of, running.GONE) for of in gone}
                continue
            calls, steps, taken = await self._calls(client, action, at, targets, by)
            asked = {target.ref for target, *_ in calls}
            deep = (t.ref for t in targets.values() if t.ref not in asked)
            outcomes |= {of: running.failed(of, saying.DEEP) for of in deep}
            script = _SCRIPTS[action]
            replies = await self._runner.run(client, script, [c[1] for c in calls], steps=steps)
            for (target, _, memento), reply in zip(calls, replies, strict=True):
                refused = self._runner.failed(target.ref, reply)
                outcomes[target.ref] = refused or _outcome(action, target, reply, memento, taken)
        return outcomes

    async def _calls(
        self,
        client: link.Client,
        action: base.ActionId,
        at: scripts.Place,
        targets: Mapping[str, plans.Target],
        by: plans.By,
    ) -> tuple[list[_Call], int, str]:
        """The calls for one queue, how many items of a list one of them may step over, and what is
        known of a job whose message is not there; none for those that lie too deep."""
        found: dict[str, messages.Found] = {}
        steps, taken = 1, saying.TAKEN
        for state in QUEUED:
            wanted = {id_ for id_, one in targets.items() if one.guard.get("state") == state}
            if wanted:
                search = await messages.find(client, at, state, wanted)
                found |= search.found
                if state == "waiting":
                    depths = [d for _, _, d in search.found.values() if d <= DEEPEST]
                    steps = max([2 * depth for depth in depths], default=1)
                taken = _NAMELESS if search.nameless else taken
        calls: list[_Call] = []
        for job_id, target in targets.items():
            place = found.get(job_id)
            if place is not None and place.depth > DEEPEST:
                continue
            rest, memento = _arguments(action, target, place, by)
            calls.append((target, self._runner.call(at, job_id, *rest), memento))
        return calls, steps, taken

    def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        return self._back.plan(action, done)

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        return await self._back.undo(action, chunk)


def target(action: base.ActionId, seen: looking.Seen) -> plans.Target:
    """A job as an action's target, with the facts that must still hold."""
    if action == offers.RETRY:
        note = f"attempt {seen.attempts} → {seen.attempts + 1}"
    else:
        note = seen.state if action != offers.RELEASE else ""
    return plans.Target(ref=seen.ref, label=seen.label, guard=seen.guard, note=note, at=seen.at)


def _arguments(
    action: base.ActionId, target: plans.Target, found: messages.Found | None, by: plans.By
) -> tuple[tuple[scripts.Value, ...], plans.Args]:
    """A script's arguments after the first three, and what undoing it will need."""
    guard = target.guard
    state, since = str(guard.get("state", "")), str(guard.get("since", ""))
    attempts = str(guard.get("attempts", ""))
    message, side, _ = found or messages.Found(b"", 1)
    mark = source_base.mark(by, action, target.ref, guard)
    kept_: plans.Args = {"state": state, "attempts": attempts, "since": since}
    if action == offers.REMOVE:
        memento = removal(target, by)
        return (state, attempts, since, str(memento["trash"]), TRASH_MS, message, side), memento
    if action == offers.QUARANTINE:
        rest = (state, attempts, since, message, side, by.login, by.reason, mark)
        return rest, kept_
    return (attempts, since), {}


def removal(target: plans.Target, by: plans.By) -> plans.Args:
    """What undoing a removal needs, as far as it is known before."""
    facts = {name: str(target.guard.get(name, "")) for name in ("state", "attempts", "since")}
    return {**facts, "trash": source_base.mark(by, offers.REMOVE, target.ref, target.guard)}


def _outcome(
    action: base.ActionId, target: plans.Target, reply: Any, memento: plans.Args, taken: str
) -> plans.TargetOutcome:
    of = target.ref
    became, state, attempts, *more = running.words(reply)
    match became:
        case "gone":
            return running.skipped(of, running.GONE)
        case "taken":
            return running.skipped(of, taken)
        case "no_message":
            return running.failed(of, "Its message is not kept any more.")
        case "moved":
            return running.skipped(of, moved(target.guard, state, attempts))
    if action == offers.RETRY:
        return running.done(of, f"attempt {attempts} → {int(attempts) + 1}")
    if action == offers.RELEASE:
        return running.done(of, saying.released(state))
    if action == offers.QUARANTINE:
        return running.done(of, f"{state} → quarantined", {**memento, "quarantined": more[0]})
    return running.done(of, f"removed ({state})", {**memento, "score": more[0]})


def moved(guard: plans.Args, state: str, attempts: str) -> str:
    """What a job was planned as, and what it is now."""
    was, before = str(guard.get("state", "")), str(guard.get("attempts", ""))
    return saying.moved(was, state, before, attempts)
