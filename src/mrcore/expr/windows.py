"""What a metric did in the last while, from its points."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

Point = tuple[float, float]
"""(seconds, value)"""

WINDOW_MAX_S = 3_600.0
"""How far back the points in memory go."""

COVERED = 0.5
"""The share of a window that its points have to span: less says nothing of it."""


class Function(NamedTuple):
    """A function of a window; `per_second` ones divide by time."""

    id: str
    label: str
    of: Callable[[Sequence[Point]], float]
    per_second: bool = False


def enough(points: Sequence[Point], window_s: float) -> bool:
    """Whether points say something of a window of that length."""
    return len(points) >= 2 and points[-1][0] - points[0][0] >= COVERED * window_s


def _slope(points: Sequence[Point]) -> float:
    """Of the least squares' line; a horizontal one where all are of one instant."""
    count = len(points)
    mean_at = sum(at for at, _ in points) / count
    mean = sum(value for _, value in points) / count
    across = sum((at - mean_at) ** 2 for at, _ in points)
    along = sum((at - mean_at) * (value - mean) for at, value in points)
    return along / across if across else 0.0


def _delta(points: Sequence[Point]) -> float:
    return points[-1][1] - points[0][1]


def _rate(points: Sequence[Point]) -> float:
    """The growth of a counter; where it shrank it began anew at zero."""
    grown = sum(
        after - before if after >= before else after
        for (_, before), (_, after) in itertools.pairwise(points)
    )
    return grown / (points[-1][0] - points[0][0])


def _values(points: Sequence[Point]) -> list[float]:
    return [value for _, value in points]


def _p95(points: Sequence[Point]) -> float:
    ordered = sorted(_values(points))
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


FUNCTIONS: dict[str, Function] = {
    f.id: f
    for f in (
        Function("slope", "how steeply it rises, a second", _slope, per_second=True),
        Function("delta", "the last minus the first", _delta),
        Function("rate", "how quickly a counter grows, a second", _rate, per_second=True),
        Function("median", "the middle value", lambda p: statistics.median(_values(p))),
        Function("avg", "the mean", lambda p: statistics.fmean(_values(p))),
        Function("min", "the least", lambda p: min(_values(p))),
        Function("max", "the greatest", lambda p: max(_values(p))),
        Function("p95", "what 95 of 100 do not pass", _p95),
    )
}
