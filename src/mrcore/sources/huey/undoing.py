"""Undoing what was done to jobs: out of the trash, or out of quarantine, to where they were."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from mrcore import errors
from mrcore.journal import scripts
from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.engine import planning
from mrcore.sources.huey import asking, looking, offers, running
from mrcore.sources.redis import link


class Undoing:
    """Plans and does the undo of `job.remove` and `job.quarantine`."""

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
        if action not in (offers.REMOVE, offers.QUARANTINE):
            raise errors.Unsupported(f"{action} cannot be undone.")
        look = self._trashed if action == offers.REMOVE else self._quarantined
        checked = (_checked(*found) for found in await look(done))
        waiting = "waiting jobs go back to where their age puts them in the queue"
        for part in planning.told(checked, waiting):
            yield part

    async def _trashed(
        self, done: Sequence[plans.Undoable]
    ) -> list[tuple[plans.Undoable, str, plans.Args]]:
        commands: list[link.Command] = []
        for one in done:
            name, job_id = running.job(self._runner.source, one.target.ref)
            at = self._runner.root.queue(name)
            commands.append(("EXISTS", at.trash(str(one.memento.get("trash", "")))))
            commands.append(("EXISTS", at.job(job_id)))
        replies = await self._hand.run(lambda client: asking.ask(client, *commands))
        return [
            (
                one,
                planning.EXPIRED if not trash else planning.AGAIN if job else "",
                {"trash": one.memento.get("trash")},
            )
            for one, trash, job in zip(done, replies[::2], replies[1::2], strict=True)
        ]

    async def _quarantined(
        self, done: Sequence[plans.Undoable]
    ) -> list[tuple[plans.Undoable, str, plans.Args]]:
        seen = {s.ref: s for s in await self._looker.refs([one.target.ref for one in done])}
        found: list[tuple[plans.Undoable, str, plans.Args]] = []
        for one in done:
            now = seen[one.target.ref]
            still = now.state == "quarantined" and now.since == one.memento.get("quarantined")
            why = "" if still else f"It is not in that quarantine any more: it is {now.state}."
            found.append((one, why if now.state else running.GONE, now.guard))
        return found

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable]
    ) -> list[plans.TargetOutcome]:
        """Each back to where it was, if it is as the undo's plan saw it."""
        return await self._hand.run(lambda client: self._undo(client, action, chunk))

    async def _undo(
        self, client: link.Client, action: base.ActionId, chunk: Sequence[plans.Undoable]
    ) -> list[plans.TargetOutcome]:
        script = "unremove" if action == offers.REMOVE else "unquarantine"
        outcomes: dict[base.Ref, plans.TargetOutcome] = {}
        calls: list[tuple[plans.Undoable, link.Command]] = []
        places: dict[str, scripts.Place | None] = {}
        steps = 1
        for one in chunk:
            name, job_id = running.job(self._runner.source, one.target.ref)
            if name not in places:
                places[name] = await self._runner.place(client, name)
                if (found := places[name]) is not None:
                    (count,) = await asking.ask(client, ("LLEN", found.waiting))
                    steps = max(steps, count or 0)
            if (at := places[name]) is None:
                outcomes[one.target.ref] = running.skipped(one.target.ref, running.GONE)
                continue
            calls.append((one, self._runner.call(at, job_id, *_arguments(action, one))))
        replies = await self._runner.run(client, script, [call for _, call in calls], steps=steps)
        for (one, _), reply in zip(calls, replies, strict=True):
            of = one.target.ref
            outcomes[of] = self._runner.failed(of, reply) or _outcome(one, reply)
        return [outcomes[one.target.ref] for one in chunk]


def _checked(one: plans.Undoable, why: str, guard: plans.Args) -> planning.Checked:
    state = one.memento.get("state")
    of = one.target
    target = plans.Target(ref=of.ref, label=of.label, guard=guard, note=f"back to {state}")
    return planning.Checked(target, why, waits=state == "waiting")


def _arguments(action: base.ActionId, one: plans.Undoable) -> tuple[str, ...]:
    if action == offers.REMOVE:
        names, facts = ("state", "since", "score"), one.memento
        return (str(one.target.guard.get("trash", "")), *(str(facts.get(n, "")) for n in names))
    return tuple(str(one.target.guard.get(name, "")) for name in ("attempts", "since"))


def _outcome(one: plans.Undoable, reply: Any) -> plans.TargetOutcome:
    of = one.target.ref
    became, state, _, *where = running.words(reply)
    match became:
        case "done" if where == ["next"]:
            return running.done(of, "It is back, to be taken next: its place is too deep to find.")
        case "done":
            words = "in the queue, where its age puts it" if state == "waiting" else state
            return running.done(of, f"It is back: {words}.")
        case "again":
            return running.skipped(of, f"{planning.AGAIN[:-1]}: it is {state}.")
        case "moved":
            return running.skipped(of, f"It has moved on: it is {state}.")
    return running.skipped(of, planning.EXPIRED if "trash" in one.memento else running.GONE)
