"""What lines are counted for: expressions by name, those that ship and those of the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mrcore import errors, match
from mrcore.model import base, log, ref, wire

MOST = 32

SHIPPED: Mapping[str, str] = {
    "http_5xx": r'" 5[0-9][0-9]\b|"status(_code)?": ?5[0-9][0-9]\b',
    "no_connection": r"too many clients already|remaining connection slots|\b53300\b"
    r"|could not acquire a connection",
    "readonly": r"\breadonly\b.*(replica|write)|cannot execute .* in a read-only transaction",
    "smtp_refused": r"\b535\b.*(5\.7\.|auth|credential|password|accepted)",
}
"""Case does not matter. One of the settings with the same name replaces one of these."""


def checked(given: Mapping[str, str]) -> dict[str, str]:
    """All of them. Raises ValueError with what is wrong with one of the settings."""
    patterns = {**SHIPPED, **given}
    if len(patterns) > MOST:
        raise ValueError(f"has {len(given)} patterns; with those that ship {MOST} are allowed")
    for name, expr in given.items():
        if not name.isidentifier():
            raise ValueError(f"{name!r} is no name: letters, digits and _")
        try:
            match.lines(expr)
        except errors.BadRequest as error:
            raise ValueError(f"{name}: {error}") from None
        if not expr:
            raise ValueError(f"{name} is empty, and would count every line")
    return patterns


class Counts:
    """How often each pattern fitted, over the streams, from counters that begin anew."""

    def __init__(self, source: str, patterns: Mapping[str, str]) -> None:
        self._rows = {
            name: log.LogPattern(ref=ref.make(source, "pattern", name), name=name, expr=expr)
            for name, expr in patterns.items()
        }
        self._source = source
        self._reader = -1
        self._at: datetime | None = None
        self._seen: dict[str, Mapping[str, float]] = {}

    def since(
        self, reader: int, at: datetime, streams: Sequence[Mapping[str, Any]]
    ) -> tuple[list[base.Entity], list[wire.Point]]:
        """Every pattern, and points where there is an earlier sample of the same reader."""
        seen = {row["name"]: row["matches"] for row in streams}
        known = self._reader == reader and self._at is not None
        seconds = (at - self._at).total_seconds() if self._at is not None else 0.0
        before, self._seen, self._reader, self._at = self._seen, seen, reader, at
        if not known or seconds <= 0:
            return list(self._rows.values()), []
        points = []
        for name in self._rows:
            grown = self._grown(name, before, seen, at)
            of = self._rows[name].ref
            points += [
                wire.Point(metric="log.match", ref=of, at=at, value=grown),
                wire.Point(metric="log.rate", ref=of, at=at, value=grown / seconds),
            ]
        return list(self._rows.values()), points

    def detail(self, name: str, at: datetime) -> wire.Detail:
        """One pattern. Raises NotFound where there is none of that name."""
        row = self._rows.get(name)
        if row is None:
            raise errors.NotFound(
                f"There is no pattern {name!r}; there are: {', '.join(self._rows)}."
            )
        stream = ref.parse(row.stream).id if row.stream else None
        fields = (
            wire.Field(name="expression", value=row.expr),
            *([wire.Field(name="last fitted", at=row.matched_at)] if row.matched_at else ()),
            *([wire.Field(name="in", value=stream, ref=row.stream)] if row.stream else ()),
        )
        facts = wire.Section(id="facts", title="Facts", fields=fields)
        return wire.Detail(at=at, entity=row, sections=(facts,))

    def _grown(
        self,
        name: str,
        before: Mapping[str, Mapping[str, float]],
        seen: Mapping[str, Mapping[str, float]],
        at: datetime,
    ) -> float:
        """How many more lines fit; a stream that is new has counted from its own beginning."""
        total = 0.0
        for stream, counts in seen.items():
            old = before.get(stream, {}).get(name, 0.0)
            more = counts[name] - old if counts[name] >= old else counts[name]
            if more > 0:
                total += more
                changed = {"matched_at": at, "stream": ref.make(self._source, "stream", stream)}
                self._rows[name] = self._rows[name].model_copy(update=changed)
        return total
