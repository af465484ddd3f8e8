"""Looking at jobs for a plan: many at once, only what the plan needs of them."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from mrcore import errors
from mrcore.journal import record, scripts
from mrcore.model import base, plans, ref, wire
from mrcore.queues import expiry
from mrcore.sources import kept
from mrcore.sources.engine import looking as engine_looking
from mrcore.sources.engine import walking
from mrcore.sources.huey import (
    asking,
    discover,
    expiring,
    jobs,
    prints,
    rows,
    running,
)
from mrcore.sources.redis import link

_QUEUED = ("waiting", "delayed")
ENDED = ("failed", "completed")
"""States whose score is when a job ended."""

PORTION = 500
"""Jobs that one script looks at: 2 ms of Redis."""


class Seen(NamedTuple):
    """A job as a plan needs it; `state` is '' where the journal has none, and `gone` says why then.

    `since` is its score there; `until` and `expired` say how long it may run, and why not any more,
    where that was asked.
    """

    ref: base.Ref
    id: str
    state: str
    attempts: int
    since: str
    name: str
    kept: bool
    gone: str = running.GONE
    expired: str = ""
    until: datetime | None = None

    @property
    def at(self) -> datetime | None:
        """Since when it is so; a delayed job's score is when it is due."""
        return None if self.state == "delayed" else rows.instant(record.number(self.since.encode()))

    @property
    def label(self) -> str:
        """Its task and id; an id that is not huey's own may tell of somebody."""
        return engine_looking.label(self.name, self.id)

    @property
    def guard(self) -> plans.Args:
        facts: plans.Args = {"state": self.state, "attempts": self.attempts, "since": self.since}
        return {**facts, **expiry.guard(self.until)}


Looked = engine_looking.Looked[Seen]


class Looker:
    """Looks at the jobs of one source."""

    def __init__(
        self,
        hand: kept.Kept[link.Client],
        runner: running.Runner,
        shelf: jobs.Jobs,
        known: prints.Prints,
    ) -> None:
        self._hand = hand
        self._runner = runner
        self._shelf = shelf
        self._prints = known

    async def selected(self, selection: plans.Selection) -> AsyncIterator[Looked]:
        """What is selected, in portions of at most 500.

        Raises NotFound, Unsupported and BadRequest for a collection that there is not, and
        NotPermitted.
        """
        async for looked in engine_looking.chosen(selection.refs, self.refs, PORTION):
            yield looked
        if not selection.ref:
            return
        if selection.collection != "jobs":
            raise errors.Unsupported(f"There is no collection {selection.collection!r}.")
        owner = await self._owner(selection.ref)
        query = selection.query
        if query.text or (walking.filters(query) and query.state not in ENDED):
            portions = self._filtered(owner, query)
        else:
            portions = self._whole(owner, query)
        async for looked in portions:
            yield looked

    async def refs(self, refs: Sequence[base.Ref]) -> list[Seen]:
        """Each of these, in their order; what is no job's ref is seen as gone."""
        seen = {of: Seen(of, "", "", 0, "", "", kept=False) for of in refs}
        by_queue: dict[str, list[str]] = {}
        for of in seen:
            if (found := running.ids(self._runner.source, of, "job", 2)) is not None:
                by_queue.setdefault(found[0], []).append(found[1])
        for name, ids in by_queue.items():
            place = await self._place(name)
            if place is None:
                continue
            there = await self._look(self._at(place), "", *ids) if place.journalled else []
            seen |= {one.ref: one for one in there if one.ref in seen and one.state}
            missing = [ref.make(self._runner.source, "job", name, job_id) for job_id in ids]
            missing = [of for of in missing if of in seen and not seen[of].state]
            if missing and await self._strangers(place, _QUEUED):
                seen |= {of: seen[of]._replace(gone=running.UNKNOWN) for of in missing}
        return list(seen.values())

    async def strangers(self, selection: plans.Selection) -> int:
        """How many jobs of a whole selection the journal has not: huey's messages beyond its own.

        A filter finds them one by one.
        """
        if not selection.ref or walking.filters(selection.query):
            return 0
        owner = await self._owner(selection.ref)
        states = jobs.states(owner, selection.query.state)
        return await self._strangers(owner, [state for state in states if state in _QUEUED])

    async def _strangers(self, place: discover.Place, states: Sequence[str]) -> int:
        at = self._runner.root.queue(place.name)
        truths = {"waiting": place.waiting, "delayed": ("ZCARD", place.schedule)}
        commands = [c for state in states for c in (truths[state], ("ZCARD", at.state(state)))]
        counts = await self._hand.run(lambda client: asking.ask(client, *commands))
        pairs = zip(counts[::2], counts[1::2], strict=True)
        return sum(max(0, (truth or 0) - (known or 0)) for truth, known in pairs)

    async def _owner(self, of: base.Ref) -> discover.Place:
        """The queue whose jobs are meant. Raises NotFound."""
        found = running.ids(self._runner.source, of, "queue", 1)
        place = None if found is None else await self._place(found[0])
        if place is None:
            owner = f"{self._runner.source}/queue/NAME"
            raise errors.NotFound(f"There is no {of}; jobs belong to {owner}.")
        return place

    async def _place(self, name: str) -> discover.Place | None:
        root, found = self._runner.root, self._runner.found
        return await self._hand.run(lambda client: discover.place(client, root, found, name))

    def _at(self, place: discover.Place) -> scripts.Place:
        return scripts.Place(self._runner.root.queue(place.name), place.list, place.schedule)

    async def _whole(self, owner: discover.Place, query: plans.Query) -> AsyncIterator[Looked]:
        """All of one state, or of all, by score: those that come and go meanwhile do no harm."""
        states = jobs.states(owner, query.state)
        at = self._at(owner)
        counts = await self._hand.run(
            lambda client: asking.ask(
                client, *(("ZCARD", at.queue.state(state)) for state in states)
            )
        )
        total, looked = sum(counts), 0
        newest = query.order != "oldest"
        command = "ZREVRANGEBYSCORE" if newest else "ZRANGEBYSCORE"
        for state in states:
            edge, tied = ("+inf" if newest else "-inf"), 0
            while True:
                bounds = (edge, "-inf" if newest else "+inf")
                portion = await self._look(at, command, state, *bounds, tied, PORTION)
                looked += len(portion)
                if portion:
                    yield await self._meant(owner, query, portion), looked, total
                sound = [one for one in portion if one.state == state]
                if len(portion) < PORTION or not sound:
                    break
                last = sound[-1].since
                again = sum(1 for one in sound if one.since == last)
                edge, tied = last, (tied + again if last == edge else again)

    async def _meant(
        self, owner: discover.Place, query: plans.Query, portion: Sequence[Seen]
    ) -> Sequence[Seen]:
        """Those of a portion of ended jobs that a query without a text means."""
        if not walking.filters(query):
            return portion
        now = self._runner.now()
        some = [
            one
            for one in portion
            if (not query.name or one.name == query.name) and walking.spans(query, one.at, now)
        ]
        if not query.fingerprint:
            return some
        tried = {one.id: one.attempts for one in some if one.state == "failed"}
        known = await self._hand.run(lambda client: self._prints.of_jobs(client, owner.name, tried))
        return [one for one in some if one.id in known and known[one.id].id == query.fingerprint]

    async def unexpired(self, seen: Sequence[Seen]) -> list[Seen]:
        """The same, where those that must not run any more say why."""
        now, root = self._runner.now(), self._runner.root
        by_prefix: dict[str, dict[str, str]] = {}
        firsts: dict[str, base.Ref] = {}
        for one in seen:
            if one.state:
                prefix = one.ref.rpartition("/")[0]
                firsts.setdefault(prefix, one.ref)
                by_prefix.setdefault(prefix, {})[one.id] = one.name
        ends: dict[base.Ref, datetime] = {}
        for prefix, jobs_ in by_prefix.items():
            name, _ = running.job(self._runner.source, firsts[prefix])
            until = await self._hand.run(
                functools.partial(
                    expiring.of_jobs, at=root.queue(name), names=jobs_, limits=self._shelf.limits
                )
            )
            ends |= {ref.make(self._runner.source, "job", name, i): at for i, at in until.items()}
        return [
            one._replace(expired=expiry.expired(ends[one.ref], now), until=ends[one.ref])
            if one.ref in ends
            else one
            for one in seen
        ]

    def _filtered(self, owner: discover.Place, query: plans.Query) -> AsyncIterator[Looked]:
        """Those whose words match."""

        async def page(query: plans.Query, cursor: str | None) -> wire.Page:
            now = self._runner.now()
            return await self._hand.run(
                lambda client: self._shelf.page(client, owner, query, cursor, now)
            )

        return engine_looking.filtered(page, query, self.refs)

    async def _look(self, at: scripts.Place, *rest: scripts.Value) -> list[Seen]:
        call = self._runner.call(at, "", *rest)
        reply = await self._hand.run(lambda client: self._runner.look(client, call))
        if why := self._runner.refused(reply):
            raise errors.NotPermitted(why)
        prefix = ref.make(self._runner.source, "job", at.queue.name)
        return list(_seen(prefix, reply))


def _seen(prefix: str, reply: bytes) -> Iterator[Seen]:
    parsed: list[list[Any]] = json.loads(reply.decode("utf-8", "replace"))
    for job_id, state, attempts, since, task, has in parsed:
        of = f"{prefix}/{quote(job_id, safe='')}"
        name = task.rpartition(".")[2]
        yield Seen(of, job_id, state or "", int(attempts), since, name, has == 1)
