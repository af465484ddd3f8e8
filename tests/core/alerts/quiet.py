"""A recording, played to the rules that ship under a clock of its own."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mrcore.alerts import rule
from mrcore.model import base, core, wire
from mrcore.model import ref as refs
from mrcore.store import alerts as store
from tests.core.alerts import recording, room

RECORDING = Path(__file__).parent / "quiet.jsonl.gz"
SCALE = recording.head(RECORDING)["time_scale"]

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

    async def play(self, until_s: float, fault: Fault | None = None) -> None:
        """What was recorded of the quiet day, up to so many seconds of the recording."""
        begin_s = 0.0
        for frame in recording.frames(RECORDING):
            begin_s = begin_s or frame.at_s
            if frame.at_s - begin_s > until_s:
                return
            if fault is not None:
                fault(frame, frame.at_s - begin_s)
            await self.show(frame)

    async def show(self, frame: recording.Frame) -> None:
        """What was so then is so now; every rule is asked."""
        self.at = datetime.fromtimestamp(frame.at_s, UTC)
        made = {of: self._entity(of, row) for of, row in frame.rows.items()}
        self._sources = [each for each in made.values() if isinstance(each, core.SourceStatus)]
        at = {of: datetime.fromtimestamp(at_s, UTC) for of, at_s in frame.sampled.items()}
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

    def _entity(self, of: base.Ref, row: dict[str, Any]) -> base.Entity:
        """The entity of a row; made once."""
        if of not in self._made or self._made[of][0] is not row:
            self._made[of] = (row, base.KINDS[row["kind"]].model_validate(row))
        return self._made[of][1]

    async def woken(self) -> list[tuple[str, str]]:
        """What somebody was told of that is not only for the record: (rule, ref)."""
        found = await self.ledger.read(store.notices)
        return [
            (refs.parse(notice.alert).ids[0].decode(), notice.alert)
            for _, notice in found
            if notice.kind == "fired" and notice.severity != "info"
        ]


@contextlib.asynccontextmanager
async def opened(state: Path, time_scale: float = SCALE) -> AsyncIterator[Replay]:
    """A replay that is closed at the end."""
    made = Replay(state, time_scale)
    try:
        yield made
    finally:
        await made.ledger.close()
        await made.history.close()
