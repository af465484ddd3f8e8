"""`queue.clean` and `queue.drain`: many jobs into the trash for a day, a few at a time.

Never `Queue.empty()`, one script that stops Redis for as long as the queue is.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from mrcore import errors
from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, keys, offers, record, running, scripts

ACTIONS = (offers.CLEAN, offers.DRAIN)
LIMIT = 250
"""Jobs that one script buries: some 10 ms of Redis."""

COUNTED = 1_000
"""Jobs that one script looks at for a plan: 1 ms of Redis."""

OLDER_S = 3_600.0
_STATES = {"failed": "failed", "completed": "finished"}
_NONE = "Nothing of that is there."
_EXPIRED = "Nothing of it is kept any more: the trash is emptied after 24 h."


class Order(NamedTuple):
    """What is swept: one of RQ's states, and until which id or which instant.

    `delayed` is how many delayed jobs go as well.
    """

    state: str
    last: str
    delayed: int = 0


class Sweeping:
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
        clean = _clean(args) if action == offers.CLEAN else None
        for of in selection.refs:
            found = running.ids(self._runner.source, of, "queue", 1)
            if found is None:
                yield running.left(of, "There is no such queue.")
                continue
            name = found[0]
            if clean is not None:
                before = self._runner.now() - timedelta(seconds=clean[1])
                order = Order(clean[0], record.stamp(before))
            else:
                order = await self._hand.run(
                    functools.partial(self._order, name=name, delayed=args.get("delayed") is True)
                )
            count = await self._count(name, order, progress)
            if not count:
                yield running.left(of, _NONE)
                continue
            guard: plans.Args = {**order._asdict(), "jobs": count}
            words = f"{count:,} {'jobs' if count > 1 else 'job'}"
            yield plans.Target(ref=of, label=name, guard=guard, note=words)
            for remark in _remarks(name, order, count):
                yield remark

    async def _order(self, client: link.Client, name: str, *, delayed: bool) -> Order:
        last, later = await asking.ask(
            client,
            ("LINDEX", keys.where("queued", name), -1),
            ("ZCARD", keys.where("scheduled", name)),
        )
        return Order("queued", asking.text(last), asking.whole(later) if delayed else 0)

    async def _count(self, name: str, order: Order, progress: source_base.Progress) -> int:
        """How many jobs it is about; a registry is looked through, a list has its length."""
        if order.state == "queued":
            (waiting,) = await self._hand.run(
                lambda client: asking.ask(client, ("LLEN", keys.where("queued", name)))
            )
            return asking.whole(waiting) + order.delayed
        (total,) = await self._hand.run(
            lambda client: asking.ask(client, ("ZCARD", keys.where(order.state, name)))
        )
        found = start = 0
        while True:
            words = ("", order.state, COUNTED, "", start, order.last, "0")
            _, fit, looked = self._words(await self._script("sweep", name, *words))
            found, start = found + int(fit), start + int(looked)
            progress(start, asking.whole(total))
            if int(looked) < COUNTED:
                return found

    def _words(self, answer: running.Answer) -> running.Reply:
        """Raises NotPermitted where Redis refused, SourceError where it could not."""
        if isinstance(answer, list):
            return answer
        if isinstance(answer, running.Broken):
            raise errors.Unreachable(f"Redis went away: {answer.why.rstrip('.')}.")
        raise errors.NotPermitted(self._runner.refused(answer))

    async def apply(
        self,
        action: base.ActionId,
        chunk: Sequence[plans.Target],
        args: plans.Args,
        by: plans.By,
    ) -> list[plans.TargetOutcome]:
        return [await self._sweep(action, target, by) for target in chunk]

    async def _sweep(
        self, action: base.ActionId, target: plans.Target, by: plans.By
    ) -> plans.TargetOutcome:
        """What an operation that ended in the middle has begun is gone on with: its trash is there.

        Between two scripts others are served.
        """
        of, name = target.ref, ref.parse(target.ref).id
        order = _ordered(target.guard)
        trash = keys.trash(name, source_base.mark(by, action, of, target.guard))
        try:
            if order.state == "queued":
                if order.last:
                    await self._queued(name, order.last, trash)
                if order.delayed:
                    await self._registry(name, Order("scheduled", ""), trash, most=order.delayed)
            else:
                await self._registry(name, order, trash)
        except errors.NotPermitted as error:
            return running.failed(of, error.sentence)
        swept = await self._kept(trash)
        if not swept:
            return running.skipped(of, f"It has moved on: {_NONE.lower()}")
        words = f"{swept:,} {'jobs are' if swept > 1 else 'job is'} in the trash for 24 h"
        return running.done(of, words, {"trash": trash})

    async def _queued(self, name: str, last: str, trash: str) -> None:
        while True:
            became, *_ = await self._one(name, "queued", trash, 0, last)
            if became != "more":
                return

    async def _registry(
        self, name: str, order: Order, trash: str, *, most: int | None = None
    ) -> None:
        start = found = 0
        while most is None or found < most:
            limit = LIMIT if most is None else min(LIMIT, most - found)
            _, fit, looked = await self._one(name, order.state, trash, start, order.last, limit)
            found, start = found + int(fit), start + int(looked) - int(fit)
            if int(looked) < limit:
                return

    async def _one(
        self, name: str, state: str, trash: str, start: int, last: str, limit: int = LIMIT
    ) -> running.Reply:
        words = ("", state, limit, trash, start, last, "1")
        return self._words(await self._script("sweep", name, *words))

    async def _script(self, script: str, name: str, *words: scripts.Value) -> running.Answer:
        """One script's answer; others have their turn on the connection before the next."""
        return await self._hand.run(lambda client: self._runner.one(client, script, name, *words))

    async def _kept(self, trash: str) -> int:
        """How many jobs are in a trash."""
        (count,) = await self._hand.run(lambda client: asking.ask(client, ("LLEN", trash)))
        return asking.whole(count)

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        for one in done:
            trash = str(one.memento.get("trash", ""))
            kept_ = await self._kept(trash)
            if not kept_:
                yield running.left(one.target.ref, _EXPIRED)
                continue
            note = f"{kept_:,} {'jobs go' if kept_ > 1 else 'job goes'} back"
            guard: plans.Args = {"trash": trash, "jobs": kept_}
            yield one.target.model_copy(update={"guard": guard, "note": note})

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        return [await self._put_back(one) for one in chunk]

    async def _put_back(self, one: plans.Undoable) -> plans.TargetOutcome:
        of, name = one.target.ref, ref.parse(one.target.ref).id
        trash = str(one.memento.get("trash", ""))
        back = looked = 0
        while True:
            answer = await self._script("unsweep", name, "", trash, LIMIT)
            if (refused := self._runner.failed(of, answer)) is not None:
                return refused
            _, some, seen = self._words(answer)
            back, looked = back + int(some), looked + int(seen)
            if int(seen) < LIMIT:
                break
        if not back:
            return running.skipped(of, _EXPIRED)
        lost = f"; {looked - back:,} are there again under their ids" if looked > back else ""
        return running.done(of, f"{back:,} {'jobs are' if back > 1 else 'job is'} back{lost}.")


def _clean(args: plans.Args) -> tuple[str, float]:
    """RQ's state, and how long ago a job must have ended. Raises BadRequest."""
    state = _STATES.get(str(args.get("state", "completed")))
    older = args.get("older_s", OLDER_S)
    if state is None:
        raise errors.BadRequest(f"state is {args.get('state')!r}; it is completed or failed.")
    if isinstance(older, bool) or not isinstance(older, int | float) or not 0 <= older <= 3.2e9:
        raise errors.BadRequest(f"older_s is {older!r}; it is how long ago a job ended.")
    return state, float(older)


def _ordered(guard: plans.Args) -> Order:
    delayed = guard.get("delayed", 0)
    state, last = str(guard.get("state", "")), str(guard.get("last", ""))
    return Order(state, last, delayed if isinstance(delayed, int) else 0)


def _remarks(name: str, order: Order, count: int) -> list[plans.Remark]:
    if order.state != "queued":
        return []
    jobs = f"{count:,} job{'s have' if count > 1 else ' has'} not run yet, and will not"
    found = [plans.Remark(text=jobs, level=base.Level.WARN)]
    if order.delayed:
        found.append(plans.Remark(text=f"{order.delayed:,} of these are delayed"))
    found.append(plans.Remark(text=f"what comes into {name} from now on stays"))
    return found
