"""`schedule.run` of a cron job, and `schedule.remove` of what rq-scheduler keeps.

A cron job lives in the memory of its scheduler's process: what is taken out of Redis it would go on
enqueueing, so that is not offered.
"""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from mrcore import errors
from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, crons, figures, keys, looking, offers, record, running

ACTIONS = (offers.RUN, offers.UNSCHEDULE)
_JOBS = uuid.UUID("4a7f9f1c-2f0e-4c0b-8b8e-5a5d0e7c9b21")
"""What ids of jobs run by hand are made of: the same when an operation asks for it again."""

_UNKNOWN = "There is no such schedule (any more)."
_CODE = "It is declared in the code of its cron scheduler: take it out there."
_REPEATS = "It is a job that repeats itself: remove that job."
_SECRET = "Its arguments are not written down, since they are no JSON."  # noqa: S105
_OTHER = "Only a cron job can be run beside its ticks."
_OPTIONS = ("job_timeout", "result_ttl", "ttl", "failure_ttl")


class Found(NamedTuple):
    """A schedule as a plan sees it: a cron job, or a job of rq-scheduler with its score."""

    label: str
    queue: str
    last: str
    score: float | None = None
    cron: crons.Cron | None = None


class Scheduling:
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
        for number, of in enumerate(selection.refs):
            found = await self._hand.run(functools.partial(self._find, of=of))
            progress(number + 1, len(selection.refs))
            if found is None:
                yield running.left(of, _UNKNOWN)
            elif why := _refusal(action, of, found):
                yield running.left(of, why)
            else:
                at = record.epoch(found.score)
                guard: plans.Args = {"last": found.last}
                yield plans.Target(ref=of, label=found.label, guard=guard, at=at)
                if action == offers.RUN and found.cron and found.cron.next_at:
                    due = f"{found.cron.name} is also due by itself: {found.cron.next_at:%H:%M:%S}"
                    yield plans.Remark(text=f"{due} UTC")

    async def _find(self, client: link.Client, of: base.Ref) -> Found | None:
        ids = running.ids(self._runner.source, of, "schedule", 1)
        if ids is None:
            return None
        kind, _, job_id = ids[0].partition(":")
        if kind == "scheduler" and job_id:
            (score,) = await asking.ask(client, ("ZSCORE", keys.THIRD_PARTY, job_id))
            words = asking.text(score)
            return Found(job_id, "", words, record.number(score)) if words else None
        if kind == "repeat" and ":" in job_id:
            name, _, own = job_id.rpartition(":")
            (score,) = await asking.ask(client, ("ZSCORE", keys.where("scheduled", name), own))
            return Found(own, name, asking.text(score)) if score else None
        return await self._cron(client, ids[0])

    async def _cron(self, client: link.Client, name: str) -> Found | None:
        (names,) = await asking.ask(client, ("ZREVRANGE", keys.CRONS, 0, 99, "WITHSCORES"))
        known = list(figures.scored(names))
        hashes = await asking.ask(client, *(("HGETALL", keys.cron(one)) for one, _ in known))
        for (scheduler, seen), facts in zip(known, hashes, strict=True):
            for one in crons.crons(scheduler, seen, dict(asking.pairs(facts))):
                if one.name != name:
                    continue
                history = keys.history(name)
                (runs,) = await asking.ask(client, ("ZREVRANGE", history, 0, 0, "WITHSCORES"))
                last = next(figures.scored(runs), ("", None))
                return Found(f"{name} ({one.queue})", one.queue, last[0], last[1], one)
        return None

    async def apply(
        self,
        action: base.ActionId,
        chunk: Sequence[plans.Target],
        args: plans.Args,
        by: plans.By,
    ) -> list[plans.TargetOutcome]:
        did = self._run if action == offers.RUN else self._remove
        return [
            await self._hand.run(functools.partial(did, target=target, by=by)) for target in chunk
        ]

    async def _run(
        self, client: link.Client, target: plans.Target, by: plans.By
    ) -> plans.TargetOutcome:
        of, last = target.ref, str(target.guard.get("last", ""))
        found = await self._find(client, of)
        if found is None or found.cron is None:
            return running.skipped(of, f"It has moved on: {_UNKNOWN}")
        mark = source_base.mark(by, offers.RUN, of, target.guard)
        job_id = str(uuid.uuid5(_JOBS, mark))
        facts = _job(found.cron)
        name = found.cron.name
        call = (mark, name, last, job_id, *facts)
        answer = await self._runner.one(client, "run", found.queue, *call)
        if (refused := self._runner.failed(of, answer)) is not None:
            return refused
        became, now, *rest = _words(answer)
        if became == "moved":
            return running.skipped(of, f"It has moved on: it was enqueued again, as {now}.")
        at, before, after = rest
        memento: plans.Args = {
            "queue": found.queue,
            "name": name,
            "job": now,
            "at": at,
            "before": before,
            "after": after,
        }
        job_ref = ref.make(self._runner.source, "job", found.queue, now)
        return running.done(of, f"enqueued as {job_ref}", memento)

    async def _remove(
        self, client: link.Client, target: plans.Target, by: plans.By
    ) -> plans.TargetOutcome:
        score = str(target.guard.get("last", ""))
        mark = source_base.mark(by, offers.UNSCHEDULE, target.ref, target.guard)
        outcome = await self._score(client, target.ref, mark, score, "")
        if outcome.outcome is plans.Outcome.DONE:
            return running.done(target.ref, "It is removed.", {"score": score})
        return outcome

    async def _score(
        self, client: link.Client, of: base.Ref, mark: str, was: str, score: str
    ) -> plans.TargetOutcome:
        job_id = _own(self._runner.source, of)
        answer = await self._runner.one(client, "unschedule", "", mark, job_id, was, score)
        if (refused := self._runner.failed(of, answer)) is not None:
            return refused
        became, now, *_ = _words(answer)
        if became == "moved":
            words = "its next run is another" if now else "it is removed"
            return running.skipped(of, f"It has moved on: {words}.")
        return running.done(of, "It is scheduled as before.")

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        if action == offers.RUN:
            async for part in self._plan_withdraw(done):
                yield part
            return
        for one in done:
            found = await self._hand.run(functools.partial(self._find, of=one.target.ref))
            if found is None:
                yield one.target
            else:
                yield running.left(one.target.ref, "It is scheduled again.")

    async def _plan_withdraw(
        self, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        source = self._runner.source
        refs = [
            ref.make(source, "job", str(one.memento["queue"]), str(one.memento["job"]))
            for one in done
        ]
        seen = await self._looker.refs(refs)
        for one, job in zip(done, seen, strict=True):
            if job.state == "queued" and job.stamp.partition("|")[0] == one.memento.get("at"):
                note = f"{job.label} is taken out of its queue"
                yield one.target.model_copy(update={"guard": job.guard, "note": note})
            else:
                what = f"is {job.state}" if job.state else "is gone"
                yield running.left(one.target.ref, f"Its job does not wait any more: it {what}.")

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        did = self._withdraw if action == offers.RUN else self._back
        return [await self._hand.run(functools.partial(did, one=one)) for one in chunk]

    async def _back(self, client: link.Client, one: plans.Undoable) -> plans.TargetOutcome:
        score = str(one.memento.get("score", ""))
        return await self._score(client, one.target.ref, "", "", score)

    async def _withdraw(self, client: link.Client, one: plans.Undoable) -> plans.TargetOutcome:
        of, facts = one.target.ref, {name: str(value) for name, value in one.memento.items()}
        call = ("", *(facts[name] for name in ("name", "job", "at", "before", "after")))
        answer = await self._runner.one(client, "unrun", facts["queue"], *call)
        if (refused := self._runner.failed(of, answer)) is not None:
            return refused
        became, state, *_ = _words(answer)
        if became == "done":
            return running.done(of, f"{facts['job']} is taken out of its queue.")
        what = "a worker is taking it" if became == "taken" else f"it is {state or 'gone'}"
        return running.skipped(of, f"Its job has moved on: {what}.")


def _refusal(action: base.ActionId, of: base.Ref, found: Found) -> str:
    if action == offers.RUN:
        if found.cron is None:
            return _OTHER
        return "" if found.cron.runnable else _SECRET
    if found.cron is not None:
        return _CODE
    return _REPEATS if found.queue else ""


def _job(cron: crons.Cron) -> tuple[str | bytes, ...]:
    """What RQ would write of it."""
    args, kwargs = _json(cron.facts.get("args")) or (), _json(cron.facts.get("kwargs")) or {}
    data, call = crons.call(cron.function, args, kwargs)
    options = (cron.facts.get(name) for name in _OPTIONS)
    return data, call, *("" if one is None else str(one) for one in options)


def _json(words: Any) -> Any:
    return json.loads(words) if isinstance(words, str) and words else None


def _own(source: str, of: base.Ref) -> str:
    found = running.ids(source, of, "schedule", 1)
    if found is None:
        raise errors.NotFound(f"{of} is no schedule.")
    return found[0].partition(":")[2]


def _words(answer: running.Answer) -> running.Reply:
    if not isinstance(answer, list):
        raise errors.SourceError(f"Redis answered {answer!r} to a script.")
    return answer
