"""Failed jobs by fingerprint: the newest 10,000 of a queue, a portion at a time.

A failure does not change: what one look has read of it the next does not read again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from urllib import parse

from mrcore import errors, match
from mrcore.model import plans, queue, ref, wire
from mrcore.queues import fingerprint, groups
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, jobs, keys, offers, record, rights

MOST = 10_000
BUDGET_S = 0.2
LONGEST_S = 1.0
AGAIN_S = 1.0
"""How often a follow looks whether there is more."""

PORTION = 250
QUEUES = 20
"""Of so many queues it is remembered what their failures were."""


class Failure(NamedTuple):
    """What is remembered of one; `score` is its place in the registry."""

    score: str
    ended_at: datetime | None
    print: fingerprint.Print
    name: str


Known = dict[str, Failure]
"""Failures by job id."""


class Failures:
    """Groups the failures of one source's queues."""

    def __init__(self, source: str, who: rights.Rights) -> None:
        self._source = source
        self._who = who
        self._known: dict[str, Known] = {}

    async def page(
        self,
        client: link.Client,
        name: str,
        query: plans.Query,
        cursor: str | None,
        now: datetime,
        wait_s: float = 0.0,
    ) -> wire.Page:
        """The commonest groups of what was looked at within 200 ms, or `wait_s` if that is more.

        The cursor leads on to the next groups, or, where not all was looked at, to a longer look.
        """
        first = _first(cursor)
        keep = match.of(query.text)
        began = time.perf_counter()
        failed = keys.where("failed", name)
        total, newest = await asking.ask(
            client, ("ZCARD", failed), ("ZREVRANGE", failed, 0, MOST - 1, "WITHSCORES")
        )
        placed = [jobs.Placed(asking.text(m), asking.text(s)) for m, s in asking.pairs(newest)]
        old = self._known.pop(name, {})
        known = {p.job_id: f for p in placed if (f := old.get(p.job_id)) and f.score == p.score}
        unread = [one for one in placed if one.job_id not in known]
        until_s = began + max(BUDGET_S, min(wait_s, LONGEST_S))
        looked = len(placed) - len(unread)
        for start in range(0, len(unread), PORTION):
            some = unread[start : start + PORTION]
            known |= await self._read(client, some)
            looked += len(some)
            if time.perf_counter() > until_s:
                break
        tally = groups.Tally(self._source, "rq", name)
        prefix = ref.make(self._source, "job", name)
        for job_id, one in known.items():
            of = f"{prefix}/{parse.quote(job_id, safe='')}"
            tally.count(one.print, of, one.name, one.ended_at)
        self._remember(name, known)
        total, whole = asking.whole(total), looked == len(placed)
        actions = self._who.offered((offers.RETRY, offers.QUARANTINE, offers.REMOVE))
        made = tally.rows(now, MOST, whole=whole and total <= MOST, actions=actions)
        shown = [row for row in made if _wanted(row, query, keep)]
        return _page(shown, first, query.limit, looked, total, now, whole=whole)

    def _remember(self, name: str, known: Known) -> None:
        self._known[name] = known
        while len(self._known) > QUEUES:
            self._known.pop(next(iter(self._known)))

    async def _read(self, client: link.Client, some: Sequence[jobs.Placed]) -> Known:
        """The failures of a portion; those that RQ has forgotten are left out."""
        found = Known()
        commands: list[link.Command] = []
        for job_id, _ in some:
            commands.append(("HMGET", keys.job(job_id), "ended_at", "description"))
            commands.append(("XREVRANGE", keys.results(job_id), "+", "-", "COUNT", 1))
        replies = await asking.ask(client, *commands)
        for one, values, entries in zip(some, replies[::2], replies[1::2], strict=True):
            ended, call = values or (None, None)
            if ended is None and call is None:
                continue
            trace = record.trace(entries)
            print_ = fingerprint.of("", trace)
            job_name = record.name(asking.text(call))
            at = record.instant(ended)
            found[one.job_id] = Failure(one.score, at, print_, job_name)
        return found


def _first(cursor: str | None) -> int:
    """Raises NotFound for a cursor that is not ours."""
    try:
        found = json.loads(cursor) if cursor else 0
    except ValueError:
        found = None
    if not isinstance(found, int) or found < 0:
        raise errors.NotFound(f"The cursor {cursor!r} leads nowhere.")
    return found


def _wanted(row: queue.FailureGroup, query: plans.Query, keep: match.Matches) -> bool:
    if query.text and not keep(f"{row.title} {row.code} {row.frame} {' '.join(row.names)}"):
        return False
    if query.fingerprint and row.fingerprint != query.fingerprint:
        return False
    return not query.name or query.name in row.names


def _page(
    shown: list[queue.FailureGroup],
    first: int,
    limit: int,
    looked: int,
    total: int,
    now: datetime,
    *,
    whole: bool,
) -> wire.Page:
    rows = tuple(shown[first : first + limit])
    after = first + limit
    cursor = None
    if not whole:
        cursor = json.dumps(first)
    elif after < len(shown):
        cursor = json.dumps(after)
    told = wire.Looked(scanned=looked, total=total, complete=cursor is None)
    return wire.Page(at=now, rows=rows, cursor=cursor, looked=told)
