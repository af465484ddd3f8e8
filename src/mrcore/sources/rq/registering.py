"""`schedule.register`: a job that repeats, as the settings declare it, where it is not so.

It is written as RQ's own `Repeat` would be, in the registry of what is delayed. A cron job lives in
the memory of its scheduler's process: that is not offered.
"""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import NamedTuple

from mrcore import errors
from mrcore.model import base, plans
from mrcore.queues import ticks
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.engine import declared, planning
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, crons, declaring, keys, offers, record, running

ACTIONS = (offers.REGISTER,)
TIMES = 1_000_000
"""How often it repeats: RQ wants an end."""

_UNDECLARED = "The settings do not declare it (schedules): nothing says how it shall be."
_CODE = "It is declared in the code of its cron scheduler: change it there."
_SAME = "It is registered as it is declared."
_RUNS = "It waits or runs now: register it once it is delayed again."


class Facts(NamedTuple):
    """What is declared, and the job that repeats: '' where it is not there."""

    name: str
    wanted: declared.Schedule
    was: str
    score: str
    due_s: float

    @property
    def to(self) -> str:
        """Its intervals as RQ writes them."""
        return json.dumps([round(self.wanted.every_s or 0)])


class Registering:
    """Plans, does and undoes it; `schedules` are what the settings declare."""

    def __init__(
        self, hand: kept.Kept[link.Client], runner: running.Runner, schedules: declared.Schedules
    ) -> None:
        self._hand = hand
        self._runner = runner
        self._known = {
            declaring.at(runner.source, name, one): (name, one) for name, one in schedules.items()
        }

    async def plan(
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        async def ask(of: base.Ref) -> Facts | str:
            return await self._hand.run(functools.partial(self._facts, of=of))

        async for part in planning.over(selection, progress, ask, _parts):
            yield part

    async def _facts(self, client: link.Client, of: base.Ref) -> Facts | str:
        """What is to be done of a schedule, or why nothing is."""
        if of not in self._known:
            return _UNDECLARED
        name, wanted = self._known[of]
        if wanted.cron or not wanted.every_s:
            return _CODE
        fields = ("status", "repeat_intervals", "enqueued_at")
        values, scored = await asking.ask(
            client,
            ("HMGET", keys.job(name), *fields),
            ("ZSCORE", keys.where("scheduled", wanted.queue), name),
        )
        status, was, enqueued = (asking.text(value) for value in asking.some(values))
        now_s = self._runner.now().timestamp()
        facts = Facts(name, wanted, was, asking.text(scored), now_s + wanted.every_s)
        if not status:
            why = declaring.refusal(name, wanted)
            return f"{why[0].upper()}{why[1:]}." if why else facts
        if not facts.score or not was:
            return _RUNS
        last = record.instant(enqueued.encode())
        due_s = (last.timestamp() if last else now_s) + wanted.every_s
        facts = facts._replace(due_s=max(now_s, due_s))
        return _SAME if _seconds(was) == _seconds(facts.to) else facts

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        return [
            await self._hand.run(functools.partial(self._register, target=target, by=by))
            for target in chunk
        ]

    async def _register(
        self, client: link.Client, target: plans.Target, by: plans.By
    ) -> plans.TargetOutcome:
        of = target.ref
        was, score = (str(target.guard[name]) for name in ("was", "score"))
        if of not in self._known:  # the settings are others than those it was planned with
            return running.skipped(of, f"It has moved on: {_UNDECLARED}")
        name, wanted = self._known[of]
        facts = await self._facts(client, of)
        due_s = self._runner.now().timestamp() + (wanted.every_s or 0.0)
        if isinstance(facts, Facts):
            due_s = facts.due_s
        to, due = str(target.guard["to"]), str(round(due_s))
        data, call = _call(wanted) if not was else (b"", "")
        mark = source_base.mark(by, offers.REGISTER, of, target.guard)
        answer = await self._runner.one(
            client, "register", wanted.queue, mark, name, was, score, to, due, data, call, TIMES
        )
        outcome = self._outcome(of, answer)
        if isinstance(outcome, plans.TargetOutcome):
            return outcome
        memento: plans.Args = {"was": was, "before": score, "to": to, "score": outcome}
        return running.done(of, "It is registered as it is declared.", memento)

    def _outcome(self, of: base.Ref, answer: running.Answer) -> plans.TargetOutcome | str:
        """What a script did not do; else the word behind what it did."""
        if (refused := self._runner.failed(of, answer)) is not None:
            return refused
        if not isinstance(answer, list):
            raise errors.SourceError(f"Redis answered {answer!r} to a script.")
        became, state, word = answer
        if became == "moved":
            now = f"{state}, {_said(word)}" if word else state or "gone"
            return running.skipped(of, f"It has moved on: it is {now}.")
        return word

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        for one in done:
            of = one.target.ref
            why = await self._hand.run(functools.partial(self._why, one=one))
            if why:
                yield running.left(of, why)
            else:
                was = str(one.memento["was"])
                note = f"back to {_said(was)}" if was else "removed, with its next run"
                yield one.target.model_copy(update={"note": note})

    async def _why(self, client: link.Client, one: plans.Undoable) -> str:
        """Why it cannot be undone, '' where it can; the script looks again."""
        name, wanted = self._known.get(one.target.ref, ("", None))
        if wanted is None:
            return _UNDECLARED
        intervals, scored = await asking.ask(
            client,
            ("HGET", keys.job(name), "repeat_intervals"),
            ("ZSCORE", keys.where("scheduled", wanted.queue), name),
        )
        same = asking.text(intervals), asking.text(scored)
        is_so = same == (one.memento["to"], one.memento["score"])
        return "" if is_so else "It has run, or was changed, since."

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        outcomes = []
        for one in chunk:
            if one.target.ref not in self._known:
                outcomes.append(running.skipped(one.target.ref, f"It has moved on: {_UNDECLARED}"))
                continue
            name, wanted = self._known[one.target.ref]
            call = ("", name, *(str(one.memento[n]) for n in ("to", "score", "was", "before")))
            answer = await self._hand.run(
                functools.partial(_unregister, self._runner, wanted.queue, call)
            )
            outcome = self._outcome(one.target.ref, answer)
            if isinstance(outcome, str):
                outcome = running.done(one.target.ref, "It is as before.")
            outcomes.append(outcome)
        return outcomes


def _parts(of: base.Ref, facts: Facts) -> Iterator[source_base.Planned]:
    guard: plans.Args = {"was": facts.was, "score": facts.score, "to": facts.to}
    note = f"{_said(facts.was)} → {facts.wanted.words}"
    label = f"{facts.name} of {facts.wanted.queue}"
    yield plans.Target(ref=of, label=label, name=facts.name, guard=guard, note=note)
    at = record.epoch(facts.due_s)
    yield plans.Remark(text=f"{facts.name}: next run {at:%Y-%m-%d %H:%M:%S} UTC")


async def _unregister(
    runner: running.Runner, queue: str, call: tuple[str, ...], client: link.Client
) -> running.Answer:
    return await runner.one(client, "unregister", queue, *call)


def _call(wanted: declared.Schedule) -> tuple[bytes, str]:
    """`data` is a list of arguments, an object of named ones, or one argument."""
    match wanted.data:
        case None:
            return crons.call(wanted.job, (), {})
        case dict():
            return crons.call(wanted.job, (), wanted.data)
        case list():
            return crons.call(wanted.job, wanted.data, {})
    return crons.call(wanted.job, (wanted.data,), {})


def _seconds(intervals: str) -> float | None:
    """The interval that RQ goes by in the end."""
    try:
        return float(json.loads(intervals)[-1])
    except (ValueError, LookupError, TypeError):
        return None


def _said(intervals: str) -> str:
    seconds = _seconds(intervals)
    return "missing" if seconds is None else f"every {ticks.every(seconds)}"
