"""What is live now, and who wants to hear of it.

The Hub keeps each source's live set and its latest points. A subscriber holds no events, only
which refs changed since it last looked: the latest wins, so a slow one is bounded by the live set
and can miss nothing. Apply an event's `removes` first (a removed ref takes its points along),
then `upserts`, then `points`; no ref is in both of the first two.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from mrcore.model import base, wire

Event = wire.Snapshot | wire.Changed | wire.Touched
PointKey = tuple[str, base.Ref]

_TOUCHED_MAX = 5_000


@dataclass
class Live:
    """One source now: entities by ref in the order of the sample, points by metric and ref."""

    at: datetime
    entities: dict[base.Ref, base.Entity] = field(default_factory=dict)
    points: dict[PointKey, wire.Point] = field(default_factory=dict)

    def whole(self, source: str) -> wire.Changed:
        return wire.Changed(
            source=source,
            at=self.at,
            upserts=tuple(self.entities.values()),
            points=tuple(self.points.values()),
        )


@dataclass
class _Dirty:
    """What a subscriber has not seen of one source; dicts are sets that keep their order."""

    refs: dict[base.Ref, None] = field(default_factory=dict)
    points: dict[PointKey, None] = field(default_factory=dict)

    def changed(self, source: str, live: Live) -> wire.Changed:
        return wire.Changed(
            source=source,
            at=live.at,
            upserts=tuple(live.entities[ref] for ref in self.refs if ref in live.entities),
            removes=tuple(ref for ref in self.refs if ref not in live.entities),
            points=tuple(live.points[key] for key in self.points if key in live.points),
        )


class Subscriber:
    """One reader of the Hub: `take()` what is new, or iterate over `events()`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._fresh = True
        self._dirty: dict[str, _Dirty] = {}
        self._touched: dict[base.Ref, None] = {}
        self._news = asyncio.Event()
        self._news.set()

    def take(self) -> list[Event]:
        """Everything since the last call; the first time, the snapshot."""
        self._news.clear()
        events: list[Event] = [self._hub.snapshot()] if self._fresh else []
        events += [dirty.changed(s, self._hub.live(s)) for s, dirty in self._dirty.items()]
        if self._touched:
            events.append(wire.Touched(refs=tuple(self._touched)))
        self._fresh, self._dirty, self._touched = False, {}, {}
        return events

    async def events(self) -> AsyncIterator[Event]:
        """Events until the Hub closes."""
        while not self._hub.closed:
            for event in self.take():
                yield event
            await self.news()

    async def news(self) -> None:
        """Wait until `take()` has something, or the Hub is closed."""
        await self._news.wait()

    def mark(self, source: str, refs: Iterable[base.Ref], points: Iterable[PointKey]) -> None:
        """The Hub says that these changed; nothing named still renews the source's `at`."""
        self._news.set()
        if self._fresh:  # the snapshot will hold it
            return
        dirty = self._dirty.setdefault(source, _Dirty())
        dirty.refs.update(dict.fromkeys(refs))
        dirty.points.update(dict.fromkeys(points))

    def touch(self, refs: Iterable[base.Ref]) -> None:
        """The Hub says that an action has just changed these."""
        self._touched.update(dict.fromkeys(refs))
        while len(self._touched) > _TOUCHED_MAX:
            del self._touched[next(iter(self._touched))]
        self._news.set()

    def wake(self) -> None:
        """The Hub closes."""
        self._news.set()


class Hub:
    """The live sets of all sources, pushed to every subscriber."""

    def __init__(self, environment: str, core_version: str, *, now: Callable[[], datetime]) -> None:
        self.environment = environment
        self.core_version = core_version
        self.closed = False
        self._now = now
        self._live: dict[str, Live] = {}
        self._subscribers: set[Subscriber] = set()
        self._listeners: list[Callable[[str], None]] = []

    def listen(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with a source's name whenever that was published; it must not wait."""
        self._listeners.append(listener)

    def publish(self, source: str, sample: wire.Sample) -> wire.Changed:
        """Take a source's sample as its live set and tell subscribers what differs.

        Also when nothing differs: the event renews the age of what they show.
        """
        live = self._live.setdefault(source, Live(sample.at))
        before, points = live.entities, live.points
        after = {entity.ref: entity for entity in sample.entities}
        fresh = {(point.metric, point.ref): point for point in sample.points}
        kept = after.keys() | {ref for _, ref in fresh}
        gone = {ref: None for ref in before if ref not in after}
        gone |= {ref: None for _, ref in points if ref not in kept}
        live.at, live.entities = sample.at, after
        live.points = {k: p for k, p in points.items() if k[1] in kept and k[1] not in gone} | fresh
        upserts = [ref for ref, entity in after.items() if _differs(before.get(ref), entity)]
        for subscriber in self._subscribers:
            subscriber.mark(source, [*gone, *upserts], fresh)
        for listener in self._listeners:
            listener(source)
        return wire.Changed(
            source=source,
            at=sample.at,
            upserts=tuple(after[ref] for ref in upserts),
            removes=tuple(gone),
            points=sample.points,
        )

    def touched(self, refs: Iterable[base.Ref]) -> None:
        """Tell subscribers that an action has just changed `refs`."""
        known = tuple(refs)
        for subscriber in self._subscribers:
            subscriber.touch(known)

    def subscribe(self) -> Subscriber:
        """A new subscriber, whose first event is the snapshot; `unsubscribe` it when done."""
        subscriber = Subscriber(self)
        self._subscribers.add(subscriber)
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Forget a subscriber."""
        self._subscribers.discard(subscriber)

    @property
    def subscribers(self) -> int:
        """How many listen."""
        return len(self._subscribers)

    def snapshot(self) -> wire.Snapshot:
        """Everything that is live now."""
        return wire.Snapshot(
            at=self._now(),
            environment=self.environment,
            core_version=self.core_version,
            sources=tuple(live.whole(name) for name, live in self._live.items()),
        )

    def live(self, source: str) -> Live:
        """One source's live set.

        Raises KeyError before its first sample.
        """
        return self._live[source]

    def known(self, source: str) -> Live | None:
        """One source's live set, or None before its first sample."""
        return self._live.get(source)

    def entity(self, ref: base.Ref, source: str) -> base.Entity | None:
        """A live entity, or None."""
        live = self._live.get(source)
        return live.entities.get(ref) if live else None

    def close(self) -> None:
        """End every subscriber's stream."""
        self.closed = True
        for subscriber in self._subscribers:
            subscriber.wake()


def _differs(before: base.Entity | None, after: base.Entity) -> bool:
    return before is not after and before != after
