"""What the core of a stack says, from its one stream: what is live, what has fired, what runs."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from mrcore.expr import expression, views, windows
from mrcore.model import alert, base, core, run, wire
from mrcore.model import ref as refs

POINTS_MAX = 2_000
Phase = alert.Phase
T = TypeVar("T")


class Client(Protocol):
    """Who has the stream of a core."""

    def changes(self) -> AsyncIterator[wire.Snapshot | wire.Changed | wire.Touched]:
        """Events, the first of which is a snapshot."""
        ...


@dataclasses.dataclass
class Firing:
    """One firing of an alert, as it was seen last."""

    phases: list[Phase]
    alert: alert.Alert
    told: bool = False


class Watcher:
    """A view for expressions that is fed by `follow`; it also keeps the story."""

    def __init__(self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.firings: dict[tuple[base.Ref, str], Firing] = {}
        self.runs: dict[base.Ref, run.Run] = {}
        self.operations: dict[base.Ref, core.Operation] = {}
        self.verdicts: dict[base.Ref, list[tuple[datetime, str]]] = defaultdict(list)
        self.samples: dict[str, list[datetime]] = defaultdict(list)
        self._now = now
        self._lives: dict[str, dict[base.Ref, base.Entity]] = {}
        self._points: dict[tuple[str, base.Ref], deque[windows.Point]] = {}
        self._news = asyncio.Condition()
        self._over: Exception | None = None

    # The view

    @property
    def now(self) -> datetime:
        """The wall clock."""
        return self._now()

    def entities(self, kind: str) -> Iterable[base.Entity]:
        """Everything of a kind."""
        return [e for live in self._lives.values() for e in live.values() if e.kind == kind]

    def source_kind(self, ref: base.Ref) -> str:
        """The kind of the source that a ref is of."""
        status = self._lives.get("core", {}).get(refs.make("core", "source", refs.source_of(ref)))
        return status.source_kind if isinstance(status, core.SourceStatus) else ""

    def latest(self, metric: str, ref: base.Ref) -> float | None:
        """The newest value of a metric."""
        found = self._points.get((metric, ref))
        return found[-1][1] if found else None

    def points(self, metric: str, ref: base.Ref, window_s: float) -> Sequence[windows.Point]:
        """A metric's points since `window_s` ago, as far as they were heard."""
        since = self.now.timestamp() - window_s
        return [point for point in self._points.get((metric, ref), ()) if point[0] >= since]

    def holds(self, condition: expression.Expression) -> bool:
        """Whether it is true of anything that it is about."""
        try:
            return any(condition.ask(self, each).value is True for each in condition.subjects(self))
        except views.Failed:
            return False

    def alerts(self) -> list[alert.Alert]:
        """The alerts that are not at rest."""
        return [each for each in self.entities(alert.Alert.KIND) if isinstance(each, alert.Alert)]

    def interval_s(self, source: str) -> float:
        """How often a source is sampled."""
        status = self._lives.get("core", {}).get(refs.make("core", "source", source))
        return status.interval_s if isinstance(status, core.SourceStatus) else 1.0

    # The stream

    async def follow(self, client: Client) -> None:
        """Hear until the stream ends, which is an error for whoever waits."""
        try:
            async for event in client.changes():
                self._take(event)
                async with self._news:
                    self._news.notify_all()
        except Exception as error:
            self._over = error
            async with self._news:
                self._news.notify_all()

    async def until(self, condition: Callable[[], T], timeout_s: float | None) -> T | None:
        """Wait until something is true of what was heard, and return it; None at the deadline.

        Raises what ended the stream.
        """
        try:
            async with asyncio.timeout(timeout_s), self._news:
                while not (found := condition()):
                    if self._over is not None:
                        raise self._over
                    await self._news.wait()
                return found
        except TimeoutError:
            return None

    def _take(self, event: wire.Snapshot | wire.Changed | wire.Touched) -> None:
        if isinstance(event, wire.Snapshot):
            for each in event.sources:
                self._changed(each)
        elif isinstance(event, wire.Changed):
            self._changed(event)

    def _changed(self, event: wire.Changed) -> None:
        live = self._lives.setdefault(event.source, {})
        self.samples[event.source].append(event.at)
        for ref in event.removes:
            live.pop(ref, None)
        for entity in event.upserts:
            live[entity.ref] = entity
            self._note(entity, event.at)
        for point in event.points:
            key = (point.metric, point.ref)
            kept = self._points.setdefault(key, deque(maxlen=POINTS_MAX))
            kept.append((point.at.timestamp(), point.value))

    def _note(self, entity: base.Entity, at: datetime) -> None:
        said, known = entity.verdict.code or entity.verdict.level.value, self.verdicts[entity.ref]
        if not known or known[-1][1] != said:
            known.append((at, said))
        if isinstance(entity, alert.Alert) and entity.fired_at is not None:
            self._fired(entity, entity.fired_at)
        elif isinstance(entity, run.Run):
            self.runs[entity.ref] = entity
        elif isinstance(entity, core.Operation):
            self.operations[entity.ref] = entity

    def _fired(self, entity: alert.Alert, at: datetime) -> None:
        firing = self.firings.setdefault((entity.ref, at.isoformat()), Firing([], entity))
        firing.alert = entity
        firing.told = firing.told or entity.told_at is not None
        if firing.phases[-1:] != [entity.phase]:
            firing.phases.append(entity.phase)


def after(found: alert.Alert, since: datetime) -> bool:
    """Whether it has fired since then."""
    return found.fired_at is not None and found.fired_at >= since
