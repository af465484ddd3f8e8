"""`schedule.run`: a schedule's job now, beside its ticks, once however often it is asked for."""

from __future__ import annotations

import functools
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from mrcore import errors
from mrcore.journal import ghosts, keys, reader, record, scripts
from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.huey import asking, looking, messages, offers, rows, running
from mrcore.sources.redis import link

ACTIONS = (offers.RUN,)
_JOBS = uuid.UUID("6f1c3a52-6f0b-4d8e-9a55-0c1c7c3f5d10")
"""What ids of jobs run by hand are made of: the same when an operation asks for it again."""

_UNKNOWN = "There is no such schedule (any more)."
_REMOVED = "It is removed: register it again first."
_NO_TEMPLATE = "Its scheduler does not publish the job's message: older, or compressed, or signed."


class Facts(NamedTuple):
    """What a schedule's hash says; instants as they are written."""

    name: str
    queue: str
    job: str
    last: str
    next_at: str
    template: bytes
    removed: bool
    paused: bool


class Scheduling:
    """Plans, does and undoes it."""

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
            facts = await self._hand.run(functools.partial(self._facts, of=of))
            progress(number + 1, len(selection.refs))
            if facts is None or facts.removed or not facts.template:
                known = _REMOVED if facts and facts.removed else _NO_TEMPLATE
                yield running.left(of, _UNKNOWN if facts is None else known)
                continue
            last = rows.instant(record.number(facts.last.encode()))
            yield plans.Target(
                ref=of,
                label=f"{facts.name} ({facts.job} of {facts.queue})",
                guard={"last_enqueued_at": facts.last},
                at=last,
            )
            if facts.paused:
                text = f"{facts.queue} is paused: the job waits until it is resumed"
                yield plans.Remark(text=text, level=base.Level.WARN)
            if (due := rows.instant(record.number(facts.next_at.encode()))) is not None:
                yield plans.Remark(text=f"{facts.name} is also due by itself: {due:%H:%M:%S} UTC")

    async def _facts(self, client: link.Client, of: base.Ref) -> Facts | None:
        found = running.ids(self._runner.source, of, "schedule", 1)
        if found is None:
            return None
        fields = ("queue", "job", "last_enqueued_at", "next_at", "template", "removed_at")
        declared, reply = await asking.ask(
            client,
            ("SISMEMBER", keys.SCHEDULES, found[0]),
            ("HMGET", keys.schedule(found[0]), *fields),
        )
        if not declared or not isinstance(reply, list) or reply[0] is None:
            return None
        name, job, last, due = ((value or b"").decode("utf-8", "replace") for value in reply[:4])
        paused = self._runner.root.queue(name).paused
        (since,) = await asking.ask(client, ("EXISTS", paused))
        return Facts(found[0], name, job, last, due, reply[4] or b"", bool(reply[5]), since == 1)

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        return [
            await self._hand.run(functools.partial(self._enqueue, target=target, by=by))
            for target in chunk
        ]

    async def _enqueue(
        self, client: link.Client, target: plans.Target, by: plans.By
    ) -> plans.TargetOutcome:
        of, last = target.ref, str(target.guard.get("last_enqueued_at", ""))
        facts = await self._facts(client, of)
        at = await self._runner.place(client, facts.queue) if facts else None
        if facts is None or at is None:
            return running.skipped(of, f"It has moved on: {_UNKNOWN}")
        job_id = str(uuid.uuid5(_JOBS, source_base.mark(by, of, target.guard)))
        data = facts.template.replace(keys.TEMPLATE_ID.encode(), job_id.encode())
        try:
            described = ghosts.described(reader.read(data))
        except reader.Unreadable as error:
            return running.failed(of, str(error))
        key = keys.schedule(facts.name)
        enqueued_at = scripts.stamp(self._runner.now().timestamp())
        fields = {**described, "enqueued_at": enqueued_at, "schedule": key}
        where = (data, key, last, keys.SCHEDULES, facts.name)
        call = self._runner.call(at, job_id, *where, *scripts.flat(fields))
        reply = await self._runner.one(client, "run", call)
        if (refused := self._runner.failed(of, reply)) is not None:
            return refused
        became, when, *since = running.words(reply)
        if became == "gone":
            return running.skipped(of, f"It has moved on: {_UNKNOWN}")
        if became == "moved":
            return running.skipped(of, self._meanwhile(when))
        memento: plans.Args = {"queue": facts.queue, "job": job_id, "since": since[0]}
        job_ref = ref.make(self._runner.source, "job", facts.queue, job_id)
        return running.done(of, f"enqueued as {job_ref}", {**memento, "at": when, "before": last})

    def _meanwhile(self, when: str) -> str:
        at = record.number(when.encode())
        if at is None:
            return "It has moved on: it is declared anew and has not been enqueued yet."
        ago_s = max(0.0, self._runner.now().timestamp() - at)
        return f"It has moved on: enqueued again {ago_s:.0f} s ago."

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        refs = [self._job(one) for one in done]
        seen = {found.ref: found for found in await self._looker.refs(refs)}
        for one, job_ref in zip(done, refs, strict=True):
            job = seen[job_ref]
            if job.state == "waiting" and job.since == one.memento.get("since"):
                yield one.target.model_copy(
                    update={"guard": job.guard, "note": f"{job.label} is taken out of its queue"}
                )
            else:
                what = f"is {job.state}" if job.state else "is gone"
                yield running.left(one.target.ref, f"Its job does not wait any more: it {what}.")

    def _job(self, one: plans.Undoable) -> base.Ref:
        facts = one.memento
        return ref.make(self._runner.source, "job", str(facts["queue"]), str(facts["job"]))

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        return [await self._hand.run(functools.partial(self._withdraw, one=one)) for one in chunk]

    async def _withdraw(self, client: link.Client, one: plans.Undoable) -> plans.TargetOutcome:
        of = one.target.ref
        found = running.ids(self._runner.source, of, "schedule", 1)
        if found is None:
            raise errors.NotFound(f"{of} is no schedule.")
        facts = {name: str(value) for name, value in one.memento.items()}
        at = await self._runner.place(client, facts["queue"])
        if at is None:
            return running.skipped(of, running.GONE)
        there, *_ = await messages.find(client, at, "waiting", {facts["job"]})
        message, side, _ = there.get(facts["job"], messages.Found(b"", 1))
        since = str(one.target.guard.get("since", ""))
        rest = (since, message, side, keys.schedule(found[0]), facts["at"], facts["before"])
        call = self._runner.call(at, facts["job"], *rest)
        reply: Any = await self._runner.one(client, "unrun", call)
        if (refused := self._runner.failed(of, reply)) is not None:
            return refused
        became, state, _ = running.words(reply)
        if became == "done":
            return running.done(of, f"{facts['job']} is taken out of its queue.")
        what = "a worker is taking it" if became == "taken" else f"it is {state or 'gone'}"
        return running.skipped(of, f"Its job has moved on: {what}.")
