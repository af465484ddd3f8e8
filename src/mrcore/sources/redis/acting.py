"""Deleting keys and putting them back, on the kept connections: `hand` looks, `wing` writes."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator, Sequence

from mrcore import errors
from mrcore.model import base, plans, ref
from mrcore.model import redis as model
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.redis import canary, deleting, facts, link, own, rights, scan, trash, undoing

DELETE, REVEAL = "key.delete", "key.reveal"
PLANNED_AT_ONCE = 300

_IN_TRASH = base.Verdict(code="trash", why="deleted: it lies in the trash until its TTL has passed")


class Acting:
    """What may be done to keys, and doing it."""

    def __init__(
        self,
        source: str,
        login: str,
        hand: kept.Kept[link.Client],
        wing: kept.Kept[link.Client],
        now: source_base.Now,
        journals: Sequence[str],
    ) -> None:
        self._source = source
        self._login = login
        self._hand = hand
        self._wing = wing
        self._now = now
        self._journals = tuple(prefix.encode() for prefix in journals)
        self._may: rights.Rights | None = None
        self._asked: link.Client | None = None

    @property
    def actions(self) -> tuple[base.ActionId, ...]:
        """What this login can do; deleting too as long as nobody knows."""
        return (DELETE, REVEAL) if self._may is None or self._may.any else (REVEAL,)

    @property
    def missing(self) -> tuple[str, ...]:
        """What this login lacks to delete every key."""
        return (self._may.missing,) if self._may is not None and self._may.missing else ()

    def offer(self, row: model.Key) -> model.Key:
        """The row with what can be done to it; a key in the trash is marked."""
        if row.verdict.level is base.Level.UNKNOWN:
            return row
        name = ref.parse(row.ref).ids[0]
        actions = (REVEAL,) if own.refusal(name, self._journals) else self.actions
        verdict = _IN_TRASH if name.startswith(own.TRASH) else row.verdict
        return row.model_copy(update={"actions": actions, "verdict": verdict})

    async def allowed(self) -> rights.Rights:
        """What this login may do, asked again only on a new connection or after a refusal.

        Raises Unreachable where writes are not answered.
        """
        try:
            async with asyncio.timeout(canary.DEADLINE_S):
                return await self._wing.run(self._ask)
        except TimeoutError:
            raise errors.Unreachable(f"Nothing can be deleted: {canary.HANGS.why}.") from None

    async def _ask(self, client: link.Client) -> rights.Rights:
        if self._may is None or self._asked is not client:
            self._may = await rights.ask(client, self._login)
            self._asked = client
        return self._may

    async def plan(
        self, selection: plans.Selection, progress: source_base.Progress
    ) -> AsyncIterator[source_base.Planned]:
        """Targets, left-outs and remarks.

        Raises BadRequest for a filter that is no expression, NotPermitted without SCAN.
        """
        made = deleting.Deleting(await self.allowed(), self._journals)
        refs = tuple(dict.fromkeys(selection.refs))
        for begin in range(0, len(refs), PLANNED_AT_ONCE):
            named = refs[begin : begin + PLANNED_AT_ONCE]
            asked = [(each, deleting.key_of(self._source, each)) for each in named]
            found = await self._look([name for _, name in asked if name is not None])
            for part in made.sift(asked, found):
                yield part
            progress(min(begin + PLANNED_AT_ONCE, len(refs)), len(refs))
        if selection.ref:
            async for part in self._plan_all(made, selection.query, progress):
                yield part
        for remark in made.remarks():
            yield remark

    async def _plan_all(
        self, made: deleting.Deleting, query: plans.Query, progress: source_base.Progress
    ) -> AsyncIterator[source_base.Planned]:
        """All keys that fit, as SCAN finds them, each once."""
        scanner, keep = scan.Scanner(), scan.keep(query.text)
        query = query.model_copy(update={"limit": PLANNED_AT_ONCE})
        known: set[bytes] = set()
        cursor: str | None = None
        (size,) = await self._hand.run(lambda client: client.ask(("DBSIZE",)))
        while True:
            page = await self._hand.run(
                functools.partial(scanner.page, query=query, cursor=cursor, keep=keep)
            )
            names = [name for name in page.names if name not in known]
            known.update(names)
            found = await self._look(names)
            # A key that went between SCAN and the look is not one that was selected.
            asked = [(ref.make(self._source, "key", name), name) for name in names if name in found]
            for part in made.sift(asked, found):
                yield part
            looked = scan.looked(page, size if isinstance(size, int) else None)
            progress(looked.scanned, looked.total)
            cursor = page.cursor
            if cursor is None:
                return

    async def _look(self, names: Sequence[bytes]) -> dict[bytes, facts.Facts]:
        now = self._now()
        return await self._hand.run(
            functools.partial(facts.look, source=self._source, names=names, now=now)
        )

    async def delete(
        self, chunk: Sequence[plans.Target], by: plans.By
    ) -> list[plans.TargetOutcome]:
        """Delete those whose guard holds."""
        outcomes: list[plans.TargetOutcome] = []
        while len(outcomes) < len(chunk):
            begin = len(outcomes)
            # Values that the core keeps go one by one: of what was before a break all is known.
            size = trash.AT_ONCE if chunk[begin].guard["way"] == "trash" else 1
            some = chunk[begin : begin + size]
            try:
                work = functools.partial(trash.delete, chunk=some, by=by)
                outcomes += await self._wing.run(work)
            except errors.SourceError as error:
                if not outcomes:
                    raise
                outcomes += _broken(chunk[begin:], len(some), str(error))
                break
        return self._learnt(outcomes)

    async def prepare(
        self, chunk: Sequence[plans.Target], by: plans.By
    ) -> dict[base.Ref, plans.Args]:
        """What putting these back will need; they are not touched."""
        found: dict[base.Ref, plans.Args] = {}
        for begin in range(0, len(chunk), trash.AT_ONCE):
            some = chunk[begin : begin + trash.AT_ONCE]
            found |= await self._wing.run(functools.partial(trash.prepare, chunk=some, by=by))
        return found

    async def plan_undo(self, done: Sequence[plans.Undoable]) -> list[source_base.Planned]:
        """Targets and left-outs."""
        now = self._now()
        return await self._hand.run(
            functools.partial(undoing.plan, source=self._source, done=done, now=now)
        )

    async def undelete(self, chunk: Sequence[plans.Undoable]) -> list[plans.TargetOutcome]:
        """Put back those whose names are free."""
        outcomes: list[plans.TargetOutcome] = []
        for begin in range(0, len(chunk), trash.AT_ONCE):
            some = chunk[begin : begin + trash.AT_ONCE]
            outcomes += await self._wing.run(functools.partial(trash.undelete, chunk=some))
        return self._learnt(outcomes)

    def _learnt(self, outcomes: list[plans.TargetOutcome]) -> list[plans.TargetOutcome]:
        """After a refusal the rights are asked for anew: an ACL may have changed."""
        if any(outcome.outcome is plans.Outcome.FAILED for outcome in outcomes):
            self._asked = None
        return outcomes


def _broken(rest: Sequence[plans.Target], doubtful: int, why: str) -> Iterator[plans.TargetOutcome]:
    """What is said of those that were asked for when the connection broke, and of those behind."""
    for number, target in enumerate(rest):
        doubt = number < doubtful
        yield plans.TargetOutcome(
            ref=target.ref,
            outcome=plans.Outcome.FAILED,
            why=f"{why} It {'may have been' if doubt else 'was not'} done.",
            doubtful=doubt,
        )
