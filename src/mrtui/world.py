"""What is known now: tables of entities by kind, points, freshness. Pure: no I/O, no clock."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from mrcore.model import alert, base, core, wire

RING = 120
"""How many recent points of one metric and ref are kept: two minutes at a sample a second."""

LEAST_STALE_S = 5.0
"""A source is never called stale before this age, however short its interval is."""

STALE = "source.stale"
"""Code of the verdict on what is too old to be believed."""

LOST = base.Verdict(level=base.Level.UNKNOWN, code="core.lost", why="core lost")
"""The verdict on everything while there is no core."""

REFUSED = base.Verdict(level=base.Level.UNKNOWN, code="core.refused", why="token not taken")
"""The verdict on everything while the core does not know who asks."""

REPORTS: Mapping[str, frozenset[str]] = {
    # kind of source: kinds of entities, until it has said so itself at its first sample
    "pg": frozenset({"postgres", "session", "check"}),
    "redis": frozenset({"node", "key", "check"}),
    "huey": frozenset({"queue", "worker", "schedule", "job"}),
    "logs": frozenset({"stream", "line"}),
    "backend": frozenset({"check"}),
    "stack": frozenset({"process"}),
    "host": frozenset({"host", "disk", "certificate"}),
}

RANK = {base.Level.BAD: 0, base.Level.WARN: 1, base.Level.UNKNOWN: 2, base.Level.OK: 3}
"""Order of trouble: the worst first."""

Measured = tuple[datetime, float]
"""When, and the value in the metric's unit."""


class Difference(NamedTuple):
    """What an event changed: a screen repaints if one of these is its business."""

    refs: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()

    def __or__(self, other: Difference) -> Difference:
        return Difference(*(mine | theirs for mine, theirs in zip(self, other, strict=True)))


class Trouble(NamedTuple):
    """One thing that is not well; a source that is away stands for all of its entities."""

    level: base.Level
    entity: base.Entity
    verdict: base.Verdict


class World:
    """Everything that the screen shows of the live sets; changed only by `apply` and `lost`."""

    def __init__(self) -> None:
        self.environment = ""
        self.core_version = ""
        self.connected = False
        self.lost_at: datetime | None = None
        self.retry_at: datetime | None = None
        self.why_lost = ""
        self.refused = False
        """Whether the core is there, and does not know who asks."""
        self.skew = timedelta(0)
        self.tables: dict[str, dict[str, base.Entity]] = {}
        self.sampled_at: dict[str, datetime] = {}
        self._kind_of: dict[str, str] = {}
        self._refs_of: dict[str, set[str]] = {}
        self._rings: dict[tuple[str, str], deque[Measured]] = {}

    # What changes it

    def apply(self, event: wire.Snapshot | wire.Changed | wire.Touched) -> Difference:
        """Take one event in, whole; what it changed comes back."""
        if isinstance(event, wire.Touched):
            return Difference(touched=frozenset(event.refs))
        if isinstance(event, wire.Snapshot):
            return self._replace(event)
        return self._change(event)

    def lost(
        self, at: datetime, why: str, retry_at: datetime | None, *, refused: bool = False
    ) -> None:
        """The core is gone since `at` (kept over further failures) and is tried again then.

        `refused`: it is not gone, it does not take this login's token.
        """
        self.refused = refused
        self.connected = False
        self.lost_at = self.lost_at or at
        self.retry_at = retry_at
        self.why_lost = why

    def _replace(self, snapshot: wire.Snapshot) -> Difference:
        self.environment = snapshot.environment
        self.core_version = snapshot.core_version
        self.connected, self.lost_at, self.retry_at, self.why_lost = True, None, None, ""
        self.refused = False
        difference = Difference()
        named = {changed.source for changed in snapshot.sources}
        for gone in set(self._refs_of) - named:
            difference |= self._forget(gone, self._refs_of[gone])
            del self._refs_of[gone]
            self.sampled_at.pop(gone, None)
        for changed in snapshot.sources:
            fresh = {entity.ref for entity in changed.upserts}
            old = self._refs_of.get(changed.source, set()) - fresh
            difference |= self._forget(changed.source, old) | self._change(changed)
        return difference

    def _change(self, changed: wire.Changed) -> Difference:
        mine = self._refs_of.setdefault(changed.source, set())
        difference = self._forget(changed.source, changed.removes)
        kinds = set()
        for entity in changed.upserts:
            old_kind = self._kind_of.get(entity.ref)
            if old_kind is not None and old_kind != entity.kind:
                del self.tables[old_kind][entity.ref]
                kinds.add(old_kind)
            self.tables.setdefault(entity.kind, {})[entity.ref] = entity
            self._kind_of[entity.ref] = entity.kind
            mine.add(entity.ref)
            kinds.add(entity.kind)
        for point in changed.points:
            ring = self._rings.setdefault((point.metric, point.ref), deque(maxlen=RING))
            if not ring or point.at > ring[-1][0]:
                ring.append((point.at, point.value))
        self.sampled_at[changed.source] = changed.at
        refs = frozenset(entity.ref for entity in changed.upserts)
        return difference | Difference(refs, frozenset(kinds), frozenset({changed.source}))

    def _forget(self, source: str, refs: Iterable[str]) -> Difference:
        gone = [ref for ref in refs if ref in self._kind_of]
        kinds = frozenset(self._kind_of[ref] for ref in gone)
        for ref in gone:
            del self.tables[self._kind_of.pop(ref)][ref]
            self._refs_of[source].discard(ref)
        if gone:
            lost = set(gone)
            self._rings = {key: ring for key, ring in self._rings.items() if key[1] not in lost}
        return Difference(frozenset(gone), kinds, frozenset({source}))

    # What it knows

    def table(self, kind: str) -> Mapping[str, base.Entity]:
        """Entities of a kind by ref, in the order in which they were first seen."""
        return self.tables.get(kind, {})

    def get(self, ref: str) -> base.Entity | None:
        """The live entity of a ref, if there is one."""
        return self.tables.get(self._kind_of.get(ref, ""), {}).get(ref)

    def source_of(self, entity: base.Entity) -> str:
        """The name of the source that reports an entity (of a live set, or of a page)."""
        return entity.ref.split("/", 1)[0]

    def sources_of(self, kind: str) -> frozenset[str]:
        """The names of the sources that report a kind, also before their first sample."""
        named = {self.source_of(entity) for entity in self.table(kind).values()}
        for entity in self.table("source").values():
            if isinstance(entity, core.SourceStatus):
                usual = REPORTS.get(entity.source_kind, frozenset())
                if kind in usual or kind in entity.kinds:
                    named.add(entity.name)
        return frozenset(named)

    def status(self, source: str) -> core.SourceStatus | None:
        """What the core says of a source."""
        for entity in self.table("source").values():
            if isinstance(entity, core.SourceStatus) and entity.name == source:
                return entity
        return None

    def latest(self, metric: str, ref: str) -> float | None:
        """The newest value of a metric, in its unit."""
        ring = self._rings.get((metric, ref))
        return ring[-1][1] if ring else None

    def recent(self, metric: str, ref: str) -> list[float]:
        """Recent values of a metric, oldest first, at most RING."""
        return [value for _, value in self._rings.get((metric, ref), ())]

    def total(self, metric: str) -> float | None:
        """Sum of the newest values of a metric over all refs; None when there are none."""
        values = [ring[-1][1] for (name, _), ring in self._rings.items() if name == metric]
        return sum(values) if values else None

    def recent_total(self, metric: str) -> list[float]:
        """Recent values of a metric summed over all refs, oldest first, aligned at the newest."""
        rings = [ring for (name, _), ring in self._rings.items() if name == metric]
        longest = max(map(len, rings), default=0)
        sums = [0.0] * longest
        for ring in rings:
            for place, (_, value) in enumerate(ring, start=longest - len(ring)):
                sums[place] += value
        return sums

    def age_s(self, source: str, now: datetime) -> float | None:
        """Seconds since a source was last sampled; None before the first sample."""
        at = self.sampled_at.get(source)
        return None if at is None else max(0.0, (now - at).total_seconds())

    def due_s(self, source: str) -> float:
        """The age up to which nothing newer is expected of a source: its next sample is not due."""
        status = self.status(source)
        due_s = status.interval_s + status.deadline_s if status is not None else 0.0
        return max(LEAST_STALE_S, due_s)

    def trust(self, source: str, now: datetime) -> base.Verdict:
        """Whether what a source said can still be believed: `ok`, or `unknown` and why."""
        if self.lost_at is not None:
            return REFUSED if self.refused else LOST
        status = self.status(source)
        if status is not None and status.verdict.level is base.Level.UNKNOWN:
            return status.verdict
        age_s = self.age_s(source, now)
        if age_s is None:
            return base.Verdict(
                level=base.Level.UNKNOWN, code="source.starting", why="no sample yet"
            )
        patience_s = LEAST_STALE_S
        if status is not None:
            patience_s = max(patience_s, 3 * status.interval_s + status.deadline_s)
        if age_s > patience_s:
            why = f"no sample for {age_s:.0f} s"
            return base.Verdict(level=base.Level.UNKNOWN, code=STALE, why=why)
        return base.OK

    def verdict(self, entity: base.Entity, now: datetime) -> base.Verdict:
        """How an entity is, as far as that is known: `unknown` when its source is."""
        return self._verdict(entity, lambda source: self.trust(source, now))

    def _verdict(self, entity: base.Entity, trust: Callable[[str], base.Verdict]) -> base.Verdict:
        if isinstance(entity, core.SourceStatus) and entity.verdict.level is base.Level.OK:
            return trust(entity.name)
        known = trust(self.source_of(entity))
        return entity.verdict if known.level is base.Level.OK else known

    def troubles(self, now: datetime) -> list[Trouble]:
        """What is not well, the worst first; one line for a source that is away.

        Alerts of a level stand as in their own list, so that both lead to the same one first.
        """
        trust = functools.cache(lambda source: self.trust(source, now))
        away = {name for name in self.sampled_at if trust(name) != base.OK}
        found = []
        for table in self.tables.values():
            for entity in table.values():
                if not isinstance(entity, core.SourceStatus) and self.source_of(entity) in away:
                    continue
                verdict = self._verdict(entity, trust)
                if verdict.level is not base.Level.OK:
                    found.append(Trouble(verdict.level, entity, verdict))
        return sorted(
            found, key=lambda t: (RANK[t.level], t.entity.kind, *_urgency(t.entity), t.entity.ref)
        )

    def level(self, now: datetime) -> base.Level:
        """The worst level of all; `unknown` while nothing is known."""
        if not self.sampled_at or not self.connected:
            return base.Level.UNKNOWN
        troubles = self.troubles(now)
        return troubles[0].level if troubles else base.Level.OK


def _urgency(entity: base.Entity) -> tuple[bool, bool, str, float]:
    """Order of alerts: what fires, what somebody is told of (a cause stands before what comes of
    it), what is more severe, what is newer."""
    if not isinstance(entity, alert.Alert) or entity.fired_at is None:
        return False, False, "", 0.0
    recovers = entity.phase is not alert.Phase.FIRING
    at_s = entity.fired_at.timestamp()
    return recovers, bool(entity.hidden), entity.severity.value, -at_s
