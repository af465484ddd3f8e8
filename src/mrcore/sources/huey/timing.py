"""`job.promote` and `job.delay`: a delayed job now, or at another time."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

from mrcore import errors
from mrcore.journal import reader, record, scripts
from mrcore.model import base, plans
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.engine import acts
from mrcore.sources.huey import (
    asking,
    choosing,
    looking,
    messages,
    moving,
    offers,
    originals,
    rows,
    running,
)
from mrcore.sources.redis import link

ACTIONS = (offers.PROMOTE, offers.DELAY)
MOST_S = 10 * 366 * 86_400
KEPT_MS = 24 * 3_600_000
_KEPT = "What it was is not kept any more: that is emptied after 24 h, or by what came later."


class Timing:
    """Plans, does and undoes both."""

    def __init__(
        self, hand: kept.Kept[link.Client], runner: running.Runner, looker: looking.Looker
    ) -> None:
        self._hand = hand
        self._runner = runner
        self._looker = looker

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        by_s = seconds(args) if action == offers.DELAY else None
        left, count = acts.LeftOuts(), 0
        async for taken in choosing.chosen(self._looker, action, selection, progress, left):
            for seen in taken:
                count += 1
                due = rows.instant(record.number(seen.since.encode()))
                note = f"was due {due:%Y-%m-%d %H:%M:%S} UTC" if due else ""
                yield plans.Target(ref=seen.ref, label=seen.label, guard=seen.guard, note=note)
        for one in left.told():
            yield one
        if strangers := await self._looker.strangers(selection):
            yield plans.LeftOut(why=running.STRANGER, count=strangers)
        if count:
            when = "at once, behind what waits" if by_s is None else f"{by_s:g} s from now"
            yield plans.Remark(text=f"due {when}")

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        by_s = seconds(args) if action == offers.DELAY else None
        outcomes = await self._hand.run(lambda client: self._apply(client, action, chunk, by_s, by))
        return [outcomes[target.ref] for target in chunk]

    async def _apply(
        self,
        client: link.Client,
        action: base.ActionId,
        chunk: Sequence[plans.Target],
        by_s: float | None,
        by: plans.By,
    ) -> dict[base.Ref, plans.TargetOutcome]:
        outcomes: dict[base.Ref, plans.TargetOutcome] = {}
        for name, targets in originals.by_queue(self._runner.source, chunk).items():
            at = await self._runner.place(client, name)
            if at is None:
                gone = (one.ref for one in targets.values())
                outcomes |= {of: running.skipped(of, running.GONE) for of in gone}
                continue
            found = await originals.of(client, at, dict.fromkeys(targets, "delayed"))
            scores = await self._scores(client, at, found)
            calls: list[tuple[plans.Target, str, link.Command]] = []
            for job_id, target in targets.items():
                mark = source_base.mark(by, action, target.ref, target.guard)
                try:
                    rest = self._moved(target, found.get(job_id), scores.get(job_id), by_s)
                except (reader.Unreadable, reader.NotPlain, OverflowError) as error:
                    outcomes[target.ref] = running.failed(target.ref, str(error))
                    continue
                call = self._runner.call(at, job_id, *rest, mark, KEPT_MS)
                calls.append((target, mark, call))
            replies = await self._runner.run(client, "reschedule", [call for *_, call in calls])
            for (target, mark, _), reply in zip(calls, replies, strict=True):
                refused = self._runner.failed(target.ref, reply)
                outcomes[target.ref] = refused or _outcome(target, reply, mark, by_s)
        return outcomes

    async def _scores(
        self, client: link.Client, at: scripts.Place, found: dict[str, messages.Found]
    ) -> dict[str, float]:
        """huey's own score of each: its producer's clock may be in another zone."""
        asked = (("ZSCORE", at.schedule, one.message) for one in found.values())
        replies = await asking.ask(client, *asked)
        scores = {i: record.number(score) for i, score in zip(found, replies, strict=True)}
        return {job_id: score for job_id, score in scores.items() if score is not None}

    def _moved(
        self,
        target: plans.Target,
        found: messages.Found | None,
        score: float | None,
        by_s: float | None,
    ) -> tuple[scripts.Value, ...]:
        """A script's arguments from its fourth on; without a message the guard alone speaks."""
        attempts, since = (str(target.guard.get(name, "")) for name in ("attempts", "since"))
        if found is None or score is None:
            return attempts, since, b"", b"", "", ""
        if by_s is None:
            data = reader.rewritten(found.message, eta=None)
            return attempts, since, found.message, data, "", ""
        due_s = self._runner.now().timestamp() + by_s
        later_s = due_s - (record.number(since.encode()) or due_s)
        eta = reader.read(found.message).eta
        moved = None if eta is None else eta + timedelta(seconds=later_s)
        data = reader.rewritten(found.message, eta=moved)
        due = scripts.stamp(due_s)
        return attempts, since, found.message, data, scripts.stamp(score + later_s), due

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        wanted = "waiting" if action == offers.PROMOTE else "delayed"
        seen = {found.ref: found for found in await self._looker.refs([o.target.ref for o in done])}
        for one in done:
            job = seen[one.target.ref]
            if job.state == wanted and job.since == one.memento.get("since"):
                yield one.target.model_copy(update={"guard": job.guard})
            else:
                what = f"it is {job.state}" if job.state else "it is gone"
                yield running.left(one.target.ref, f"It is not where that brought it: {what}.")

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        return [await self._hand.run(functools.partial(self._back, one=one)) for one in chunk]

    async def _back(self, client: link.Client, one: plans.Undoable) -> plans.TargetOutcome:
        of, guard = one.target.ref, one.target.guard
        name, job_id = running.job(self._runner.source, of)
        at = await self._runner.place(client, name)
        if at is None:
            return running.skipped(of, running.GONE)
        state = originals.state(one.target)
        there = await originals.of(client, at, {job_id: state})
        message, side, _ = there.get(job_id, messages.Found(b"", 1))
        facts = (state, str(guard.get("attempts", "")), str(guard.get("since", "")))
        call = self._runner.call(at, job_id, *facts, message, side, str(one.memento["mark"]))
        reply: Any = await self._runner.one(client, "unreschedule", call)
        if (refused := self._runner.failed(of, reply)) is not None:
            return refused
        became, is_, attempts = running.words(reply)
        match became:
            case "done":
                return running.done(of, "It is delayed as before.")
            case "gone":
                return running.skipped(of, running.GONE)
            case "kept":
                return running.skipped(of, _KEPT)
            case "taken":
                return running.skipped(of, originals.LOST)
        return running.skipped(of, moving.moved(guard, is_, attempts))


def seconds(args: plans.Args) -> float:
    """`by_s`. Raises BadRequest that says what it is."""
    by_s = args.get("by_s")
    if isinstance(by_s, bool) or not isinstance(by_s, int | float) or not 0 <= by_s <= MOST_S:
        raise errors.BadRequest(f"by_s is 0 to {MOST_S:,} seconds from now, not {by_s!r}.")
    return float(by_s)


def _outcome(
    target: plans.Target, reply: Any, mark: str, by_s: float | None
) -> plans.TargetOutcome:
    of = target.ref
    became, state, attempts, *there = running.words(reply)
    match became:
        case "done":
            why = "It waits." if by_s is None else f"It is due in {by_s:g} s."
            return running.done(of, why, {"mark": mark, "since": there[0]})
        case "gone":
            return running.skipped(of, running.GONE)
        case "taken":
            return running.skipped(of, originals.LOST)
    return running.skipped(of, moving.moved(target.guard, state, attempts))
