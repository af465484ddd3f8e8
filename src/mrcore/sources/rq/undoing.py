"""Undoing what was done to jobs, only while they are as that left them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from mrcore import errors
from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.engine import naming, planning
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, keys, looking, offers, record, running

_SCRIPTS = {
    offers.REMOVE: "unremove",
    offers.QUARANTINE: "unquarantine",
    offers.PROMOTE: "unpromote",
    offers.DELAY: "delay",
    offers.DUPLICATE: "unduplicate",
}


class Undoing:
    """Plans and does the undo of what moves a job."""

    def __init__(
        self, hand: kept.Kept[link.Client], runner: running.Runner, looker: looking.Looker
    ) -> None:
        self._hand = hand
        self._runner = runner
        self._looker = looker

    async def plan(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        """Targets with the guards that `undo` checks, and what cannot be undone any more."""
        if action not in _SCRIPTS:
            raise errors.Unsupported(f"{action} cannot be undone.")
        look = self._trashed if action == offers.REMOVE else self._there
        for part in planning.told(_checked(*found) for found in await look(action, done)):
            yield part

    async def _trashed(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> list[tuple[plans.Undoable, str, plans.Args, str]]:
        commands: list[link.Command] = []
        for one in done:
            _, job_id = running.job(self._runner.source, one.target.ref)
            commands.append(("EXISTS", f"{one.memento.get('trash', '')}1"))
            commands.append(("EXISTS", keys.job(job_id)))
        replies = await self._hand.run(lambda client: asking.ask(client, *commands))
        found = []
        for one, trash, job in zip(done, replies[::2], replies[1::2], strict=True):
            why = planning.EXPIRED if not trash else planning.AGAIN if job else ""
            state = str(one.memento.get("state", ""))
            found.append((one, why, {"trash": one.memento.get("trash")}, f"back to {state}"))
        return found

    async def _there(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> list[tuple[plans.Undoable, str, plans.Args, str]]:
        """What the job, or its copy, is now, beside what it was left as."""
        refs = [self._meant(action, one) for one in done]
        seen = {one.ref: one for one in await self._looker.refs(refs)}
        found = []
        for one, of in zip(done, refs, strict=True):
            now, memento = seen[of], one.memento
            state, is_so = "queued", now.stamp.partition("|")[0] == memento.get("at")
            if action == offers.QUARANTINE:
                state, is_so = "quarantined", now.score == memento.get("since")
            elif action == offers.DELAY:
                state, is_so = "scheduled", now.score == memento.get("after")
            why = "" if now.state == state and is_so else f"It has moved on: it is {now.state}."
            why = why if now.state else running.GONE
            found.append((one, why, now.guard, ""))
        return found

    def _meant(self, action: base.ActionId, one: plans.Undoable) -> base.Ref:
        if action != offers.DUPLICATE:
            return one.target.ref
        name, _ = running.job(self._runner.source, one.target.ref)
        return ref.make(self._runner.source, "job", name, str(one.memento.get("copy", "")))

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable]
    ) -> list[plans.TargetOutcome]:
        """Each back to where it was, if it is as the undo's plan saw it."""
        return await self._hand.run(lambda client: self._undo(client, action, chunk))

    async def _undo(
        self, client: link.Client, action: base.ActionId, chunk: Sequence[plans.Undoable]
    ) -> list[plans.TargetOutcome]:
        outcomes: dict[base.Ref, plans.TargetOutcome] = {}
        # What was taken out last goes in first: its neighbours follow.
        by_queue = naming.by_queue(self._runner.source, chunk[::-1], lambda one: one.target.ref)
        for name, some in by_queue.items():
            ones = [one for one, _ in some]
            size = await self._runner.size(client, name)
            calls = [self._call(action, one) for one in ones]
            script = _SCRIPTS[action]
            answers = await self._runner.run(client, script, name, calls, size=size)
            for one, answer in zip(ones, answers, strict=True):
                of = one.target.ref
                outcomes[of] = self._runner.failed(of, answer) or _outcome(action, one, answer)
        return [outcomes[one.target.ref] for one in chunk]

    def _call(self, action: base.ActionId, one: plans.Undoable) -> running.Call:
        """A script's arguments; no mark, since what is undone is seen by what it is."""
        _, job_id = running.job(self._runner.source, one.target.ref)
        facts = {name: str(value) for name, value in one.memento.items()}
        guard = {name: str(value) for name, value in one.target.guard.items()}

        def told(*names: str) -> tuple[str, ...]:
            return tuple(facts.get(name, "") for name in names)

        match action:
            case offers.REMOVE:
                kept_ = facts.get("kept") or "[]"
                where = told("state", "score", "before", "after", "ends")
                return "", job_id, *where, kept_, facts.get("trash", "")
            case offers.QUARANTINE:
                return "", job_id, facts.get("since", ""), guard.get("stamp", "")
            case offers.PROMOTE:
                return "", job_id, *told("score", "before", "at", "ends")
            case offers.DELAY:
                after = facts.get("after", "")
                rest = (guard.get("stamp", ""), facts.get("before", ""))
                return "", job_id, "scheduled", after, *rest
        return "", job_id, *told("copy", "last", "at")


def _checked(one: plans.Undoable, why: str, guard: plans.Args, note: str) -> planning.Checked:
    of = one.target
    return planning.Checked(plans.Target(ref=of.ref, label=of.label, guard=guard, note=note), why)


def _outcome(
    action: base.ActionId, one: plans.Undoable, answer: running.Answer
) -> plans.TargetOutcome:
    of = one.target.ref
    if not isinstance(answer, list):
        raise errors.SourceError(f"Redis answered {answer!r} to a script.")
    became, state, *rest = answer
    if became == "done":
        if rest == ["next"]:
            return running.done(of, "It is back, to be taken next: what was beside it is gone.")
        if action == offers.DUPLICATE:
            return running.done(of, "The copy is removed.")
        if action == offers.DELAY:
            at = record.epoch(record.number(one.memento.get("before")))
            return running.done(
                of, f"It is due {at:%Y-%m-%d %H:%M:%S} UTC." if at else "As before."
            )
        return running.done(of, f"It is back: {state}.")
    if became == "again":
        return running.skipped(of, f"{planning.AGAIN[:-1]}: it is {state or 'of another queue'}.")
    if became == "gone":
        return running.skipped(of, planning.EXPIRED if action == offers.REMOVE else running.GONE)
    if became == "deep":
        return running.failed(of, "It lies over 100,000 deep in the queue.")
    words = "a worker is taking it" if became == "taken" else f"it is {state}"
    return running.skipped(of, f"It has moved on: {words}.")
