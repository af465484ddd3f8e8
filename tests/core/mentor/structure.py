"""The structure of JSON that was recorded, and how an answer differs from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

OPAQUE = {"data", "returnValue", "opts", "counts", "template", "options"}
"""What is the application's, or is named by states."""

ALSO = {"delay", "lastRun", "message", "priority", "tz"}
"""Fields that Bull Board has and that no recording happens to show where we do."""

OPTIONAL = {"iterationCount", "nextRunJobId", "os", "processedBy"}
"""What its schemas let out, and all recordings have."""

NULLABLE = {"hasWorkers"}
"""What its schemas let be null, and no recording has so."""


class Structure:
    """What was seen at each place: the types, and of objects the fields."""

    def __init__(self, answers: Iterable[Any]) -> None:
        self._types: dict[str, set[str]] = {}
        self._fields: dict[str, list[set[str]]] = {}
        for answer in answers:
            self._learn("", answer)

    def _learn(self, place: str, value: Any) -> None:
        self._types.setdefault(place, set()).add(_type(value))
        if place.rpartition(".")[2] in OPAQUE:
            return
        if isinstance(value, dict):
            self._fields.setdefault(place, []).append(set(value))
        for below, each in _below(place, value):
            self._learn(below, each)

    def differences(self, value: Any, place: str = "") -> Iterator[str]:
        """Sentences; none when the answer could be one of the board's."""
        if place not in self._types:
            return
        nullable = value is None and place.rpartition(".")[2] in NULLABLE
        if _type(value) not in self._types[place] and not nullable:
            yield f"{place} is {_type(value)}, not {self._types[place]}"
        if place.rpartition(".")[2] in OPAQUE:
            return
        if isinstance(value, dict) and place in self._fields:
            known = set.union(*self._fields[place]) | ALSO
            always = set.intersection(*self._fields[place]) - OPTIONAL
            if strange := set(value) - known:
                yield f"{place} has {strange}"
            if lacking := always - set(value):
                yield f"{place} lacks {lacking}"
        for below, each in _below(place, value):
            yield from self.differences(each, below)


def _below(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"{place}.{name}", each) for name, each in value.items())
    elif isinstance(value, list):
        yield from ((f"{place}[]", each) for each in value)


def _type(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else type(value).__name__
