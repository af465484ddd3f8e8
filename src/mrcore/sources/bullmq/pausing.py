"""`queue.pause` and `queue.resume`: workers take nothing while a queue is paused."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import JsonValue

from mrcore.model import base, plans, ref
from mrcore.queues import words
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.bullmq import asking, offers, places, rows, running
from mrcore.sources.engine import planning
from mrcore.sources.redis import link

ACTIONS = (offers.PAUSE, offers.RESUME)
_TO = {offers.PAUSE: "paused", offers.RESUME: "resumed"}


class Facts(NamedTuple):
    """A queue as a pause sees it."""

    paused: bool
    since: str
    by: str
    waiting: int
    active: int


class Pausing:
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
        several = len(selection.refs) > 1
        parts = functools.partial(_parts, pause=action == offers.PAUSE, several=several)
        async for part in planning.over(selection, progress, self._now, parts):
            yield part

    async def _now(self, of: base.Ref) -> Facts | str:
        return await self._hand.run(functools.partial(self._facts, of=of))

    async def _facts(self, client: link.Client, of: base.Ref) -> Facts | str:
        """What a queue is now, or why it cannot be paused."""
        found = running.ids(self._runner.source, of, "queue", 1)
        place, why = await self._runner.place(client, found[0]) if found else (None, "")
        if place is None or why:
            return why or running.NO_QUEUE
        paused, held, waiting, prioritized, active = await asking.ask(
            client,
            ("HEXISTS", place.base + "meta", "paused"),
            ("HMGET", place.ours + "paused", "since", "by"),
            ("LLEN", place.base + "wait"),
            ("ZCARD", place.base + "prioritized"),
            ("LLEN", place.base + "active"),
        )
        since, by = (asking.text(one) for one in asking.items(held) or (None, None))
        count = asking.whole(waiting) + asking.whole(prioritized)
        return Facts(paused == 1, since, by, count, asking.whole(active))

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        outcomes = []
        for target in chunk:
            mark = source_base.mark(by, action, target.ref, target.guard)
            item: dict[str, JsonValue] = {
                "to": _TO[action], "mark": mark, "by": by.login, "why": by.reason,
            }  # fmt: skip
            outcomes.append(await self._run(target.ref, item))
        return outcomes

    async def _run(self, of: base.Ref, item: running.Item) -> plans.TargetOutcome:
        return await self._hand.run(lambda client: self._ask(client, of, item))

    async def _ask(
        self, client: link.Client, of: base.Ref, item: running.Item
    ) -> plans.TargetOutcome:
        found = running.ids(self._runner.source, of, "queue", 1)
        place, why = await self._runner.place(client, found[0]) if found else (None, "")
        if place is None or why:
            return running.skipped(of, why or running.NO_QUEUE)
        (reply,) = await self._runner.run(client, place, "pause", [item])
        return self._runner.failed(of, place, reply) or _outcome(of, item, place, reply)

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        async for part in planning.undone(done, self._now, _back):
            yield part

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        outcomes = []
        for one in chunk:
            to = "resumed" if one.memento["to"] == "paused" else "paused"
            held = one.memento["held"]
            item = {"to": to, "undoes": one.memento["mark"], "held": held}
            outcomes.append(await self._run(one.target.ref, item))
        return outcomes


def _parts(
    of: base.Ref, facts: Facts, *, pause: bool, several: bool
) -> Iterator[source_base.Planned]:
    if facts.paused is pause:
        by = f" by {facts.by}" if facts.by else ""
        why = f"It is paused already{by}." if facts.paused else "It is not paused."
        yield running.left(of, why)
        return
    name = ref.parse(of).id
    at = rows.instant(facts.since) if facts.paused else None
    yield plans.Target(ref=of, label=name, guard={"paused": facts.paused}, at=at)
    yield _remark(facts, f"{name}: " if several else "")


def _back(one: plans.Undoable, facts: Facts) -> plans.Target | str:
    if facts.paused is not (one.memento["to"] == "paused"):
        return "It is paused." if facts.paused else "It runs again."
    note = "resumed" if facts.paused else "paused again"
    return one.target.model_copy(update={"guard": {"paused": facts.paused}, "note": note})


def _remark(facts: Facts, head: str) -> plans.Remark:
    waiting = words.some(facts.waiting)
    if facts.paused:
        return plans.Remark(text=f"{head}{waiting} may begin")
    active = f"; {facts.active:,} go on until they end" if facts.active else ""
    return plans.Remark(text=f"{head}{waiting} will not begin before it is resumed{active}")


def _outcome(
    of: base.Ref, item: running.Item, place: places.Place, reply: Any
) -> plans.TargetOutcome:
    became, what, _ = running.words(reply)
    if became == "moved":
        if what not in ("paused", "resumed"):
            return running.skipped(of, f"It has moved on: {what}.")
        now = "paused" if item["to"] == "paused" else "not paused"
        return running.skipped(of, f"It has moved on: {place.shown} is {now} already.")
    if "undoes" in item:
        return running.done(of, f"{place.shown} is {item['to']}.")
    return running.done(of, f"{place.shown} is {item['to']}.", running.memento(what))
