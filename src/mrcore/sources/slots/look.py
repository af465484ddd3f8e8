"""The live set: the counts of all, and of each mentor who is met in the lists."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Any, TypeVar

from mrcore import errors
from mrcore.model import slot, wire
from mrcore.sources.slots import link, rows

T = TypeVar("T")

MENTORS_MAX = 100


class Look:
    """Asks for all of it; whom a mentor's own route does not know is left out."""

    def __init__(self, source: str, backend: link.Link) -> None:
        self._source = source
        self._backend = backend

    async def sample(self, now: datetime) -> wire.Sample:
        """Counts of all and of at most 100 mentors. Raises the SourceError family."""
        counts = await self.counts()
        names, unlisted = await self._mentors(counts)
        asked = [self._mentor(of, name) for of, name in names.items()]
        found = [one for one in await _together(asked) if one is not None]
        every = rows.whole(self._source, counts, len(found), unlisted)
        points = tuple(
            wire.Point(metric=f"slots.{name}", ref=every.ref, at=now, value=value)
            for name, value in counts.model_dump().items()
        )
        return wire.Sample(at=now, entities=(every, *found), points=points)

    async def counts(self) -> slot.Counts:
        """The six counts of all."""
        found = await self._backend.get(rows.Statistics, "cleanup", "statistics")
        return found.data.counts

    async def listed(self, name: str) -> list[rows.Row]:
        """The first 1,000 slots of a filter."""
        many = {"limit": link.LIST_MAX}
        found = await self._backend.get(rows.Listed, "cleanup", "slots", name, query=many)
        return found.data

    async def mentor(self, of: uuid.UUID, name: str) -> slot.Mentor:
        """One mentor's counts. Raises NotFound."""
        found = await self._backend.get(rows.Statistics, "cleanup", "statistics", str(of))
        return rows.mentor(self._source, of, name, found.data.counts)

    async def _mentor(self, of: uuid.UUID, name: str) -> slot.Mentor | None:
        try:
            return await self.mentor(of, name)
        except errors.NotFound:
            return None

    async def _mentors(self, counts: slot.Counts) -> tuple[dict[uuid.UUID, str], str]:
        """Names by id, and of whom nothing is known: no route lists the mentors themselves."""
        lists = ["all"]
        if cut := counts.total > link.LIST_MAX:
            lists += ["future", rows.STALE]
        found = await _together([self.listed(name) for name in lists])
        names = {row.mentor_id: row.name for part in found for row in part}
        kept = dict(sorted(names.items(), key=lambda one: (one[1], one[0]))[:MENTORS_MAX])
        if len(names) > MENTORS_MAX:
            return kept, f"{MENTORS_MAX} of {len(names):,} mentors are shown"
        if cut:
            return kept, f"mentors without a slot among the first {link.LIST_MAX:,} are not shown"
        return kept, ""


async def _together(asked: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """All answers; where one fails, the others are asked no more."""
    tasks = [asyncio.create_task(one) for one in asked]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
