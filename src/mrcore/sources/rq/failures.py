"""Failed jobs by fingerprint: the newest 10,000 of a queue, a portion at a time.

A failure does not change: what one look has read of it the next does not read again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from mrcore import errors, match
from mrcore.model import plans, queue, ref, wire
from mrcore.queues import fingerprint, groups
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, jobs, keys, offers, record, rights

MOST = 10_000
BUDGET_S = 0.2
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
        began, placed = time.perf_counter(), list[jobs.Placed]()
        (total,) = await asking.ask(client, ("ZCARD", keys.where("failed", name)))
        total = asking.whole(total)
        tally = groups.Tally(self._source, "rq", name)
        known, seen = self._known.pop(name, {}), Known()
        while len(placed) < min(MOST, total):
            start = len(placed)
            some = await jobs.portion(client, name, "failed", start, PORTION, newest=True)
            if not some:
                break
            placed += some
            seen |= await self._read(client, known, some)
            if time.perf_counter() - began > max(BUDGET_S, min(wait_s, 1.0)):
                break
        for job_id, one in seen.items():
            of = ref.make(self._source, "job", name, job_id)
            tally.count(one.print, of, one.name, one.ended_at)
        whole = len(placed) >= min(MOST, total)
        self._remember(name, seen if whole else known | seen)
        actions = self._who.offered((offers.RETRY, offers.QUARANTINE, offers.REMOVE))
        made = tally.rows(now, MOST, whole=whole and total <= MOST, actions=actions)
        shown = [row for row in made if _wanted(row, query, keep)]
        return _page(shown, first, query.limit, len(placed), total, now, whole=whole)

    def _remember(self, name: str, known: Known) -> None:
        self._known[name] = known
        while len(self._known) > QUEUES:
            self._known.pop(next(iter(self._known)))

    async def _read(self, client: link.Client, known: Known, some: Sequence[jobs.Placed]) -> Known:
        """The failures of a portion; those that are where they were have not failed again."""
        found = Known()
        unread: list[jobs.Placed] = []
        for one in some:
            old = known.get(one.job_id)
            if old is not None and old.score == one.score:
                found[one.job_id] = old
            else:
                unread.append(one)
        commands: list[link.Command] = []
        for job_id, _ in unread:
            commands.append(("HMGET", keys.job(job_id), "ended_at", "description"))
            commands.append(("XREVRANGE", keys.results(job_id), "+", "-", "COUNT", 1))
        replies = await asking.ask(client, *commands)
        for (job_id, score), values, entries in zip(
            unread, replies[::2], replies[1::2], strict=True
        ):
            ended, call = values or (None, None)
            fields = [b"failed" if call or ended else None, None, call, *(None,) * 8]
            if (job := jobs.summed(job_id, fields, 0, entries)) is not None:
                print_ = fingerprint.of(job.error, job.trace)
                found[job_id] = Failure(score, record.instant(ended), print_, job.name)
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
