"""`queue.pause` and `queue.resume`: RQ knows only one pause, and it holds all queues."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection, Sequence

from mrcore import errors
from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, figures, keys, offers, running

ACTIONS = (offers.PAUSE, offers.RESUME)
_SHOWN = 5


class Pausing:
    """Plans, does and undoes both.

    `rate` is how many jobs a second come into a queue, if known; `served` are the queues that
    workers wait for, of which some may have had no job yet.
    """

    def __init__(
        self,
        hand: kept.Kept[link.Client],
        runner: running.Runner,
        rate: Callable[[base.Ref], float | None],
        served: Callable[[], Collection[str]],
    ) -> None:
        self._served = served
        self._hand = hand
        self._runner = runner
        self._rate = rate

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        queues = await self._hand.run(self._queues)
        value = await self._hand.run(self._value)
        chosen = False
        for number, of in enumerate(selection.refs):
            progress(number + 1, len(selection.refs))
            found = running.ids(self._runner.source, of, "queue", 1)
            if found is None or found[0] not in queues:
                yield running.left(of, "There is no such queue.")
            elif (not value) is not (action == offers.PAUSE):
                yield running.left(of, "It is not paused." if not value else _paused(value))
            elif chosen:
                yield running.left(of, "The first of these holds it, too: RQ has only one pause.")
            else:
                chosen = True
                yield _target(of, found[0], value)
        if chosen:
            for remark in self._remarks(action, queues):
                yield remark

    def _remarks(self, action: base.ActionId, queues: dict[str, int]) -> list[plans.Remark]:
        names = ", ".join(list(queues)[:_SHOWN]) + (" …" if len(queues) > _SHOWN else "")
        did = "holds" if action == offers.PAUSE else "lets go"
        text = f"{did} all {len(queues)} queues, since RQ knows only one pause: {names}"
        level = base.Level.WARN if len(queues) > 1 else base.Level.OK
        waiting = f"{sum(queues.values()):,} waiting"
        if action == offers.RESUME:
            return [
                plans.Remark(text=text, level=level),
                plans.Remark(text=f"{waiting} start as workers are free"),
            ]
        rates = [self._rate(ref.make(self._runner.source, "queue", name)) for name in queues]
        rate = sum(known for known in rates if known is not None)
        comes = f"; {rate:.2g}/s come in" if rate else ""
        return [
            plans.Remark(text=text, level=level),
            plans.Remark(text=f"{waiting} stay waiting{comes}; what runs ends"),
        ]

    async def _queues(self, client: link.Client) -> dict[str, int]:
        """Every queue of this Redis, whatever the settings show, and what waits in it."""
        (names,) = await asking.ask(client, ("SMEMBERS", keys.QUEUES))
        known = {asking.text(name).removeprefix(keys.QUEUE) for name in asking.some(names)}
        found = sorted(known | set(self._served()))
        counts = await asking.ask(client, *(("LLEN", keys.where("queued", n)) for n in found))
        return {name: asking.whole(count) for name, count in zip(found, counts, strict=True)}

    async def _value(self, client: link.Client) -> str:
        (value,) = await asking.ask(client, ("GET", keys.SUSPENDED))
        return asking.text(value)

    async def apply(
        self,
        action: base.ActionId,
        chunk: Sequence[plans.Target],
        args: plans.Args,
        by: plans.By,
    ) -> list[plans.TargetOutcome]:
        outcomes = []
        for target in chunk:
            was = str(target.guard.get("suspended", ""))
            mark = source_base.mark(by, action, target.ref, target.guard)
            value = ""
            if action == offers.PAUSE:
                since = round(self._runner.now().timestamp(), 3)
                facts = {"since": since, "by": by.login, "why": by.reason, "mark": mark}
                value = json.dumps(facts)
            outcomes.append(await self._set(target.ref, mark, was, value, ""))
        return outcomes

    async def _set(
        self, of: base.Ref, mark: str, was: str, value: str, ends: str
    ) -> plans.TargetOutcome:
        name = ref.parse(of).id
        answer = await self._hand.run(
            lambda client: self._runner.one(client, "pause", name, mark, was, value, ends)
        )
        if (refused := self._runner.failed(of, answer)) is not None:
            return refused
        if not isinstance(answer, list):
            raise errors.SourceError(f"Redis answered {answer!r} to a script.")
        became, now, *rest = answer
        if became == "moved":
            words = _paused(now) if now else "it is not paused any more."
            return running.skipped(of, f"It has moved on: {words[0].lower()}{words[1:]}")
        after, before_ends = rest
        memento: plans.Args = {"before": now, "after": after, "ends": before_ends}
        words = _paused(after) if after else "It is resumed."
        return running.done(of, words, memento)

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        value = await self._hand.run(self._value)
        for one in done:
            of = one.target.ref
            if value == one.memento.get("after"):
                yield _target(of, ref.parse(of).id, value)
            elif action == offers.PAUSE:
                yield running.left(of, "That pause is over.")
            else:
                yield running.left(of, _paused(value))

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        outcomes = []
        for one in chunk:
            after, before, ends = (
                str(one.memento.get(name, "")) for name in ("after", "before", "ends")
            )
            outcomes.append(await self._set(one.target.ref, "", after, before, ends))
        return outcomes


def _target(of: base.Ref, name: str, value: str) -> plans.Target:
    since = figures.suspension(value.encode(), None).since
    guard: plans.Args = {"suspended": value}
    return plans.Target(ref=of, label=name, guard=guard, note="with all queues", at=since)


def _paused(value: str) -> str:
    known = figures.suspension(value.encode(), None)
    by = f" by {known.by}" if known.by else ""
    since = f"since {known.since:%Y-%m-%d %H:%M:%S} UTC" if known.since else "by `rq suspend`"
    return f"All queues are paused{by}, {since}." if by else f"All queues are paused, {since}."
