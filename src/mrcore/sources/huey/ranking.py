"""`job.priority`: the place of a job in a PriorityRedisHuey, whose queue is a sorted set.

Such a queue has no journal. Its members are eight bytes of time and then the message; the score is
the priority, negated (huey.storage.RedisPriorityQueue).
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, NamedTuple

from mrcore import errors
from mrcore.journal import reader, scripts
from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.huey import asking, discover, offers, originals, running
from mrcore.sources.redis import link

ACTIONS = (offers.PRIORITY,)
TIME_BYTES = 8
DEEPEST = 100_000
MOST = 2_097_151
_PORTION = 500
_GONE = "It does not wait in a queue with priorities (any more), or lies over 100,000 deep in it."


class Member(NamedTuple):
    """A message as it is kept, its score as Redis writes it, and its task."""

    data: bytes
    score: str
    task: str


class Ranking:
    """Plans, does and undoes it."""

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
        wanted = priority(args)
        if selection.ref:
            raise errors.Unsupported("job.priority takes jobs by their refs, one or many.")
        for number, of in enumerate(selection.refs):
            found = running.ids(self._runner.source, of, "job", 2)
            member = await self._find(*found) if found else None
            progress(number + 1, len(selection.refs))
            if found is None or member is None:
                yield running.left(of, _GONE)
            elif float(member.score) == -wanted:
                yield running.left(of, f"Its priority is {wanted} already.")
            else:
                note = f"priority {0 - float(member.score):g} → {wanted}"
                label = f"{member.task.rpartition('.')[2]} {found[1]}"
                yield plans.Target(ref=of, label=label, guard={"score": member.score}, note=note)

    async def _find(self, name: str, job_id: str) -> Member | None:
        found = await self._hand.run(lambda client: self._members(client, name, {job_id}))
        return found.get(job_id)

    async def _members(
        self, client: link.Client, name: str, wanted: Collection[str]
    ) -> dict[str, Member]:
        """The members of these jobs, looked for from the end that is taken next."""
        at = await self._at(client, name)
        found: dict[str, Member] = {}
        start = 0
        while at is not None and len(found) < len(wanted) and start < DEEPEST:
            command = ("ZRANGE", at.list, start, start + _PORTION - 1, "WITHSCORES")
            (reply,) = await asking.ask(client, command)
            pairs = reply if isinstance(reply, list) else []
            for data, score in zip(pairs[::2], pairs[1::2], strict=True):
                if (seen := _read(data)) is not None and seen.id in wanted:
                    found[seen.id] = Member(data, score.decode(), seen.task)
            start += _PORTION
            if len(pairs) < 2 * _PORTION:
                break
        return found

    async def _at(self, client: link.Client, name: str) -> discover.Place | None:
        found = self._runner.found
        at = await discover.place(client, self._runner.root, found, name)
        if at is None and found.wanted(name):  # the slow SCAN has not come by yet
            at = discover.guess(name, journalled=False)
            (kind,) = await asking.ask(client, ("TYPE", at.list))
            if kind == b"zset":
                found.plain(at.list, kind)
                at = found.get(name)
        return at if at is not None and at.ranked else None

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        wanted = str(-priority(args))
        changes = {
            one.ref: (
                str(one.guard.get("score", "")),
                wanted,
                source_base.mark(by, action, one.ref, one.guard),
            )
            for one in chunk
        }
        return await self._change(chunk, changes)

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        for one in done:
            member = await self._find(*running.job(self._runner.source, one.target.ref))
            if member is None:
                yield running.left(one.target.ref, _GONE)
            elif member.score != one.memento.get("now"):
                why = f"Its priority is {0 - float(member.score):g} by now."
                yield running.left(one.target.ref, why)
            else:
                yield one.target.model_copy(update={"guard": {"score": member.score}, "note": ""})

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        changes = {
            one.target.ref: (
                str(one.target.guard.get("score", "")),
                str(one.memento["before"]),
                "",
            )
            for one in chunk
        }
        return await self._change([one.target for one in chunk], changes)

    async def _change(
        self, chunk: Sequence[plans.Target], changes: dict[base.Ref, tuple[str, str, str]]
    ) -> list[plans.TargetOutcome]:
        """Each score into another one; `changes` has what it must be, what it becomes, the mark."""
        outcomes: dict[base.Ref, plans.TargetOutcome] = {}
        for name, targets in originals.by_queue(self._runner.source, chunk).items():
            ask = functools.partial(self._ask, name=name, targets=targets, changes=changes)
            outcomes |= await self._hand.run(ask)
        return [outcomes[target.ref] for target in chunk]

    async def _ask(
        self,
        client: link.Client,
        name: str,
        targets: dict[str, plans.Target],
        changes: dict[base.Ref, tuple[str, str, str]],
    ) -> dict[base.Ref, plans.TargetOutcome]:
        at = await self._at(client, name)
        if at is None:
            return {one.ref: running.skipped(one.ref, _GONE) for one in targets.values()}
        found = await self._members(client, name, targets.keys())
        place = scripts.Place(self._runner.root.queue(name), at.list, at.schedule)
        calls = [
            self._runner.call(
                place, i, found[i].data if i in found else b"", *changes[targets[i].ref]
            )
            for i in targets
        ]
        replies = await self._runner.run(client, "prioritize", calls)
        return {
            one.ref: self._runner.failed(one.ref, reply)
            or _outcome(one.ref, changes[one.ref][0], reply)
            for one, reply in zip(targets.values(), replies, strict=True)
        }


def priority(args: plans.Args) -> int:
    """`priority`. Raises BadRequest that says what it is."""
    wanted = args.get("priority")
    if isinstance(wanted, bool) or not isinstance(wanted, int) or not 0 <= wanted <= MOST:
        raise errors.BadRequest(f"priority is a number from 0 to {MOST:,}, not {wanted!r}.")
    return wanted


def _read(data: bytes) -> reader.Seen | None:
    try:
        return reader.read(data[TIME_BYTES:])
    except reader.Unreadable:
        return None


def _outcome(of: base.Ref, before: str, reply: Any) -> plans.TargetOutcome:
    became, score = running.words(reply)
    if became == "gone":
        return running.skipped(of, _GONE)
    if became == "moved":
        return running.skipped(of, f"It has moved on: its priority is {0 - float(score):g} by now.")
    memento: plans.Args = {"before": before, "now": score}
    return running.done(of, f"priority {0 - float(score):g}", memento)
