"""A view over entities and points that a test writes down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mrcore.model import base, queue

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class View:
    """What is known at `now`; points are (seconds before now as a negative number, value)."""

    things: Sequence[base.Entity] = ()
    history: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    now: datetime = T0

    def entities(self, kind: str) -> Iterable[base.Entity]:
        return [entity for entity in self.things if entity.kind == kind]

    def source_kind(self, ref: base.Ref) -> str:
        name = ref.split("/", 1)[0]
        return self.kinds.get(name, name)

    def latest(self, metric: str, ref: base.Ref) -> float | None:
        points = self.history.get((metric, ref))
        return points[-1][1] if points else None

    def points(self, metric: str, ref: base.Ref, window_s: float) -> Sequence[tuple[float, float]]:
        return [point for point in self.history.get((metric, ref), []) if point[0] >= -window_s]


def a_queue(name: str = "emailQueue", *, source: str = "huey", **facts: object) -> queue.Queue:
    """A queue with these facts."""
    made = {"ref": f"{source}/queue/{name}", "engine": source, "name": name, **facts}
    return queue.Queue.model_validate(made)
