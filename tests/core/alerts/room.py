"""Alerts over a Hub, series and ledger, under a clock that a test moves."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from mrcore import hub, series
from mrcore.alerts import book, live
from mrcore.alerts import rule as rules
from mrcore.model import alert, base, core, ref, wire
from mrcore.store import alerts as store
from mrcore.store import files
from tests.core.expr import recorded

KINDS = ("huey", "pg", "redis", "backend", "logs", "deploy", "stack", "core")


class Room:
    """Sources are what `sample` was told last; those in `away` fail since then."""

    def __init__(self, state: Path, known: Mapping[str, rules.Rule]) -> None:
        self.at = recorded.T0
        self.ledger = files.ledger(state)
        self.history = files.history(state)
        self.hub = hub.Hub("test", "1", now=self.now)
        self.series = series.Series(self.history, now=self.now)
        self.sources: Sequence[str] = KINDS
        self.away: dict[str, datetime] = {}
        self.says: dict[str, tuple[tuple[base.Entity, ...], dict[tuple[str, str], float]]] = {
            "core": ((), {})
        }
        self.news = 0
        self.book = book.Book(
            known, self.ledger, view=self.view, now=self.now, changed=self._changed
        )

    def now(self) -> datetime:
        return self.at

    def _changed(self) -> None:
        self.news += 1

    def view(self, now: datetime) -> live.Live:
        return live.Live(self.hub, self.series, self.statuses(), now)

    def statuses(self) -> list[core.SourceStatus]:
        return [self._status(name) for name in self.sources]

    def _status(self, name: str) -> core.SourceStatus:
        failing = self.away.get(name)
        state = "failing" if failing else "watching" if name in self.says else "starting"
        return core.SourceStatus(
            ref=ref.make("core", "source", name),
            name=name,
            source_kind=name,
            interval_s=1,
            deadline_s=2,
            state=state,
            since=failing,
        )

    def sample(
        self,
        source: str,
        entities: Iterable[base.Entity] = (),
        points: Mapping[tuple[str, base.Ref], float] | None = None,
    ) -> None:
        """What a source says from the next look on, until it is told otherwise or fails."""
        self.away.pop(source, None)
        self.says[source] = (tuple(entities), dict(points or {}))

    def fail(self, source: str) -> None:
        """A source gives no more samples."""
        self.away.setdefault(source, self.at)

    def publish(self) -> None:
        """Every source that is not away is sampled now."""
        for source, (entities, values) in self.says.items():
            if source in self.away:
                continue
            made = tuple(
                wire.Point(metric=metric, ref=of, at=self.at, value=value)
                for (metric, of), value in values.items()
            )
            self.series.record(made)
            self.hub.publish(source, wire.Sample(at=self.at, entities=entities, points=made))

    async def look(self, after_s: float = 0) -> list[tuple[str, str]]:
        """Move the clock on, sample and look as often as usual; what is shown then."""
        end = self.at + timedelta(seconds=after_s)
        while True:
            self.at = min(self.at + book.USUAL, end)
            await self.glance()
            if self.at == end:
                return self.shown()

    async def glance(self) -> None:
        """Sample and look once, however long nobody did."""
        self.publish()
        await self.book.ready()
        await self.book.look()

    def shown(self) -> list[tuple[str, str]]:
        """What is shown now: (rule, phase)."""
        return [(each.rule, each.phase.value) for each in self.alerts()]

    def alerts(self) -> list[alert.Alert]:
        return [each for each in self.book.entities() if isinstance(each, alert.Alert)]

    async def told(self) -> list[tuple[str, str]]:
        """Everything that was to be told until now: (kind, ref)."""
        found = await self.ledger.read(store.notices)
        return [(notice.kind, notice.alert) for _, notice in found]


@contextlib.asynccontextmanager
async def opened(
    state: Path, known: Mapping[str, rules.Rule], *, at: datetime = recorded.T0
) -> AsyncIterator[Room]:
    """A room that is closed at the end."""
    room = Room(state, known)
    room.at = at
    try:
        yield room
    finally:
        await room.ledger.close()
        await room.history.close()
