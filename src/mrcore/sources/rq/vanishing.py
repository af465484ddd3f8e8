"""Runs that RQ deletes in the moment in which they succeed: `result_ttl=0`, of a job or a worker.

Nothing of them is left to be found later, so Redis is asked to tell which keys of jobs change
(CLIENT TRACKING with BCAST, Redis 6.0): a job is read when it does, and one that had begun and is
gone has succeeded. What fails stays, and what was removed before it began has not run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from mrcore import errors
from mrcore.model import queue, ref
from mrcore.queues import capture
from mrcore.sources import base as source_base
from mrcore.sources import kept
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, keys, record

CHANNEL = "__redis__:invalidate"
PREFIX = "rq:job:"
NAME = "mrcore-vanishing"
"""Of the connection that is told of changes."""

PORTION = 50
REMEMBERED = 5_000
"""Jobs that are known to wait or run, or to stay; keys that have changed and were not read yet."""

RUNS = 1_000
"""A sample takes so many."""

_NEEDS = "needs "
_STAYS = ("finished", "failed", "stopped", "canceled")


class _Known(NamedTuple):
    """A job that waits or runs, and that RQ may delete at once."""

    record: record.Record
    began_at: datetime | None


class Vanishing:
    """Follows the jobs of one Redis database; `only` are the queues that are wanted, or all."""

    def __init__(
        self,
        source: str,
        opener: link.Link,
        gate: asyncio.Lock,
        hand: kept.Kept[link.Client],
        only: frozenset[str],
        now: source_base.Now,
    ) -> None:
        self._source = source
        self._opener = opener
        self._gate = gate
        self._hand = hand
        self._only = only
        self._now = now
        self._known: dict[str, _Known] = {}
        self._staying: dict[str, None] = {}
        self._changed: dict[str, datetime] = {}
        self._made: list[queue.Captured] = []
        self._more = asyncio.Event()
        self._lost = 0
        self.refused = ""
        self.ready = asyncio.Event()
        """Set while Redis tells of changes."""

    def sentence(self) -> tuple[str, ...]:
        """What keeps such runs from being captured, if anything does."""
        return (f"jobs with result_ttl=0 leave no run: {self.refused}",) if self.refused else ()

    def take(self) -> tuple[tuple[queue.Captured, ...], int]:
        """The runs since the last call, and how many changes came faster than they were read."""
        taken, self._made = tuple(self._made[:RUNS]), self._made[RUNS:]
        lost, self._lost = self._lost, 0
        return taken, lost

    async def follow(self) -> None:
        """Until cancelled; a connection that is lost is opened again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._read())

    async def _listen(self) -> None:
        pause_s = kept.FIRST_PAUSE_S
        while True:
            try:
                async with self._gate:
                    client = await self._opener.open()
                try:
                    pause_s = kept.FIRST_PAUSE_S
                    await self._told(client)
                finally:
                    self.ready.clear()
                    await client.close()
            except errors.SourceError:
                pass  # the sample on another connection says why nothing can be seen
            except self._opener.failures:
                pass  # it was lost: it is opened again
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, kept.LONGEST_PAUSE_S)

    async def _told(self, client: link.Client) -> None:
        """Take what Redis tells, until the connection is lost."""
        self.refused = await listen(client)
        if not self.refused:
            self.ready.set()
        async for reply in client.follow():
            if isinstance(reply, list) and len(reply) == 3 and reply[0] == b"message":
                self._heard(reply[2])

    def _heard(self, told: object) -> None:
        """Keys that have changed; of none where all are forgotten (FLUSHALL)."""
        at = self._now()
        for key in told if isinstance(told, list) else ():
            job_id = asking.text(key).removeprefix(PREFIX)
            if not job_id or ":" in job_id or job_id in self._staying:
                continue
            if len(self._changed) >= REMEMBERED:
                self._lost += job_id not in self._changed
                continue
            self._changed[job_id] = at
        self._more.set()

    async def _read(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._changed:
                some = dict(list(self._changed.items())[:PORTION])
                for job_id in some:
                    del self._changed[job_id]
                try:
                    await self._look(some)
                except errors.SourceError:
                    break  # what it would have told is not known any more

    async def _look(self, some: dict[str, datetime]) -> None:
        fields = (*record.SUMMARY, "result_ttl")
        commands = [("HMGET", keys.job(job_id), *fields) for job_id in some]
        found = await self._hand.run(lambda client: asking.ask(client, *commands))
        for (job_id, at), values in zip(some.items(), found, strict=True):
            self._see(job_id, at, values)

    def _see(self, job_id: str, at: datetime, values: Sequence[bytes | None]) -> None:
        """Remember one that may vanish; take down one that has."""
        *summary, result_ttl = values
        now = record.summary(job_id, summary)
        was = self._known.pop(job_id, None)
        if now is None:
            if was is not None and was.began_at is not None:
                self._made.append(self._run(was.record, was.began_at, at))
            return
        if result_ttl not in (None, b"", b"0") or now.repeats_left:
            self._staying[job_id] = None
            _bound(self._staying)
            return
        began_at = now.started_at if now.status == "started" else None
        if now.status not in _STAYS and (not self._only or now.origin in self._only):
            self._known[job_id] = _Known(now, began_at)
            _bound(self._known)

    def _run(self, job: record.Record, began_at: datetime, at: datetime) -> queue.Captured:
        return capture.run(
            ref.make(self._source, "job", job.origin, job.id),
            engine="rq",
            queue_name=job.origin,
            job_id=job.id,
            name=job.name,
            failed=False,
            outcome="succeeded",
            attempts=1,
            enqueued_at=job.enqueued_at or job.created_at,
            started_at=began_at,
            finished_at=max(at, began_at),
        )


async def listen(client: link.Client) -> str:
    """Have a connection told which jobs change (Redis 6.0): `needs …`, words of ACL SETUSER, or why
    it cannot be; empty where it is. It takes no other commands afterwards.

    Raises what its link fails with.
    """
    mine, _ = await client.ask(("CLIENT", "ID"), ("CLIENT", "SETNAME", NAME))
    tracking: link.Command = ("CLIENT", "TRACKING", "OFF")  # whether it may, at least
    if isinstance(mine, int):
        tracking = ("CLIENT", "TRACKING", "ON", "REDIRECT", mine, "BCAST", "PREFIX", PREFIX)
    told, heard = await client.ask(tracking, ("SUBSCRIBE", CHANNEL))
    tried = ((mine, "CLIENT ID"), (told, "CLIENT TRACKING"), (heard, "SUBSCRIBE"))
    said = [_lacks(reply, name) for reply, name in tried if isinstance(reply, Exception)]
    why = next((one for one in said if not one.startswith(_NEEDS)), "")
    return why or (_NEEDS + " ".join(one.removeprefix(_NEEDS) for one in said) if said else "")


def _lacks(reply: Exception, command: str) -> str:
    """A channel is named only where it is what is missing: beside `&*` Redis takes none."""
    if str(reply).endswith("channel"):
        return f"{_NEEDS}&{CHANNEL}"
    return link.needs(reply, command)


def _bound(some: dict[str, _Known] | dict[str, None]) -> None:
    """The oldest go first."""
    while len(some) > REMEMBERED:
        del some[next(iter(some))]
