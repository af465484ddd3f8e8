"""`worker.restart`: by the tool that runs the workers, or by asking a supervised one to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from mrcore import errors
from mrcore.adapters import base as adapters
from mrcore.journal import keys, scripts
from mrcore.model import base, plans, queue
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.huey import acts, asking, offers, rows, running
from mrcore.sources.redis import link

ACTIONS = (offers.RESTART,)
WISH_MS = 30_000
BACK_S = 45.0
LOOK_S = 0.25
_GONE = "There is no such worker (any more)."
_ALONE = "Nobody would start it again: it is not supervised, and the settings name no `restart`."


class Restarting:
    """Plans and does it; `unit` is what runs all workers of this source, if the settings say."""

    def __init__(
        self, hand: kept.Kept[link.Client], runner: running.Runner, unit: adapters.Unit | None
    ) -> None:
        self._hand = hand
        self._runner = runner
        self._unit = unit

    async def plan(
        self, action: base.ActionId, selection: plans.Selection, progress: source_base.Progress
    ) -> AsyncIterator[source_base.Planned]:
        staff = {worker.ref: worker for worker in await self._staff()}
        left, busy = acts.LeftOuts(), 0
        for number, of in enumerate(selection.refs):
            progress(number + 1, len(selection.refs))
            worker = staff.get(of)
            if worker is None or worker.verdict.code == "dead":
                left.add(of, _GONE if worker is None else "It is dead already.")
            elif not worker.supervised and self._unit is None:
                left.add(of, _ALONE)
            else:
                busy += len(worker.busy_with)
                yield _target(worker)
        for one in left.told():
            yield one
        if busy:
            yield self._remark(busy)

    def _remark(self, busy: int) -> plans.Remark:
        jobs = f"{busy} job{'s are' if busy > 1 else ' is'} running"
        if self._unit is None:
            return plans.Remark(text=f"{jobs}: they end first, or go back after 20 s")
        text = f"{jobs}: what does not end in time is cut off and runs again"
        return plans.Remark(text=text, level=base.Level.WARN)

    async def _staff(self) -> list[queue.Worker]:
        return await self._hand.run(self._ask)

    async def _ask(self, client: link.Client) -> list[queue.Worker]:
        root = self._runner.root
        (reply,) = await asking.ask(client, ("HGETALL", root.workers))
        items = reply if isinstance(reply, list) else []
        names = [name.decode("utf-8", "replace") for name in items[::2]]
        alive = await asking.ask(client, *(("EXISTS", root.alive(name)) for name in names))
        return [
            rows.worker(self._runner.source, name, value, alive=bool(there))
            for name, value, there in zip(names, items[1::2], alive, strict=True)
        ]

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], by: plans.By
    ) -> list[plans.TargetOutcome]:
        """All are asked at once, and waited for together."""
        if self._unit is not None:
            return [await self._by_unit(self._unit, target) for target in chunk]
        asked_at = self._runner.now()
        before = {worker.ref: worker for worker in await self._staff()}
        asked = [await self._wish(target) for target in chunk]
        waits = [
            self._done(before[target.ref], asked_at) if outcome is None else _known(outcome)
            for target, outcome in zip(chunk, asked, strict=True)
        ]
        return list(await asyncio.gather(*waits))

    async def _by_unit(self, unit: adapters.Unit, target: plans.Target) -> plans.TargetOutcome:
        worker = next((w for w in await self._staff() if w.ref == target.ref), None)
        if worker is None or _guard(worker) != target.guard or worker.verdict.code == "dead":
            return running.skipped(target.ref, "It has moved on: it ended, or began anew.")
        asked_at = self._runner.now()
        try:
            await unit.restart()
        except errors.SourceError as error:
            return running.failed(target.ref, str(error))
        return await self._done(worker, asked_at)

    async def _wish(self, target: plans.Target) -> plans.TargetOutcome | None:
        """Ask a worker to end; None when it has been asked."""
        of, guard = target.ref, target.guard
        name = running.ids(self._runner.source, of, "worker", 1) or ("",)
        at = scripts.Place(keys.Queue(self._runner.root, ""), "", "")
        rest = (str(guard.get("pid")), str(guard.get("started_at")), WISH_MS)
        call = self._runner.call(at, name[0], *rest)
        reply: Any = await self._hand.run(lambda c: self._runner.one(c, "restart", call))
        if (refused := self._runner.failed(of, reply)) is not None:
            return refused
        match running.words(reply)[0]:
            case "done":
                return None
            case "alone":
                return running.skipped(of, _ALONE)
        return running.skipped(of, "It has moved on: it ended, or began anew.")

    async def _done(self, old: queue.Worker, asked_at: datetime) -> plans.TargetOutcome:
        """Wait until another worker of its kind has begun; each is waited for on its own."""
        try:
            async with asyncio.timeout(BACK_S):
                while (new := _successor(await self._staff(), old, asked_at)) is None:  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            why = f"It was told to end, and no worker has begun in its place within {BACK_S:.0f} s."
            return running.failed(old.ref, why)
        return running.done(old.ref, f"{new.name} has begun in its place.")

    async def plan_undo(
        self, action: base.ActionId, done: Sequence[plans.Undoable]
    ) -> AsyncIterator[source_base.Planned]:
        raise errors.Unsupported(f"{action} cannot be undone.")
        yield

    async def undo(
        self, action: base.ActionId, chunk: Sequence[plans.Undoable], by: plans.By
    ) -> list[plans.TargetOutcome]:
        raise errors.Unsupported(f"{action} cannot be undone.")


def _guard(worker: queue.Worker) -> plans.Args:
    at = worker.started_at
    started = scripts.stamp(at.timestamp()) if at is not None else ""
    return {"pid": worker.pid, "started_at": started}


def _target(worker: queue.Worker) -> plans.Target:
    label = f"{worker.name} ({len(worker.queues)} queues)"
    return plans.Target(ref=worker.ref, label=label, guard=_guard(worker), at=worker.started_at)


def _successor(
    staff: Sequence[queue.Worker], old: queue.Worker, asked_at: datetime
) -> queue.Worker | None:
    """A living worker of the same host and queues that began after the old one was asked."""
    if any(w.ref == old.ref and w.verdict.code != "dead" for w in staff):
        return None
    for worker in staff:
        same = (worker.host, worker.queues) == (old.host, old.queues)
        late = worker.started_at is not None and worker.started_at >= asked_at
        if same and late and worker.verdict.code != "dead":
            return worker
    return None


async def _known(outcome: plans.TargetOutcome) -> plans.TargetOutcome:
    return outcome
