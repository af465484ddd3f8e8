"""`schedule.remove` and `schedule.register`: whether a declared schedule enqueues anything.

A schedule is declared in the code of its scheduler, so what is removed stays there and in the list;
its ticks enqueue nothing, whichever scheduler holds the lease, until it is registered again. One
that is there with another interval than it declares is registered again with that (`obeying`).
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from mrcore.journal import keys, record, scripts
from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.huey import asking, obeying, offers, rows, running
from mrcore.sources.redis import link

ACTIONS = (offers.REGISTER, offers.UNREGISTER)
_UNKNOWN = "There is no such schedule (any more)."


class Facts(NamedTuple):
    """What a schedule's hash says; `since` is when it was removed, '' where it is not."""

    name: str
    declared: str
    queue: str
    since: str
    by: str
    interval_s: str
    every_s: str

    @property
    def label(self) -> str:
        return f"{self.name} ({self.declared})"

    @property
    def differs(self) -> bool:
        """Whether it is there with another interval than it declares."""
        return not self.since and obeying.differs(self.interval_s, self.every_s)


class Declaring:
    """Plans, does and undoes both."""

    def __init__(self, hand: kept.Kept[link.Client], runner: running.Runner) -> None:
        self._hand = hand
        self._runner = runner

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        for number, of in enumerate(selection.refs):
            facts = await self._hand.run(functools.partial(self._facts, of=of))
            progress(number + 1, len(selection.refs))
            if facts is None:
                yield running.left(of, _UNKNOWN)
            elif action == offers.REGISTER and facts.differs:
                was, now = facts.every_s, facts.interval_s
                yield obeying.target(of, facts.label, facts.name, facts.declared, was, now)
            elif bool(facts.since) is not (action == offers.REGISTER):
                yield running.left(of, _removed(facts) if facts.since else "It is registered.")
            else:
                yield _target(of, facts)
                if action == offers.UNREGISTER:
                    text = f"{facts.name} is not enqueued any more; what waits or runs of it stays"
                    yield plans.Remark(text=text, level=base.Level.WARN)

    async def _facts(self, client: link.Client, of: base.Ref) -> Facts | None:
        found = running.ids(self._runner.source, of, "schedule", 1)
        if found is None:
            return None
        fields = ("declared", "queue", "removed_at", "removed_by", "interval_s", "every_s")
        there, reply = await asking.ask(
            client,
            ("SISMEMBER", keys.SCHEDULES, found[0]),
            ("HMGET", keys.schedule(found[0]), *fields),
        )
        if not there or not isinstance(reply, list) or reply[0] is None:
            return None
        return Facts(found[0], *((value or b"").decode("utf-8", "replace") for value in reply))

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        outcomes = []
        for target in chunk:
            of, mark = target.ref, source_base.mark(by, action, target.ref, target.guard)
            if obeying.meant(target):
                outcomes.append(await self._obey(target, obeying.args(target, mark, back=False)))
            elif action == offers.UNREGISTER:
                declared = str(target.guard.get("declared", ""))
                outcomes.append(
                    await self._remove(of, declared, "", by.login, by.reason, mark, "1")
                )
            else:
                outcomes.append(await self._register(of, _since(target), mark))
        return outcomes

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        for one in done:
            of = one.target.ref
            facts = await self._hand.run(functools.partial(self._facts, of=of))
            if facts is None:
                yield running.left(of, _UNKNOWN)
            elif action == offers.REGISTER and facts.since:
                yield running.left(of, _removed(facts))
            elif "was" in one.memento:
                was, now = facts.every_s, str(one.memento["was"])
                if obeying.differs(facts.interval_s, was):
                    yield running.left(of, "It does not go by what it declares any more.")
                else:
                    yield obeying.target(of, facts.label, facts.name, facts.declared, was, now)
            elif action == offers.UNREGISTER and facts.since != one.memento.get("since"):
                yield running.left(of, "That removal is over.")
            else:
                yield _target(of, facts)

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        outcomes = []
        for one in chunk:
            of, names = one.target.ref, ("since", "by", "why", "mark")
            since, who, why, mark = (str(one.memento.get(name, "")) for name in names)
            if obeying.meant(one.target):
                outcomes.append(
                    await self._obey(one.target, obeying.args(one.target, "", back=True))
                )
            elif action == offers.UNREGISTER:
                outcomes.append(await self._register(of, since, ""))
            else:
                declared = str(one.target.guard.get("declared", ""))
                outcomes.append(await self._remove(of, declared, since, who, why, mark, ""))
        return outcomes

    async def _remove(self, of: base.Ref, *facts: str) -> plans.TargetOutcome:
        """`facts`: declared, since when ('' is now), by whom, why, the mark, and '1' to know it."""
        reply = await self._run("unregister", of, *facts)
        if isinstance(reply, plans.TargetOutcome):
            return reply
        became, said = running.words(reply)
        match became:
            case "done":
                why = "It is removed: it enqueues nothing any more."
                return running.done(of, why, {"since": said})
            case "removed":
                return running.skipped(of, f"It has been removed meanwhile, {_clock(said)}.")
            case "moved":
                return running.skipped(of, f"It has moved on: it is declared as {said} now.")
        return running.skipped(of, f"It has moved on: {_UNKNOWN}")

    async def _register(self, of: base.Ref, since: str, mark: str) -> plans.TargetOutcome:
        reply = await self._run("register", of, since, mark)
        if isinstance(reply, plans.TargetOutcome):
            return reply
        became, said, *more = running.words(reply)
        if became == "done":
            by, why, removal = more
            memento: plans.Args = {"since": said, "by": by, "why": why, "mark": removal}
            return running.done(of, "It is registered: its next tick enqueues it.", memento)
        if became == "moved":
            words = f"it was removed anew, {_clock(said)}" if said else "it is registered"
            return running.skipped(of, f"It has moved on: {words}.")
        return running.skipped(of, f"It has moved on: {_UNKNOWN}")

    async def _obey(self, target: plans.Target, facts: obeying.Args) -> plans.TargetOutcome:
        reply = await self._run("obey", target.ref, *facts)
        if isinstance(reply, plans.TargetOutcome):
            return reply
        return obeying.outcome(target, running.words(reply))

    async def _run(self, script: str, of: base.Ref, *rest: str) -> Any:
        """The raw reply, or the outcome where the script was not run."""

        async def run(client: link.Client) -> Any:
            found = running.ids(self._runner.source, of, "schedule", 1)
            facts = await self._facts(client, of)
            if found is None or facts is None:
                return running.skipped(of, f"It has moved on: {_UNKNOWN}")
            queue = self._runner.root.queue(facts.queue)
            at = scripts.Place(queue, "", "")
            key = keys.schedule(found[0])
            call = self._runner.call(at, "", key, keys.SCHEDULES, found[0], *rest)
            reply = await self._runner.one(client, script, call)
            return self._runner.failed(of, reply) or reply

        return await self._hand.run(run)


def _target(of: base.Ref, facts: Facts) -> plans.Target:
    guard: plans.Args = {"declared": facts.declared, "removed_at": facts.since}
    at = rows.instant(record.number(facts.since.encode())) if facts.since else None
    return plans.Target(ref=of, label=facts.label, name=facts.name, guard=guard, at=at)


def _since(target: plans.Target) -> str:
    return str(target.guard.get("removed_at", ""))


def _removed(facts: Facts) -> str:
    by = f" by {facts.by}" if facts.by else ""
    return f"It is removed{by}, {_clock(facts.since)}."


def _clock(since: str) -> str:
    at = rows.instant(record.number(since.encode()))
    return f"at {at:%Y-%m-%d %H:%M:%S} UTC" if at else "at an unknown time"
