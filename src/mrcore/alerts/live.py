"""What rules are asked of: the live sets and the points of the last hour, at one instant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from mrcore import hub as hubs
from mrcore import series
from mrcore.model import base, core
from mrcore.model import ref as refs

PATIENCE_S = 5.0
"""A source is never away before this, however short its interval is."""

STALE_S = 10.0
"""A point is not taken for now when it is older than that, and than three intervals."""


class Live:
    """A view of a core's Hub and series; what a source that is away has said is not in it."""

    def __init__(
        self,
        hub: hubs.Hub,
        points: series.Series,
        statuses: Sequence[core.SourceStatus],
        now: datetime,
    ) -> None:
        self.now = now
        self._series = points
        self._statuses = {status.name: status for status in statuses}
        self._lives: dict[str, hubs.Live] = {}
        self._tables: dict[str, list[base.Entity]] = {"source": list(statuses)}
        for name, status in self._statuses.items():
            live = hub.known(name)
            if live is not None and _answers(status, live.at, now):
                self._lives[name] = live
                self._sort(live)

    def _sort(self, live: hubs.Live) -> None:
        for entity in live.entities.values():
            if entity.kind != core.SourceStatus.KIND:  # the statuses are newer
                self._tables.setdefault(entity.kind, []).append(entity)

    def entities(self, kind: str) -> Iterable[base.Entity]:
        """Everything of a kind."""
        return self._tables.get(kind, ())

    def has(self, source: str) -> bool:
        """Whether the core watches such a source, however that is."""
        return source in self._statuses

    def answers(self, source: str) -> bool:
        """Whether what a source says is known now."""
        return source in self._lives

    def source_kind(self, ref: base.Ref) -> str:
        """The kind of the source that a ref is of."""
        status = self._statuses.get(refs.source_of(ref))
        return status.source_kind if status else ""

    def latest(self, metric: str, ref: base.Ref) -> float | None:
        """The newest value of a metric, if it is of now."""
        name = refs.source_of(ref)
        live = self._lives.get(name)
        point = live.points.get((metric, ref)) if live else None
        if live is None or point is None:
            return None
        stale_s = max(STALE_S, 3 * self._statuses[name].interval_s)
        return point.value if live.at - point.at <= timedelta(seconds=stale_s) else None

    def points(self, metric: str, ref: base.Ref, window_s: float) -> Sequence[tuple[float, float]]:
        """A metric's points since `window_s` ago; none where the source is away."""
        if refs.source_of(ref) not in self._lives:
            return ()
        return self._series.recent(metric, ref, self.now - timedelta(seconds=window_s))


def _answers(status: core.SourceStatus, at: datetime, now: datetime) -> bool:
    patience_s = max(PATIENCE_S, 3 * status.interval_s + status.deadline_s)
    return status.state == "watching" and (now - at).total_seconds() <= patience_s
