"""`worker.restart`: by the tool that runs the workers, or by asking a supervised one to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from mrcore import errors
from mrcore.adapters import base as adapters
from mrcore.journal import keys, scripts
from mrcore.model import base, plans, queue
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.engine import acts
from mrcore.sources.huey import asking, offers, rows, running
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
        self,
        action: base.ActionId,
        selection: plans.Selection,
        args: plans.Args,
        progress: source_base.Progress,
    ) -> AsyncIterator[source_base.Planned]:
        staff = {worker.ref: worker for worker in await self._staff()}
        left, taken = acts.LeftOuts(), list[queue.Worker]()
        for number, of in enumerate(selection.refs):
            progress(number + 1, len(selection.refs))
            worker = staff.get(of)
            if worker is None or worker.verdict.code == "dead":
                left.add(of, _GONE if worker is None else "It is dead already.")
            elif not worker.supervised and self._unit is None:
                left.add(of, _ALONE)
            else:
                taken.append(worker)
                yield _target(worker)
        for one in left.told():
            yield one
        if taken and self._unit is not None:
            living = [worker for worker in staff.values() if worker.verdict.code != "dead"]
            for remark in _by_unit(living, taken):
                yield remark
        elif busy := _busy(taken):
            yield plans.Remark(text=f"{_jobs(busy)}: they end first, or go back after 20 s")

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
        self, action: base.ActionId, chunk: Sequence[plans.Target], args: plans.Args, by: plans.By
    ) -> list[plans.TargetOutcome]:
        """All are asked at once, and waited for together."""
        before = await self._staff()
        if self._unit is not None:
            asked = await self._restart(self._unit, chunk, before)
        else:
            asked = [await self._wish(target) for target in chunk]
        news = _News(before)
        by_ref = {worker.ref: worker for worker in before}
        waits = [
            self._done(by_ref[target.ref], news) if outcome is None else _known(outcome)
            for target, outcome in zip(chunk, asked, strict=True)
        ]
        return list(await asyncio.gather(*waits))

    async def _restart(
        self, unit: adapters.Unit, chunk: Sequence[plans.Target], staff: Sequence[queue.Worker]
    ) -> list[plans.TargetOutcome | None]:
        """Restart the unit once, if any of these is as it was; None for those that it restarts."""
        guards = {w.ref: _guard(w) for w in staff if w.verdict.code != "dead"}
        asked = [None if guards.get(t.ref) == t.guard else _moved(t.ref) for t in chunk]
        if None in asked:
            try:
                await unit.restart()
            except errors.SourceError as error:
                why = str(error)
                asked = [a or running.failed(t.ref, why) for t, a in zip(chunk, asked, strict=True)]
        return asked

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
        return _moved(of)

    async def _done(self, old: queue.Worker, news: _News) -> plans.TargetOutcome:
        """Wait until another worker of its kind has begun; each is waited for on its own."""
        try:
            async with asyncio.timeout(BACK_S):
                while (new := news.successor(await self._staff(), old)) is None:  # noqa: ASYNC110
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


def _moved(of: base.Ref) -> plans.TargetOutcome:
    return running.skipped(of, "It has moved on: it ended, or began anew.")


def _busy(staff: Sequence[queue.Worker]) -> int:
    return sum(len(worker.busy_with) for worker in staff)


def _jobs(busy: int) -> str:
    return f"{busy} job{' is' if busy == 1 else 's are'} running"


def _by_unit(
    living: Sequence[queue.Worker], taken: Sequence[queue.Worker]
) -> Iterator[plans.Remark]:
    """What to know before: a unit restarts every worker, also those that are not targets."""
    parts = []
    if len(living) > len(taken):
        parts.append(f"restarts all {len(living)} workers of this source")
    if busy := _busy(living):
        parts += [_jobs(busy), "what does not end in time is cut off and runs again"]
    if parts:
        yield plans.Remark(text=": ".join(parts), level=base.Level.WARN)


class _News:
    """The workers that began since, each taken for one successor.

    They are told by not having been there before: the clocks of their hosts are others.
    """

    def __init__(self, before: Sequence[queue.Worker]) -> None:
        self._known = {_identity(worker) for worker in before}

    def successor(self, staff: Sequence[queue.Worker], old: queue.Worker) -> queue.Worker | None:
        """A new living worker of the same host and queues, once the old one has ended."""
        living = {_identity(w): w for w in staff if w.verdict.code != "dead"}
        if _identity(old) in living:
            return None
        for identity, worker in living.items():
            same = (worker.host, worker.queues) == (old.host, old.queues)
            if same and identity not in self._known:
                self._known.add(identity)
                return worker
        return None


def _identity(worker: queue.Worker) -> tuple[object, ...]:
    return worker.ref, worker.pid, worker.started_at


async def _known(outcome: plans.TargetOutcome) -> plans.TargetOutcome:
    return outcome
