"""`queue.pause` and `queue.resume`: workers claim nothing while a queue is paused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, NamedTuple

from mrcore.journal import record, scripts
from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.engine import planning
from mrcore.sources.huey import asking, discover, offers, rows, running
from mrcore.sources.redis import link

ACTIONS = (offers.PAUSE, offers.RESUME)


class Facts(NamedTuple):
    """A queue as a pause sees it; `since` is as it is written, None while it runs."""

    since: str | None
    by: str
    waiting: int


class Pausing:
    """Plans, does and undoes both; `rate` is how many jobs a second come into a queue, if known."""

    def __init__(
        self,
        hand: kept.Kept[link.Client],
        runner: running.Runner,
        rate: Callable[[base.Ref], float | None],
    ) -> None:
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
        several = len(selection.refs) > 1

        def parts(of: base.Ref, facts: Facts) -> Iterator[source_base.Planned]:
            if (facts.since is None) is not (action == offers.PAUSE):
                why = "It is not paused." if facts.since is None else _paused(facts)
                yield running.left(of, why)
            else:
                yield _target(of, facts)
                yield self._remark(of, facts, f"{ref.parse(of).id}: " if several else "")

        async for part in planning.over(selection, progress, self._facts, parts):
            yield part

    async def _facts(self, of: base.Ref) -> Facts | str:
        """What a queue is now, or why it cannot be paused."""
        found = running.ids(self._runner.source, of, "queue", 1)
        if found is None:
            return "There is no such queue."
        return await self._hand.run(lambda client: self._ask(client, found[0]))

    async def _ask(self, client: link.Client, name: str) -> Facts | str:
        known = await discover.place(client, self._runner.root, self._runner.found, name)
        if known is None:
            return "There is no such queue."
        if not known.journalled:
            return "It has no journal, so its workers cannot be told to pause."
        at = self._runner.root.queue(name)
        since, by, waiting = await asking.ask(
            client, ("GET", at.paused), ("HGET", at.paused_by, "by"), known.waiting
        )
        return Facts(since.decode() if since else None, (by or b"").decode(), waiting or 0)

    def _remark(self, of: base.Ref, facts: Facts, head: str) -> plans.Remark:
        waiting = f"{head}{facts.waiting:,} waiting"
        if facts.since is not None:
            return plans.Remark(text=f"{waiting} start as workers are free")
        rate = self._rate(of)
        comes = "" if rate is None else f"; {rate:.2g}/s come in"
        return plans.Remark(text=f"{waiting} stay waiting{comes}; what runs ends")

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        now = scripts.stamp(self._runner.now().timestamp())
        outcomes = []
        for target in chunk:
            of, mark = target.ref, source_base.mark(by, action, target.ref, target.guard)
            if action == offers.PAUSE:
                outcomes.append(await self._pause(of, now, by.login, by.reason, mark, "1"))
            else:
                since = str(target.guard.get("paused_since"))
                outcomes.append(await self._resume(of, since, mark))
        return outcomes

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        def back(one: plans.Undoable, facts: Facts) -> plans.Target | str:
            if action == offers.RESUME and facts.since is not None:
                return _paused(facts)
            if action == offers.PAUSE and facts.since != one.memento.get("since"):
                return "That pause is over."
            return _target(one.target.ref, facts)

        async for part in planning.undone(done, self._facts, back):
            yield part

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        outcomes = []
        for one in chunk:
            names = ("since", "by", "why", "mark")
            since, who, why, mark = (str(one.memento.get(name, "")) for name in names)
            if action == offers.PAUSE:
                outcomes.append(await self._resume(one.target.ref, since, ""))
            else:
                outcomes.append(await self._pause(one.target.ref, since, who, why, mark, ""))
        return outcomes

    async def _pause(self, of: base.Ref, since: str, *facts: str) -> plans.TargetOutcome:
        """`facts`: by whom, why, its mark, and '1' where it may have been done by that mark."""
        reply = await self._run("pause", of, since, *facts)
        if isinstance(reply, plans.TargetOutcome):
            return reply
        became, at = running.words(reply)
        if became == "moved":
            return running.skipped(of, f"It has been paused meanwhile, since {_clock(at)}.")
        return running.done(of, f"It is paused since {_clock(at)}.", {"since": at})

    async def _resume(self, of: base.Ref, since: str, mark: str) -> plans.TargetOutcome:
        reply = await self._run("resume", of, since, mark)
        if isinstance(reply, plans.TargetOutcome):
            return reply
        became, at, *more = running.words(reply)
        if became == "moved":
            words = f"it is paused since {_clock(at)}" if at else "it is not paused any more"
            return running.skipped(of, f"It has moved on: {words}.")
        by, why, pause = more
        memento: plans.Args = {"since": at, "by": by, "why": why, "mark": pause}
        return running.done(of, "It is resumed.", memento)

    async def _run(self, script: str, of: base.Ref, *rest: str) -> Any:
        """The raw reply, or the outcome where the script was not run."""

        async def run(client: link.Client) -> Any:
            at = await self._runner.place(client, ref.parse(of).id)
            if at is None:
                return running.skipped(of, "There is no such queue any more.")
            reply = await self._runner.one(client, script, self._runner.call(at, "", *rest))
            return self._runner.failed(of, reply) or reply

        return await self._hand.run(run)


def _target(of: base.Ref, facts: Facts) -> plans.Target:
    at = None if facts.since is None else rows.instant(record.number(facts.since.encode()))
    return plans.Target(ref=of, label=ref.parse(of).id, guard={"paused_since": facts.since}, at=at)


def _paused(facts: Facts) -> str:
    by = f" by {facts.by}" if facts.by else ""
    return f"It is paused{by}, since {_clock(facts.since or '')}."


def _clock(since: str) -> str:
    at = rows.instant(record.number(since.encode()))
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "an unknown time"
