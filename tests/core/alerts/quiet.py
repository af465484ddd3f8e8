"""A recording, played to the rules that ship under a clock of its own, round and round."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mrcore.alerts import book, rule
from mrcore.model import base, core, wire
from mrcore.model import ref as refs
from mrcore.store import alerts as store
from tests.core.alerts import recording, room

RECORDING = Path(__file__).parent / "quiet.jsonl.gz"
EVERY_S = book.USUAL.total_seconds()
"""How often the rules are asked, of lines a second: of a longer time no more would count."""

Fault = Callable[[recording.Frame, float], None]
"""What a test does to what was recorded, given the seconds since the beginning."""


class Replay(room.Room):
    """A room whose sources say what was recorded."""

    def __init__(self, state: Path, time_scale: float) -> None:
        super().__init__(state, rule.load(rule.shipped(), None, time_scale))
        self._sources: list[core.SourceStatus] = []
        self._made: dict[base.Ref, tuple[dict[str, Any], base.Entity]] = {}

    def statuses(self) -> list[core.SourceStatus]:
        return self._sources

    async def play(self, hours: float, fault: Fault | None = None) -> None:
        """Everything that was recorded, again and again until so many hours are over."""
        recorded = list(recording.frames(RECORDING, int(EVERY_S)))
        begin_s, end_s = recorded[0].at_s, recorded[-1].at_s + EVERY_S
        for turn in range(int(hours * 3600 / (end_s - begin_s)) + 1):
            later = timedelta(seconds=turn * (end_s - begin_s))
            self._made.clear()
            for frame in recorded:
                gone_s = frame.at_s - begin_s + later.total_seconds()
                if gone_s > hours * 3600:
                    return
                if fault is not None:
                    fault(frame, gone_s)
                await self.show(frame, later)

    async def show(self, frame: recording.Frame, later: timedelta = timedelta()) -> None:
        """What was so then is so now, that much later; every rule is asked."""
        self.at = datetime.fromtimestamp(frame.at_s, UTC) + later
        made = {of: self._entity(of, row, later) for of, row in frame.rows.items()}
        self._sources = [each for each in made.values() if isinstance(each, core.SourceStatus)]
        at = {
            source: datetime.fromtimestamp(at_s, UTC) + later
            for source, at_s in frame.sampled.items()
        }
        own = collections.defaultdict[str, list[base.Entity]](list)
        for each in made.values():
            own[refs.source_of(each.ref)].append(each)
        measured = collections.defaultdict[str, list[wire.Point]](list)
        for (metric, of), value in frame.points.items():
            source = refs.source_of(of)
            point = wire.Point(metric=metric, ref=of, at=at[source], value=value)
            measured[source].append(point)
        for source, then in at.items():
            points = tuple(measured[source])
            self.series.record(points)
            self.hub.publish(
                source, wire.Sample(at=then, entities=tuple(own[source]), points=points)
            )
        await self.book.ready()
        await self.book.look()

    def _entity(self, of: base.Ref, row: dict[str, Any], later: timedelta) -> base.Entity:
        """The entity of a row, its instants later by so much; made once."""
        if of in self._made and self._made[of][0] == row:
            return self._made[of][1]
        made = base.KINDS[row["kind"]].model_validate(row)
        moved = {
            name: value + later for name, value in made if isinstance(value, datetime) and later
        }
        made = made.model_copy(update=moved)
        self._made[of] = (dict(row), made)
        return made

    async def woken(self) -> list[tuple[str, str]]:
        """What somebody was told of that is not only for the record: (rule, ref)."""
        found = await self.ledger.read(store.notices)
        return [
            (refs.parse(notice.alert).ids[0].decode(), notice.alert)
            for _, notice in found
            if notice.kind == "fired" and notice.severity != "info"
        ]


@contextlib.asynccontextmanager
async def opened(state: Path, time_scale: float = 1.0) -> AsyncIterator[Replay]:
    """A replay that is closed at the end."""
    made = Replay(state, time_scale)
    try:
        yield made
    finally:
        await made.ledger.close()
        await made.history.close()
