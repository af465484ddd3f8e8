"""Runs that have ended, from RQ's registries of what finished and failed.

RQ tells nobody: a registry is sorted by when RQ forgets the job. Each look reads on from the last
one upwards, at most 300 of a registry, and looks at both of its ends; what was not there before is
captured. What RQ deletes at once (`result_ttl=0`) is not in them: that is `vanishing`'s. Of a queue
whose jobs are kept for different times those in between may be missed.

A sample does not wait for any of it: it takes what has been read, and asks for the next look, which
goes in small portions with pauses between them, in a task of its own.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from mrcore import errors
from mrcore.model import queue, ref
from mrcore.queues import capture
from mrcore.sources import kept
from mrcore.sources.redis import link
from mrcore.sources.rq import asking, keys, record

TOP = 20
BOTTOM = 10
MOST = 300
REMEMBERED = 5_000
"""Jobs of each registry that are remembered."""

PORTION, SPOTS = 20, 8
"""Jobs that are read, and registries that are looked at, while nobody else gets a turn: some ms."""

PAUSE_S = 0.02
"""Between two portions, so that no more than a fifth of a core goes into this."""

RUNS = 4_000
"""A sample may have 5,000; what is more waits for the next one."""

_STATES = ("finished", "failed")


class _Spot(NamedTuple):
    """A registry: a queue and one of its states."""

    queue: str
    state: str

    @property
    def key(self) -> str:
        return keys.where(self.state, self.queue)


class Tail:
    """Follows the registries of one source's queues."""

    def __init__(self, source: str, hand: kept.Kept[link.Client]) -> None:
        self._source = source
        self._hand = hand
        self._queues: tuple[str, ...] = ()
        self._asked = asyncio.Event()
        self._settled = asyncio.Event()
        self._seen: dict[_Spot, dict[bytes, bytes]] = {}
        self._tops: dict[_Spot, dict[bytes, bytes]] = {}
        self._cursors: dict[_Spot, tuple[bytes, int]] = {}
        self._ahead: list[tuple[_Spot, bytes]] = []  # seen, and kept until their hashes were read
        self._made: list[queue.Captured] = []
        self._late: set[str] = set()
        self._broken: Exception | None = None
        self.refused = ""

    def sentence(self) -> tuple[str, ...]:
        """What keeps runs from being captured, if anything does."""
        if self.refused:
            return (f"runs are not kept: {self.refused}",)
        late = ", ".join(sorted(self._late))
        return (f"behind with keeping runs of {late}",) if late else ()

    def take(self, queues: Sequence[str]) -> tuple[queue.Captured, ...]:
        """What has been read since the last call; asks for what has ended since in these queues.

        Raises what broke the last look, if it was a defect.
        """
        broken, self._broken = self._broken, None
        if broken is not None:
            self._asked.set()
            raise broken
        taken, self._made = tuple(self._made[:RUNS]), self._made[RUNS:]
        self._queues = tuple(queues)
        self._settled.clear()
        self._asked.set()
        return taken

    async def settled(self) -> None:
        """Wait until the look that the last `take` asked for has ended, well or not."""
        await self._settled.wait()

    async def follow(self) -> None:
        """Look whenever a sample has asked, until cancelled; a look that fails is made again."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self._look()
                self.refused = ""
            except errors.NotPermitted as error:
                self.refused = error.sentence
            except errors.SourceError:
                pass  # the sample on the other connection says why nothing can be seen
            except Exception as error:  # who samples next shall have it, and those after go on
                self._broken = error
                del self._ahead[:PORTION]
            if not self._asked.is_set():
                self._settled.set()

    async def _look(self) -> None:
        """What has ended since the last look; what was found before and not read comes first."""
        if not self._ahead:
            await self._find()
        while self._ahead and len(self._made) < RUNS:
            some = self._ahead[:PORTION]
            self._made += await self._hand.run(functools.partial(self._runs, fresh=some))
            del self._ahead[:PORTION]
            await asyncio.sleep(PAUSE_S)

    async def _find(self) -> None:
        """Which jobs have ended, of all queues."""
        spots = [_Spot(name, state) for name in self._queues for state in _STATES]
        there = set(spots)
        for of in (self._seen, self._tops, self._cursors):
            for spot in of.keys() - there:
                of.pop(spot)
        late: set[str] = set()
        for start in range(0, len(spots), SPOTS):
            some = spots[start : start + SPOTS]
            self._ahead += await self._hand.run(
                functools.partial(self._fresh, spots=some, late=late)
            )
            await asyncio.sleep(PAUSE_S if self._ahead else 0)
        self._late = late

    async def _fresh(
        self, client: link.Client, spots: Sequence[_Spot], late: set[str]
    ) -> list[tuple[_Spot, bytes]]:
        """Jobs that were not in these registries before, those that RQ keeps longest last.

        `late` takes the names of queues that have more than was read.
        """
        replies = await asking.ask(
            client,
            *(("ZRANGEBYSCORE", spot.key, *self._from(spot)) for spot in spots),
            *(("ZREVRANGE", spot.key, 0, TOP - 1, "WITHSCORES") for spot in spots),
            *(("ZRANGE", spot.key, 0, BOTTOM - 1, "WITHSCORES") for spot in spots),
        )
        looks = [list(asking.pairs(reply)) for reply in replies]
        there: dict[_Spot, list[tuple[bytes, bytes]]] = {}
        for number, spot in enumerate(spots):
            window, top, bottom = looks[number :: len(spots)]
            self._go_on(spot, window, top)
            self._left(spot, top)
            there[spot] = [*bottom, *window, *top[::-1]]
            if len(window) == MOST:
                late.add(spot.queue)
        fresh: list[tuple[_Spot, bytes]] = []
        for spot, pairs in there.items():
            new = self._new(spot, pairs)
            fresh += [(spot, member) for member in new]
            seen = self._seen.setdefault(spot, {})
            seen.update(new)
            for member in list(seen)[: max(0, len(seen) - REMEMBERED)]:
                del seen[member]
        return fresh

    def _from(self, spot: _Spot) -> tuple[str | bytes | int, ...]:
        low, skip = self._cursors.get(spot, (b"-inf", 0))
        return (low, "+inf", "WITHSCORES", "LIMIT", skip, MOST)

    def _go_on(
        self, spot: _Spot, window: list[tuple[bytes, bytes]], top: list[tuple[bytes, bytes]]
    ) -> None:
        """The next look begins at the last that was read, or among the last 20 of all.

        So a few that RQ keeps longer than others do not hide what ends after them.
        """
        low, skip = self._cursors.get(spot, (b"-inf", 0))
        if len(window) < MOST:
            self._cursors[spot] = (top[-1][1] if top else b"-inf", 0)
        elif window[-1][1] == low:  # very many of one second
            self._cursors[spot] = (low, skip + MOST)
        else:
            self._cursors[spot] = (window[-1][1], 0)

    def _left(self, spot: _Spot, top: list[tuple[bytes, bytes]]) -> None:
        """Who has gone from the top runs again, and may be back within the same second."""
        now, seen = dict(top), self._seen.get(spot, {})
        for member in self._tops.get(spot, {}).keys() - now.keys():
            if not top or float(seen.get(member, b"0")) > float(top[-1][1]) or len(top) < TOP:
                seen.pop(member, None)
        self._tops[spot] = now

    def _new(self, spot: _Spot, pairs: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
        """A job that ran again has another score."""
        seen = self._seen.get(spot, {})
        return {member: score for member, score in pairs if seen.get(member) != score}

    async def _runs(
        self, client: link.Client, fresh: Sequence[tuple[_Spot, bytes]]
    ) -> list[queue.Captured]:
        """Those of them that RQ has not deleted meanwhile."""
        commands: list[link.Command] = []
        for _, member in fresh:
            job_id = asking.text(member)
            commands.append(("HMGET", keys.job(job_id), *record.SUMMARY))
            commands.append(("XREVRANGE", keys.results(job_id), "+", "-", "COUNT", 1))
            commands.append(("XLEN", keys.results(job_id)))
        replies = await asking.ask(client, *commands)
        made = []
        for number, (spot, member) in enumerate(fresh):
            run = self._run(spot, asking.text(member), *replies[3 * number : 3 * number + 3])
            if run is not None:
                made.append(run)
        return made

    def _run(
        self, spot: _Spot, job_id: str, values: Any, results: Any, attempts: Any
    ) -> queue.Captured | None:
        found = record.summary(job_id, values) if isinstance(values, list) else None
        if found is None:
            return None
        last = next((record.attempt(entry) for entry in asking.some(results)), None)
        finished_at = (last.ended_at or last.at if last else None) or found.ended_at
        if finished_at is None:
            return None
        failed = spot.state == "failed"
        trace = (last.trace if last and last.trace else found.trace) if failed else ""
        lines = trace.rstrip().splitlines()
        return capture.run(
            ref.make(self._source, "job", spot.queue, job_id),
            engine="rq",
            queue_name=spot.queue,
            job_id=job_id,
            name=found.name,
            failed=failed,
            outcome=last.outcome if last else "",
            attempts=max(1, asking.whole(attempts)),
            error=lines[-1].strip() if lines else "",
            trace=trace,
            enqueued_at=found.enqueued_at or found.created_at,
            started_at=(last.started_at if last else None) or found.started_at,
            finished_at=finished_at,
        )
