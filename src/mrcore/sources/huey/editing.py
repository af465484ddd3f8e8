"""`job.edit` and `job.duplicate`: a job's message written anew, with another payload or id."""

from __future__ import annotations

import functools
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from pydantic import JsonValue

from mrcore import errors
from mrcore.journal import ghosts, reader, scripts
from mrcore.model import base, plans, ref
from mrcore.queues import expiry
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
    payload,
    running,
)
from mrcore.sources.redis import link

ACTIONS = (offers.EDIT, offers.DUPLICATE)
_COPIES = uuid.UUID("3d2f8b0e-64f1-4a43-9a0e-2b6f0b7a5c1d")
"""What ids of copies are made of: the same when an operation asks for it again."""

_GONE = "The copy is gone: it was removed, or has run and was trimmed."
_COPIED = "It has been duplicated meanwhile."


class Editing:
    """Plans and does both, and takes copies away again."""

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
        ops = payload.operations(args) if action == offers.EDIT else None
        left, late = acts.LeftOuts(), ops is not None and not expiry.renews(ops)
        chosen = choosing.chosen(self._looker, action, selection, progress, left, late=late)
        async for taken in chosen:
            told = await self._hand.run(functools.partial(self._facts, taken=taken, ops=ops))
            for seen, fact in zip(taken, told, strict=True):
                if isinstance(fact, str):
                    left.add(seen.ref, fact)
                    continue
                note = f"attempt {seen.attempts} → {seen.attempts + 1}" if ops is not None else ""
                guard = {**seen.guard, **fact}
                yield plans.Target(
                    ref=seen.ref, label=seen.label, guard=guard, note=note, at=seen.at
                )
        for one in left.told():
            yield one
        if ops:
            yield plans.Remark(text=f"changes {_paths(ops)}")
        elif action == offers.DUPLICATE:
            yield plans.Remark(text="the copy waits at the end of the queue and runs beside it")

    async def _facts(
        self, client: link.Client, taken: Sequence[looking.Seen], ops: list[JsonValue] | None
    ) -> list[plans.Args | str]:
        """What the guard of each needs beside what was seen, or why it cannot be."""
        found: dict[base.Ref, plans.Args | str] = {}
        queues: dict[str, dict[str, looking.Seen]] = {}
        for seen in taken:
            queues.setdefault(running.job(self._runner.source, seen.ref)[0], {})[seen.id] = seen
        for name, jobs in queues.items():
            at = await self._runner.place(client, name)
            if at is None:
                found |= {seen.ref: running.GONE for seen in jobs.values()}
            elif ops is None:
                asked = (("HGET", at.queue.job(job_id), "copies") for job_id in jobs)
                copies = await asking.ask(client, *asked)
                for seen, count in zip(jobs.values(), copies, strict=True):
                    found[seen.ref] = {"copies": (count or b"0").decode()}
            else:
                there = await originals.of(client, at, dict.fromkeys(jobs, "failed"))
                for job_id, seen in jobs.items():
                    found[seen.ref] = _why_not(there.get(job_id), ops) or {}
        return [found[seen.ref] for seen in taken]

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        ops = payload.operations(args) if action == offers.EDIT else None
        found = await self._hand.run(lambda client: self._apply(client, chunk, ops, by))
        return [found[target.ref] for target in chunk]

    async def _apply(
        self,
        client: link.Client,
        chunk: Sequence[plans.Target],
        ops: list[JsonValue] | None,
        by: plans.By,
    ) -> dict[base.Ref, plans.TargetOutcome]:
        outcomes: dict[base.Ref, plans.TargetOutcome] = {}
        for name, targets in originals.by_queue(self._runner.source, chunk).items():
            at = await self._runner.place(client, name)
            if at is None:
                gone = (one.ref for one in targets.values())
                outcomes |= {of: running.skipped(of, running.GONE) for of in gone}
                continue
            states = {job_id: originals.state(one) for job_id, one in targets.items()}
            there = await originals.of(client, at, states)
            for job_id, target in targets.items():
                outcomes[target.ref] = await self._one(
                    client, at, job_id, target, there.get(job_id), ops, by
                )
        return outcomes

    async def _one(
        self,
        client: link.Client,
        at: scripts.Place,
        job_id: str,
        target: plans.Target,
        found: messages.Found | None,
        ops: list[JsonValue] | None,
        by: plans.By,
    ) -> plans.TargetOutcome:
        """Let the guard speak even where the message is not found: it says what has moved on."""
        message, of, copy_id = found.message if found else b"", target.ref, ""
        try:
            if ops is not None:
                script, call = "edit", self._edit(at, job_id, target, message, ops)
            else:
                copy_id = str(uuid.uuid5(_COPIES, source_base.mark(by, of, target.guard)))
                script, call = "duplicate", self._copy(at, job_id, target, message, copy_id)
        except (errors.BadRequest, reader.Unreadable, reader.NotPlain) as error:
            return running.failed(of, str(error))
        reply = await self._runner.one(client, script, call)
        if (refused := self._runner.failed(of, reply)) is not None:
            return refused
        became, state, attempts, *since = running.words(reply)
        match became:
            case "done" if ops is not None:
                return running.done(of, f"edited, attempt {attempts} → {int(attempts) + 1}")
            case "done":
                memento: plans.Args = {"copy": copy_id, "since": since[0]}
                made = ref.make(self._runner.source, "job", at.queue.name, copy_id)
                return running.done(of, f"copied as {made}", memento)
            case "gone":
                return running.skipped(of, running.GONE)
            case "copied":
                return running.skipped(of, _COPIED)
            case "no_message":
                return running.skipped(of, originals.LOST)
        return running.skipped(of, moving.moved(target.guard, state, attempts))

    def _edit(
        self,
        at: scripts.Place,
        job_id: str,
        target: plans.Target,
        message: bytes,
        ops: list[JsonValue],
    ) -> link.Command:
        data, fields = payload.edited(message, ops) if message else (b"", {})
        attempts, since = (str(target.guard.get(name, "")) for name in ("attempts", "since"))
        return self._runner.call(at, job_id, attempts, since, message, data, *scripts.flat(fields))

    def _copy(
        self, at: scripts.Place, job_id: str, target: plans.Target, message: bytes, copy_id: str
    ) -> link.Command:
        names = ("state", "attempts", "since", "copies")
        guard = [str(target.guard.get(name, "")) for name in names]
        if not message:  # the guard says what has become of it; nothing is enqueued
            return self._runner.call(at, copy_id, job_id, *guard[:3], "-1", b"")
        data = reader.rewritten(message, id=copy_id, eta=None, expires_resolved=None)
        enqueued_at = scripts.stamp(self._runner.now().timestamp())
        fields = {**ghosts.described(reader.read(data)), "enqueued_at": enqueued_at}
        return self._runner.call(at, copy_id, job_id, *guard, data, *scripts.flat(fields))

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        copies = [self._copy_ref(one) for one in done]
        seen = {found.ref: found for found in await self._looker.refs(copies)}
        for one, copy_ref in zip(done, copies, strict=True):
            job = seen[copy_ref]
            if job.state == "waiting" and job.since == one.memento.get("since"):
                note = f"{job.label} is taken out of its queue"
                yield one.target.model_copy(update={"guard": job.guard, "note": note})
            else:
                what = f"is {job.state}" if job.state else "is gone"
                yield running.left(one.target.ref, f"Its copy does not wait any more: it {what}.")

    def _copy_ref(self, one: plans.Undoable) -> base.Ref:
        name, _ = running.job(self._runner.source, one.target.ref)
        return ref.make(self._runner.source, "job", name, str(one.memento["copy"]))

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        return [await self._hand.run(functools.partial(self._away, one=one)) for one in chunk]

    async def _away(self, client: link.Client, one: plans.Undoable) -> plans.TargetOutcome:
        of, copy_id = one.target.ref, str(one.memento["copy"])
        name, job_id = running.job(self._runner.source, of)
        at = await self._runner.place(client, name)
        if at is None:
            return running.skipped(of, running.GONE)
        there = await originals.of(client, at, {copy_id: "waiting"})
        message, side, _ = there.get(copy_id, messages.Found(b"", 1))
        since = str(one.target.guard.get("since", ""))
        call = self._runner.call(at, copy_id, job_id, since, message, side)
        reply: Any = await self._runner.one(client, "unduplicate", call)
        if (refused := self._runner.failed(of, reply)) is not None:
            return refused
        became, state, _ = running.words(reply)
        if became == "done":
            return running.done(of, f"The copy {copy_id} is taken out of its queue.")
        if became == "gone":
            return running.skipped(of, _GONE)
        what = "a worker is taking it" if became == "taken" else f"it is {state}"
        return running.skipped(of, f"The copy has moved on: {what}.")


def _why_not(found: messages.Found | None, ops: list[JsonValue]) -> str:
    """Why a message cannot be edited so, or ''."""
    if found is None:
        return choosing.NOT_KEPT
    try:
        payload.edited(found.message, ops)
    except (errors.BadRequest, reader.Unreadable, reader.NotPlain) as error:
        return str(error)
    return ""


def _paths(ops: list[JsonValue]) -> str:
    """What a patch touches, without its values."""
    paths = [str(op.get("path")) for op in ops if isinstance(op, dict) and op.get("op") != "test"]
    return ", ".join(dict.fromkeys(path or "all" for path in paths))
