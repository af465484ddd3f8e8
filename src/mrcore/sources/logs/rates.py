"""Rates of streams, from counters that begin again with every reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class _Seen(NamedTuple):
    at_s: float
    lines: int
    errors: float


class Rates:
    """Remembers the last counters of every stream."""

    def __init__(self) -> None:
        self._reader = -1
        self._seen: dict[str, _Seen] = {}

    def since(
        self, reader: int, at_s: float, rows: Sequence[Mapping[str, Any]]
    ) -> dict[str, dict[str, float]]:
        """Points by stream; none where there is no earlier sample of the same reader."""
        seen = {r["name"]: _Seen(at_s, r["lines"], r["errors"]) for r in rows}
        before = self._seen if reader == self._reader else {}
        self._reader, self._seen = reader, seen
        return {
            name: {
                "log.line_rate": (now.lines - old.lines) / (now.at_s - old.at_s),
                "log.error_rate": (now.errors - old.errors) / (now.at_s - old.at_s),
            }
            for name, now in seen.items()
            if (old := before.get(name)) is not None
            and now.at_s > old.at_s
            and now.lines >= old.lines  # a stream of the same name that began again
            and now.errors >= old.errors
        }
