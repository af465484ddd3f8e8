"""Rates of streams, from counters that begin again with every reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_LEVELS = {"error": "errors", "warn": "warnings"}


class _Seen(NamedTuple):
    at_s: float
    counts: Mapping[str, float]


class Rates:
    """Remembers the last counters of every stream."""

    def __init__(self) -> None:
        self._reader = -1
        self._seen: dict[str, _Seen] = {}

    def since(
        self, reader: int, at_s: float, rows: Sequence[Mapping[str, Any]]
    ) -> dict[str, dict[str, float]]:
        """Points by stream; none where there is no earlier sample of the same reader."""
        names = ("lines", *_LEVELS.values())
        seen = {row["name"]: _Seen(at_s, {name: row[name] for name in names}) for row in rows}
        before = self._seen if reader == self._reader else {}
        self._reader, self._seen = reader, seen
        return {
            name: _rates(old, now)
            for name, now in seen.items()
            if (old := before.get(name)) is not None
            and now.at_s > old.at_s
            # not a stream of the same name that began again
            and all(now.counts[counter] >= old.counts[counter] for counter in names)
        }


def _rates(old: _Seen, now: _Seen) -> dict[str, float]:
    """Lines a second: all, of the levels that are told apart, and the others."""

    def rate(counter: str) -> float:
        return (now.counts[counter] - old.counts[counter]) / (now.at_s - old.at_s)

    every = rate("lines")
    levels = {f"log.{level}_rate": rate(counter) for level, counter in _LEVELS.items()}
    other = max(0.0, every - sum(levels.values()))
    return {"log.line_rate": every, **levels, "log.other_rate": other}
