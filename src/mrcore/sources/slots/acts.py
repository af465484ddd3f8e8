"""`slots.clean` and `slots.enqueue`: the expired unbooked slots deleted now, or by a job.

A backend of ours says with an `ETag` which slots it would delete and takes that in `If-Match`: then
exactly these are deleted, or none. It honours `Idempotency-Key`, so that what a core did before it
ended is told, not done again. Another backend is looked at right before, and not asked to clean a
second time; enqueueing twice deletes nothing more.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from mrcore import errors
from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.sources.slots import link, listing, look, rows

ACTIONS = (rows.CLEAN, rows.ENQUEUE)
NOTHING = "No slot is expired and unbooked."
_NAMED = 8


@dataclass(frozen=True)
class Stale:
    """What is expired and unbooked now; `digest` is of the first 1,000, `tag` the backend's own."""

    count: int
    digest: str
    tag: str
    listed: tuple[rows.Row, ...]

    @property
    def guard(self) -> plans.Args:
        return {"count": self.count, "digest": self.digest, "tag": self.tag}


class Acts:
    """Plans and does both, on the one target `slots/all`."""

    def __init__(self, source: str, backend: link.Link, look_: look.Look) -> None:
        self._all = ref.make(source, "slots", "all")
        self._backend = backend
        self._look = look_

    async def plan(
        self, action: base.ActionId, selection: plans.Selection, progress: source_base.Progress
    ) -> AsyncIterator[source_base.Planned]:
        strange = [of for of in selection.refs if of != self._all]
        if strange:
            why = "It has no slots of its own to clean: all are cleaned at once."
            yield plans.LeftOut(why=why, count=len(strange), samples=tuple(strange[:10]))
        if self._all not in selection.refs:
            return
        stale = await self._stale()
        progress(1, 1)
        if not stale.count:
            yield plans.LeftOut(why=NOTHING, count=1, samples=(self._all,))
            return
        whose = Counter(row.name for row in stale.listed)
        guard = {"plan": uuid.uuid4().hex} if action == rows.ENQUEUE else stale.guard
        yield plans.Target(
            ref=self._all,
            label=f"{stale.count:,} expired unbooked slot{'s'[: stale.count > 1]}",
            guard=guard,
            note=f"of {len(whose):,} mentor{'s'[: len(whose) > 1]}",
            at=listing.oldest(stale.listed),
        )
        for remark in _said(action, stale, whose):
            yield remark

    async def apply(
        self, action: base.ActionId, chunk: Sequence[plans.Target], by: plans.By
    ) -> list[plans.TargetOutcome]:
        do = self._clean if action == rows.CLEAN else self._enqueue
        return [await do(target, by) for target in chunk]

    async def _clean(self, target: plans.Target, by: plans.By) -> plans.TargetOutcome:
        try:
            stale = await self._stale()
        except errors.SourceError as error:
            return _failed(target, f"{error} It was not done now.", doubtful=by.again)
        tag = str(target.guard.get("tag", ""))
        if stale.guard != target.guard:
            if not by.again:
                return _skipped(target, _moved(target, stale))
            if not (tag and stale.tag):
                return _failed(target, f"It may have been done. {_moved(target, stale)}", True)
        headers = {"idempotency-key": source_base.mark(by, rows.CLEAN, target.guard)}
        if tag:
            headers["if-match"] = tag
        try:
            answer = await self._backend.ask("DELETE", "cleanup", "slots", headers=headers)
            if answer.status == 412:
                return _skipped(target, _moved(target, await self._stale()))
            if answer.status == 409:
                return _failed(target, f"The backend says: {answer.said}.", doubtful=True)
            done = self._backend.read(rows.Cleaned, answer)
        except errors.SourceError as error:
            return _failed(target, f"{error} It may have been done.", doubtful=True)
        return _done(target, f"{done.deleted_count:,} deleted")

    async def _enqueue(self, target: plans.Target, by: plans.By) -> plans.TargetOutcome:
        headers = {"idempotency-key": source_base.mark(by, rows.ENQUEUE, target.guard)}
        try:
            if not by.again and not (await self._look.counts()).expired_unbooked:
                return _skipped(target, f"It has moved on: {NOTHING.lower()}")
            answer = await self._backend.ask("POST", "cleanup", "schedule", headers=headers)
            if answer.status == 409:
                return _failed(target, f"The backend says: {answer.said}.", doubtful=True)
            job = self._backend.read(rows.Enqueued, answer).job_id
        except errors.SourceError as error:
            return _failed(target, f"{error} It may have been done.", doubtful=True)
        if "idempotent-replayed" in answer.headers and not by.again:
            return _skipped(target, f"It was done before: job {job}.")
        return _done(target, f"job {job} waits on cleanupQueue" if job else "it is enqueued")

    async def _stale(self) -> Stale:
        """What a cleanup would delete now."""
        many = {"limit": link.LIST_MAX}
        answer = await self._backend.ask("GET", "cleanup", "slots", rows.STALE, query=many)
        found = self._backend.read(rows.Listed, answer).data
        count = len(found)
        if count == link.LIST_MAX:
            count = (await self._look.counts()).expired_unbooked
        ids = ",".join(sorted(str(row.id) for row in found))
        digest = hashlib.sha256(ids.encode()).hexdigest()[:32]
        tag = answer.headers.get("etag", "")
        return Stale(count=count, digest=digest, tag=tag, listed=tuple(found))


def _said(action: base.ActionId, stale: Stale, whose: Counter[str]) -> list[plans.Remark]:
    """Whose, and what to know before."""
    told = [
        plans.Remark(text=f"{name}: {count:,}, the oldest ended {_oldest(stale, name)}")
        for name, count in whose.most_common(_NAMED)
    ]
    if len(whose) > _NAMED:
        told.append(plans.Remark(text=f"and of {len(whose) - _NAMED:,} more mentors"))
    if stale.count > len(stale.listed):
        text = f"these are the first {len(stale.listed):,} of {stale.count:,}"
        told.append(plans.Remark(text=text, level=base.Level.WARN))
    if action == rows.ENQUEUE:
        text = "the job deletes what is expired and unbooked when it runs"
        return [*told, plans.Remark(text=text)]
    if not stale.tag:
        text = "this backend cannot check and act in one step: it is looked at right before"
        told.append(plans.Remark(text=text))
    if stale.count > link.LIST_MAX:
        text = "so many at once are heavy: enqueue their cleanup where the database is busy"
        told.append(plans.Remark(text=text, level=base.Level.WARN))
    return told


def _oldest(stale: Stale, name: str) -> str:
    at = listing.oldest(row for row in stale.listed if row.name == name)
    return f"{at:%Y-%m-%d %H:%M}Z" if at else ""


def _moved(target: plans.Target, stale: Stale) -> str:
    planned = target.guard.get("count")
    if planned == stale.count:
        return f"It has moved on: other {stale.count:,} slots are expired and unbooked now."
    return f"It has moved on: {planned} → {stale.count} expired unbooked slots."


def _done(target: plans.Target, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.DONE, why=why)


def _skipped(target: plans.Target, why: str) -> plans.TargetOutcome:
    return plans.TargetOutcome(ref=target.ref, outcome=plans.Outcome.SKIPPED, why=why)


def _failed(target: plans.Target, why: str, doubtful: bool = False) -> plans.TargetOutcome:
    outcome = plans.Outcome.FAILED
    return plans.TargetOutcome(ref=target.ref, outcome=outcome, why=why, doubtful=doubtful)
