"""A recording, played to the rules that ship under a clock of its own, round and round."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from mrcore.alerts import book, rule
from mrcore.model import base, core, wire
from mrcore.model import ref as refs
from mrcore.store import alerts as store
from tests.core.alerts import room

RECORDING = Path(__file__).parent / "quiet.jsonl.gz"
EVERY_S = book.USUAL.total_seconds()
"""How often the rules are asked: of a longer time no more would count."""

Rows = dict[base.Ref, dict[str, Any]]
Points = dict[tuple[str, base.Ref], float]


class Frame(NamedTuple):
    """What was so at a second: of each source when it was sampled; rows and points of all."""

    at_s: float
    sampled: dict[str, float]
    rows: Rows
    points: Points


Fault = Callable[[Frame, float], None]
"""What a test does to what was recorded, given the seconds since the beginning."""


def frames(every_s: float) -> Iterator[Frame]:
    """What was recorded, every so many seconds."""
    sampled: dict[str, float] = {}
    rows: Rows = {}
    points: Points = {}
    with gzip.open(RECORDING, "rt") as lines:
        next(lines)
        for number, line in enumerate(lines):
            at, fresh = json.loads(line)
            sampled.update(at)
            for key, value in fresh.items():
                _apply(rows, points, key, value)
            if number % every_s == 0 and sampled:
                yield Frame(max(sampled.values()), dict(sampled), dict(rows), dict(points))


def _apply(rows: Rows, points: Points, key: str, value: Any) -> None:
    if " " in key:
        metric, of = key.split(" ", 1)
        points[metric, of] = value
    elif value is None:
        rows.pop(key, None)
        for gone in [each for each in points if each[1] == key]:
            del points[gone]
    else:
        both = rows.get(key, {}) | value
        rows[key] = {name: one for name, one in both.items() if one is not None}


class Replay(room.Room):
    """A room whose sources say what was recorded."""

    def __init__(self, state: Path) -> None:
        super().__init__(state, rule.load(rule.shipped(), None))
        self._sources: list[core.SourceStatus] = []
        self._made: dict[base.Ref, tuple[dict[str, Any], base.Entity]] = {}

    def statuses(self) -> list[core.SourceStatus]:
        return self._sources

    async def play(self, hours: float, fault: Fault | None = None) -> None:
        """Everything that was recorded, again and again until so many hours are over."""
        recorded = list(frames(EVERY_S))
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
                await self._show(frame, later)

    async def _show(self, frame: Frame, later: timedelta) -> None:
        self.at = datetime.fromtimestamp(frame.at_s, UTC) + later
        made = {of: self._entity(of, row, later) for of, row in frame.rows.items()}
        self._sources = [each for each in made.values() if isinstance(each, core.SourceStatus)]
        for source, at_s in frame.sampled.items():
            at = datetime.fromtimestamp(at_s, UTC) + later
            own = tuple(each for each in made.values() if refs.source_of(each.ref) == source)
            points = tuple(
                wire.Point(metric=metric, ref=of, at=at, value=value)
                for (metric, of), value in frame.points.items()
                if refs.source_of(of) == source
            )
            self.series.record(points)
            self.hub.publish(source, wire.Sample(at=at, entities=own, points=points))
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
async def opened(state: Path) -> AsyncIterator[Replay]:
    """A replay that is closed at the end."""
    made = Replay(state)
    try:
        yield made
    finally:
        await made.ledger.close()
        await made.history.close()
